"""Bad overlay files: the class of the error, and a message with finding and file."""

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import ray
import ray.data
import shapely

from ratiopath.errors import (
    InvalidMppError,
    MissingMppError,
    SlideError,
    SlideNotFoundError,
    TruncatedError,
    UnsupportedFormatError,
    UnsupportedImageError,
)
from tests.support.bad_files import (
    OME,
    SVS,
    SVS_2000,
    Maker,
    corrupt,
    cut,
    described,
    level,
    ome_stack,
    plain,
    retagged,
    without_its_last_level,
)
from tests.support.expressions import overlap_expression, overlaps_of, patches_of, tile_table
from tests.support.layouts import LAYOUTS, Raster

BOX = shapely.box(0, 0, 16, 16)


@dataclass(frozen=True, slots=True)
class Fault:
    """A bad file and the error that it must cause."""

    make: Maker
    error: type[SlideError]
    found: str


FAULTS = {
    "missing": Fault(lambda path: None, SlideNotFoundError, "no such file"),
    "folder": Fault(Path.mkdir, SlideNotFoundError, "is a directory"),
    "empty": Fault(Path.touch, UnsupportedFormatError, "an empty file"),
    "text": Fault(lambda path: path.write_text("not an image"), UnsupportedFormatError, "a text file"),
    "text-that-begins-like-a-tiff": Fault(lambda path: path.write_bytes(b"II*\0" + bytes(100)), SlideError, "no pages"),
    "cut-in-the-pixels": Fault(cut("deflate", 0.5), TruncatedError, "segments"),
    "cut-in-the-directories": Fault(cut("ome", 0.02), TruncatedError, "truncated"),
    "cut-before-the-last-level": Fault(without_its_last_level, TruncatedError, "offset"),
    "cut-strips": Fault(cut("strip-whole", 0.9), TruncatedError, "segments"),
    "cut-bigtiff": Fault(cut("bigtiff", 0.95), TruncatedError, "segments"),
    "cut-aperio": Fault(cut("aperio", 0.4), TruncatedError, "segments"),
    "corrupt": Fault(corrupt("deflate"), TruncatedError, "Error"),
    "corrupt-jpeg": Fault(corrupt("jpeg"), TruncatedError, "Error"),
    "corrupt-aperio": Fault(corrupt("aperio"), TruncatedError, "Error"),
    "corrupt-aperio-jpeg2000": Fault(corrupt("aperio-jpeg2000"), TruncatedError, "error"),
    "stack": Fault(ome_stack, UnsupportedImageError, "Z=3"),
    "no-tags": Fault(plain(), MissingMppError, "no resolution"),
    "no-unit": Fault(plain(resolution=(5, 5), resolutionunit="NONE"), MissingMppError, "no resolution"),
    "ome-without-size": Fault(described(OME, "PhysicalSize", "Physical"), MissingMppError, "no resolution"),
    "ome-in-pixels": Fault(described(OME, '"nm"', '"pixel"'), MissingMppError, "no resolution"),
    "aperio-without-mpp": Fault(described(SVS, "MPP = 0.5", "", 3), MissingMppError, "no resolution"),
    "aperio-jpeg2000-without-mpp": Fault(described(SVS_2000, "MPP = 0.5", "", 3), MissingMppError, "no resolution"),
    "no-pixel-per-centimetre": Fault(retagged(XResolution=(0, 1)), InvalidMppError, "inf x 0.5"),
    "rational-over-zero": Fault(retagged(YResolution=(5, 0)), InvalidMppError, "0.5 x 0.0"),
    "ome-zero": Fault(described(OME, '"500.0"', '"0"'), InvalidMppError, "0.0 x 0.0"),
    "ome-negative": Fault(described(OME, '"500.0"', '"-3"'), InvalidMppError, "-0.003"),
    "ome-infinite": Fault(described(OME, '"500.0"', '"INF"'), InvalidMppError, "inf"),
    "ome-nan": Fault(described(OME, '"500.0"', '"NaN"'), InvalidMppError, "nan"),
    "ome-no-number": Fault(described(OME, '"500.0"', '"small"'), InvalidMppError, "nan"),
    "aperio-zero": Fault(described(SVS, "MPP = 0.5", "MPP = 0.0", 3), InvalidMppError, "MPP = 0.0"),
    "aperio-negative": Fault(described(SVS, "MPP = 0.5", "MPP = -1.", 3), InvalidMppError, "MPP = -1."),
    "aperio-jpeg2000-negative": Fault(described(SVS_2000, "MPP = 0.5", "MPP = -1.", 3), InvalidMppError, "MPP = -1."),
}


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("read", [overlaps_of, patches_of])
def test_a_bad_file_is_refused_with_its_finding_and_path(name: str, read: Callable, tmp_path: Path) -> None:
    fault, path = FAULTS[name], tmp_path / "bad.tiff"
    fault.make(path)
    with pytest.raises(fault.error) as caught:
        read(tile_table(path, [(0, 0)], (0.5, 0.5)), BOX)
    assert fault.found in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("name", FAULTS)
