"""Every line of the contract's "Errors": its class, and a message with rule, finding, file and remedy."""

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import ray
import ray.data
import shapely
import tifffile

from ratiopath.errors import (
    InvalidMppError,
    MissingMppError,
    NotAnImageError,
    SlideError,
    SlideNotFoundError,
    TruncatedError,
    UnsupportedImageError,
)
from tests.support.expressions import overlap_expression, overlaps_of, patches_of, tile_table
from tests.support.layouts import LAYOUTS, Layout, Raster

BOX = shapely.box(0, 0, 16, 16)


@dataclass(frozen=True, slots=True)
class Fault:
    """A bad file and what must be said of it."""

    make: Callable[[Path], object]
    error: type[SlideError]
    rule: str
    found: str
    remedy: str


def level(channels: int = 1) -> np.ndarray:
    shape = (40, 50) if channels == 1 else (40, 50, channels)
    return np.random.default_rng(0).integers(0, 3, shape).astype(np.uint8)


def cut(layout: str, share: float) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        LAYOUTS[layout].write(path, Raster((level(3).repeat(4, 0).repeat(4, 1),), (0.5, 0.5)))
        path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])

    return make


def without_its_last_level(path: Path) -> None:
    """The first level is whole; the directory of the second one lies beyond the end."""
    LAYOUTS["tiles"].write(path, Raster((level(3), level(3)[::2, ::2]), (0.5, 0.5)))
    with tifffile.TiffFile(path) as tiff:
        end = tiff.pages[1].offset
    path.write_bytes(path.read_bytes()[:end])


def tagged(**tags: object) -> Callable[[Path], None]:
    return lambda path: tifffile.imwrite(path, level(), metadata=None, **tags)


def with_tag(name: str, value: tuple[int, int]) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        tagged(resolution=(20_000, 20_000), resolutionunit="CENTIMETER")(path)
        with tifffile.TiffFile(path, mode="r+") as tiff:
            tiff.pages[0].tags[name].overwrite(value)

    return make


def described(layout: Layout, was: str, becomes: str, channels: int = 1) -> Callable[[Path], None]:
    """A file whose description says something else."""

    def make(path: Path) -> None:
        layout.write(path, Raster((level(channels),), (0.5, 0.5)))
        with tifffile.TiffFile(path, mode="r+") as tiff:
            tag = tiff.pages[0].tags["ImageDescription"]
            assert was in tag.value
            tag.overwrite(tag.value.replace(was, becomes).encode())

    return make


OME = Layout(container="ome", pyramid="none", unit="nm")
SVS, SVS_2000 = LAYOUTS["aperio"], LAYOUTS["aperio-jpeg2000"]


def corrupt(layout: str) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        LAYOUTS[layout].write(path, Raster((level(3),), (0.5, 0.5)))
        with tifffile.TiffFile(path) as tiff:
            start = tiff.pages[0].dataoffsets[0]
        with path.open("r+b") as file:
            file.seek(start)
            file.write(b"\xff" * 40)

    return make


