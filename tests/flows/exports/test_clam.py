"""Format `clam`, read back by the rules of the readers of CLAM and wsinfer."""

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from flows.exports.formats.clam import ClamFormat
from flows.exports.square_tiles import UnsuitableTilesError
from ratiopath.errors import InvalidMppError
from tests.support.exported import exported_slide
from tests.support.study import configured

Boxes = list[tuple[int, int, int, int]]


def read_as_clam(path: Path, downsamples: list[float]) -> Boxes:
    """Return the boxes of level 0 that CLAM reads: patch_size px of patch_level from each corner on level 0."""
    with h5py.File(path, "r") as file:
        level, size = file["coords"].attrs["patch_level"], file["coords"].attrs["patch_size"]
        side = int(size * downsamples[level])
        # a corner is passed to the slide's reader as it is, one row at a time
        corners = [file["coords"][index] for index in range(len(file["coords"]))]
    return [(int(x), int(y), side, side) for x, y in corners]


def read_as_wsinfer(path: Path) -> Boxes:
    """Return the boxes of level 0 that wsinfer reads, or fail as it does."""
    with h5py.File(path, "r") as file:
        coords, attributes = file["/coords"][()], dict(file["/coords"].attrs)
    assert attributes["patch_level"] == 0
    assert coords.ndim == 2
    assert coords.shape[1] == 2
    boxes = np.concatenate((coords, np.full_like(coords, attributes["patch_size"])), axis=1)
    return [tuple(box) for box in boxes.tolist()]


def written(folder: Path, **slide: Any) -> Path:
    exported = exported_slide(**slide)
    ClamFormat().write_slide(exported, folder)
    return folder / "patches" / f"{exported.name}.h5"


@pytest.mark.parametrize(
    ("extent", "boxes"),
    [
        ((8192, 8192), [(0, 0, 512, 512), (512, 1024, 512, 512)]),
        ((4096, 4096), [(0, 0, 1024, 1024), (1024, 2048, 1024, 1024)]),
    ],
)
def test_one_file_is_the_same_boxes_to_clam_and_wsinfer(tmp_path, extent, boxes) -> None:
    path = written(tmp_path, corners=[(0, 0), (256, 512)], extent=extent)
    assert read_as_clam(path, [1.0, 16384 / extent[0]]) == boxes
    assert read_as_wsinfer(path) == boxes


def test_a_tile_of_256_px_at_10x_on_a_40x_slide_is_1024_px_of_level_0(tmp_path) -> None:
    path = written(tmp_path, corners=[(0, 256)], extent=(4096, 2048), level0=(16384, 8192))
    with h5py.File(path, "r") as file:
        assert file["coords"].dtype == np.int64
        assert file["coords"][:].tolist() == [[0, 1024]]
        found = {name: np.asarray(value).tolist() for name, value in file["coords"].attrs.items()}
    assert found == {
        "patch_level": 0,
        "patch_size": 1024,
        "downsample": [1.0, 1.0],
        "downsampled_level_dim": [16384, 8192],
        "level_dim": [16384, 8192],
        "name": "a",
        "save_path": "patches",
        "patch_spacing_um_px": 1.0,
    }


def test_a_slide_without_resolution_is_read_by_clam_all_the_same(tmp_path) -> None:
    path = written(tmp_path, corners=[(256, 0)], level0_mpp=None)
    assert read_as_clam(path, [1.0, 4.0]) == [(1024, 0, 1024, 1024)]
    with h5py.File(path, "r") as file:
        assert "patch_spacing_um_px" not in file["coords"].attrs


def test_a_slide_without_tiles_has_no_file(tmp_path) -> None:
    assert not written(tmp_path, corners=[]).exists()


@pytest.mark.parametrize(
    ("kind", "slide"),
    [
        (UnsuitableTilesError, {"tile": (256, 128)}),
        (UnsuitableTilesError, {"tile": (256, 255), "level0_mpp": None}),
        (InvalidMppError, {"level0_mpp": (0.25, 0.26)}),
    ],
)
def test_a_slide_that_clam_would_misread_is_refused(tmp_path, kind, slide) -> None:
    with pytest.raises(kind, match=r"^slide '/slides/a.svs' has .*, and CLAM (reads squares|knows one mpp); hint: "):
        written(tmp_path, corners=[(0, 0)], **slide)
    assert list(tmp_path.rglob("*.h5")) == []


def listed(folder: Path, name: str) -> list[str]:
    with (folder / name).open(newline="") as file:
        return [row["slide_id"] for row in csv.DictReader(file)]


def test_clam_finds_each_file_and_each_slide_by_the_list(tmp_path) -> None:
    slides = [
        exported_slide("/s/a.svs", corners=[(0, 0)]),
        exported_slide("/s/none.svs", corners=[]),
        exported_slide("/s/b.SVS", corners=[(0, 0)]),
        exported_slide("/s/c.ome.tiff", corners=[(0, 0)]),
    ]
    for slide in slides:
        ClamFormat().write_slide(slide, tmp_path)
    ClamFormat().write_cohort(slides, configured(Path("/s")), tmp_path)
    assert listed(tmp_path, "process_list_autogen.csv") == ["a.svs", "b.SVS", "c.ome.tiff"]
    steps = list(ClamFormat().next_steps(str(tmp_path)))
    assert steps[0] == (
        f"python extract_features_fp.py --data_h5_dir {tmp_path} --data_slide_dir /s"
        f" --csv_path {tmp_path}/process_list_autogen.svs.csv --slide_ext .svs --feat_dir {tmp_path}/features"
    )
    found = set()
    for step in steps:
        words = step.split()
        options = dict(zip(words[2::2], words[3::2], strict=True))
        for slide_id in listed(Path(options["--csv_path"]).parent, Path(options["--csv_path"]).name):
            stem = slide_id.split(options["--slide_ext"])[0]  # as CLAM cuts it
            assert (Path(options["--data_h5_dir"]) / "patches" / f"{stem}.h5").exists()
            found.add(f"{options['--data_slide_dir']}/{stem}{options['--slide_ext']}")
    assert found == {"/s/a.svs", "/s/b.SVS", "/s/c.ome.tiff"}


def test_tiles_that_are_left_out_count(tmp_path) -> None:
    slides = [exported_slide(f"/s/{n}.svs", corners=[(0, 0)] * n) for n in range(2)]
    bare = [replace(slide, tiles=slide.tiles.select([])) for slide in slides]  # as the caller of write_cohort does
    ClamFormat().write_cohort(bare, configured(Path("/s")), tmp_path)
    assert listed(tmp_path, "process_list_autogen.csv") == ["1.svs"]
    assert [path.name for path in tmp_path.iterdir()] == ["process_list_autogen.csv"]


def test_slides_of_many_folders_are_read_through_links(tmp_path) -> None:
    slides = [exported_slide(path, corners=[(0, 0)]) for path in ("/s/x/a.svs", "/s/y/b.svs")]
    ClamFormat().write_cohort(slides, configured(Path("/s")), tmp_path)
    links, step = ClamFormat().next_steps(str(tmp_path))
    assert links.startswith("make a folder LINKS with a link named as column slide_id to column path")
    assert "--data_slide_dir LINKS --csv_path" in step
    assert "--slide_ext .svs" in step


def test_an_export_without_tiles_has_nothing_to_extract(tmp_path) -> None:
    ClamFormat().write_cohort([exported_slide(corners=[])], configured(Path("/s")), tmp_path)
    assert list(ClamFormat().next_steps(str(tmp_path))) == ["no slide has tiles; there is nothing to extract"]