def test_the_errors_survive_pickling_whole(name: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.tiff"
    FAULTS[name].make(path)
    with pytest.raises(FAULTS[name].error) as caught:
        overlaps_of(tile_table(path, [(0, 0)], (0.5, 0.5)), BOX)
    back = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - our own bytes
    assert type(back) is type(caught.value)
    assert (str(back), back.path) == (str(caught.value), str(path))


@pytest.mark.parametrize("name", [name for name, fault in FAULTS.items() if fault.error is MissingMppError])
def test_a_file_without_resolution_is_read_where_one_is_given(name: str, tmp_path: Path) -> None:
    FAULTS[name].make(tmp_path / "a.tiff")
    table = tile_table(tmp_path / "a.tiff", [(0, 0)], (0.5, 0.5))
    assert sum(overlaps_of(table, BOX, overlay_mpp=0.5)[0].values()) == pytest.approx(1)


@pytest.mark.parametrize("name", [name for name, fault in FAULTS.items() if fault.error is InvalidMppError])
def test_a_file_with_a_wrong_resolution_is_read_where_another_is_given(name: str, tmp_path: Path) -> None:
    FAULTS[name].make(tmp_path / "a.tiff")
    table = tile_table(tmp_path / "a.tiff", [(0, 0)], (0.5, 0.5))
    assert sum(overlaps_of(table, BOX, overlay_mpp=(0.5, 0.5))[0].values()) == pytest.approx(1)


CUT_LAYOUTS = [
    "tiles",
    "strips-of-7",
    "ome",
    "bigtiff-subifds-big-endian",
    "planes",
    "jpeg",
    "aperio",
    "aperio-jpeg2000",
]


@pytest.mark.parametrize("layout", CUT_LAYOUTS)
def test_no_beginning_of_a_file_gives_an_answer(layout: str, tmp_path: Path) -> None:
    """Cut anywhere, a file is refused: also where the tile looks only at what is left of it, or at nothing."""
    random = np.random.default_rng(0)
    levels = tuple(random.integers(0, 9, (rows, rows + 9, 3)).astype(np.uint8) for rows in (70, 35))
    LAYOUTS[layout].write(tmp_path / "whole.tiff", Raster(levels, (0.5, 0.5)))
    content = (tmp_path / "whole.tiff").read_bytes()
    table = tile_table(tmp_path / "cut.tiff", [(0, 0), (1000, 1000)], (0.5, 0.5))
    for length in np.linspace(0, len(content) - 1, 120).astype(int).tolist():
        (tmp_path / "cut.tiff").write_bytes(content[:length])
        with pytest.raises(SlideError, match=r"cut\.tiff"):
            overlaps_of(table, shapely.box(0, 0, 2, 2))


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="only Linux lists open files in /proc")
@pytest.mark.parametrize("name", FAULTS)
def test_a_refused_file_is_closed_at_once(name: str, tmp_path: Path) -> None:
    """Not when the garbage collector comes by: a run over thousands of bad files must not run out of handles."""
    path = tmp_path / "bad.tiff"
    FAULTS[name].make(path)
    with pytest.raises(SlideError) as caught:  # whose traceback keeps every local variable alive
        overlaps_of(tile_table(path, [(0, 0)], (0.5, 0.5)), BOX)
    still_open = [link.resolve() for link in Path("/proc/self/fd").iterdir() if link.exists()]
    assert path.resolve() not in still_open
    assert str(path) in str(caught.value)


def test_an_aperio_slide_cut_behind_what_the_tiles_need_is_refused_too(tmp_path: Path) -> None:
    cut("aperio", 0.4)(tmp_path / "cut.svs")
    with pytest.raises(SlideError, match=r"cut\.svs"):
        overlaps_of(tile_table(tmp_path / "cut.svs", [(0, 0)], (0.5, 0.5)), shapely.box(0, 0, 2, 2))


def test_one_bad_file_of_a_block_is_the_one_that_is_named(tmp_path: Path) -> None:
    LAYOUTS["tiles"].write(tmp_path / "good.tiff", Raster((level(),), (0.5, 0.5)))
    table = tile_table("", [(0, 0), (1, 1)], (0.5, 0.5))
    paths = [str(tmp_path / "good.tiff"), str(tmp_path / "gone.tiff")]
    table = table.set_column(0, "mask", [paths])
    with pytest.raises(SlideNotFoundError) as caught:
        overlaps_of(table, BOX)
    assert caught.value.path == paths[1]


@pytest.mark.parametrize("name", ["missing", "text", "cut-in-the-pixels", "no-tags", "ome-zero"])
@pytest.mark.usefixtures("local_ray")
def test_the_message_comes_through_ray_whole(name: str, tmp_path: Path) -> None:
    fault, path = FAULTS[name], tmp_path / "bad.tiff"
    fault.make(path)
    table = tile_table(path, [(0, 0)], (0.5, 0.5))
    dataset = ray.data.from_arrow(table).with_column("share", overlap_expression(BOX), num_cpus=1)
    with pytest.raises(ray.exceptions.RayTaskError) as caught:
        dataset.take_all()
    for part in (fault.error.__name__, fault.found, str(path)):
        assert part in str(caught.value)


@pytest.mark.usefixtures("local_ray")
def test_a_ray_task_raises_the_very_class(tmp_path: Path) -> None:
    @ray.remote
    def read(path: str) -> None:
        from ratiopath.slides import open_slide  # noqa: PLC0415 - this runs in a worker

        open_slide(path)

    with pytest.raises(SlideNotFoundError) as caught:
        ray.get(read.remote(str(tmp_path / "gone.tiff")))
    assert str(tmp_path / "gone.tiff") in str(caught.value)