def stack(path: Path) -> None:
    volume = np.zeros((3, 40, 50), np.uint8)
    sizes = {"PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5}
    tifffile.imwrite(path, volume, ome=True, photometric="minisblack", metadata={"axes": "ZYX", **sizes})


FAULTS = {
    "missing": Fault(lambda path: None, SlideNotFoundError, "exists", "No such file", "check the path"),
    "folder": Fault(Path.mkdir, SlideNotFoundError, "exists", "directory", "check the path"),
    "empty": Fault(Path.touch, NotAnImageError, "is an image", "0 bytes", "TIFF"),
    "text": Fault(lambda path: path.write_text("not an image"), NotAnImageError, "is an image", "not", "TIFF"),
    "text-that-begins-like-a-tiff": Fault(
        lambda path: path.write_bytes(b"II*\0" + bytes(100)), SlideError, "TIFF", "path=", "export"
    ),
    "cut-in-the-pixels": Fault(cut("deflate", 0.5), TruncatedError, "TIFF", "segments", "again"),
    "cut-in-the-directories": Fault(cut("ome", 0.02), TruncatedError, "TIFF", "path=", "again"),
    "cut-before-the-last-level": Fault(without_its_last_level, TruncatedError, "TIFF is whole", "offset", "again"),
    "cut-strips": Fault(cut("strip-whole", 0.9), TruncatedError, "TIFF", "segments", "again"),
    "cut-bigtiff": Fault(cut("bigtiff", 0.95), TruncatedError, "TIFF", "segments", "again"),
    "cut-aperio": Fault(cut("aperio", 0.4), TruncatedError, "TIFF", "segments", "again"),
    "corrupt": Fault(corrupt("deflate"), TruncatedError, "whole", "Error", "again"),
    "corrupt-jpeg": Fault(corrupt("jpeg"), TruncatedError, "whole", "Error", "again"),
    "corrupt-aperio": Fault(corrupt("aperio"), TruncatedError, "whole", "Error", "again"),
    "corrupt-aperio-jpeg2000": Fault(corrupt("aperio-jpeg2000"), TruncatedError, "whole", "Error", "again"),
    "stack": Fault(stack, UnsupportedImageError, "one plane", "Z=3", "export one plane"),
    "no-tags": Fault(tagged(), MissingMppError, "resolution", "neither", "mpp"),
    "no-unit": Fault(tagged(resolution=(5, 5), resolutionunit="NONE"), MissingMppError, "resolution", "neither", "mpp"),
    "ome-without-size": Fault(
        described(OME, "PhysicalSize", "Physical"), MissingMppError, "resolution", "neither", "mpp"
    ),
    "ome-in-pixels": Fault(described(OME, '"nm"', '"pixel"'), MissingMppError, "resolution", "neither", "mpp"),
    "aperio-without-mpp": Fault(
        described(SVS, "MPP = 0.5", "", channels=3), MissingMppError, "resolution", "neither", "mpp"
    ),
    "aperio-jpeg2000-without-mpp": Fault(
        described(SVS_2000, "MPP = 0.5", "", channels=3), MissingMppError, "resolution", "neither", "mpp"
    ),
    "no-pixel-per-centimetre": Fault(
        with_tag("XResolution", (0, 1)), InvalidMppError, "finite and > 0", "inf", "resol"
    ),
    "rational-over-zero": Fault(with_tag("YResolution", (5, 0)), InvalidMppError, "finite and > 0", "0.0", "resol"),
    "ome-zero": Fault(described(OME, '"500.0"', '"0"'), InvalidMppError, "finite and > 0", "0.0 x 0.0", "resol"),
    "ome-negative": Fault(described(OME, '"500.0"', '"-3"'), InvalidMppError, "finite and > 0", "-0.003", "resol"),
    "ome-infinite": Fault(described(OME, '"500.0"', '"INF"'), InvalidMppError, "finite and > 0", "inf", "resol"),
    "ome-nan": Fault(described(OME, '"500.0"', '"NaN"'), InvalidMppError, "finite and > 0", "nan", "resol"),
    "ome-no-number": Fault(described(OME, '"500.0"', '"small"'), InvalidMppError, "finite and > 0", "nan", "resol"),
    "aperio-zero": Fault(
        described(SVS, "MPP = 0.5", "MPP = 0.0", channels=3), InvalidMppError, "finite and > 0", "0", "resol"
    ),
    "aperio-negative": Fault(
        described(SVS, "MPP = 0.5", "MPP = -1.", channels=3), InvalidMppError, "finite and > 0", "-1", "resol"
    ),
    "aperio-jpeg2000-negative": Fault(
        described(SVS_2000, "MPP = 0.5", "MPP = -1.", channels=3), InvalidMppError, "finite and > 0", "-1", "resol"
    ),
}


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("read", [overlaps_of, patches_of])
def test_a_bad_file_is_refused_with_rule_finding_file_and_remedy(name: str, read: Callable, tmp_path: Path) -> None:
    fault, path = FAULTS[name], tmp_path / "bad.tiff"
    fault.make(path)
    with pytest.raises(fault.error) as caught:
        read(tile_table(path, [(0, 0)], (0.5, 0.5)), BOX)
    for part in (fault.rule, fault.found, str(path), fault.remedy):
        assert part in str(caught.value)


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
    for part in (fault.error.__name__, fault.rule, fault.found, str(path), fault.remedy):
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
