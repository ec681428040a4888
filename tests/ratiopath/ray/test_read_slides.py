"""`read_slides`: the files it finds, the level it takes, its refusals."""

import os
from pathlib import Path

import numpy as np
import pytest
import ray.data
import tifffile

from ratiopath.errors import ParameterError, SlideNotFoundError
from ratiopath.ray import Tiling, describe_slide, read_slides
from ratiopath.slides.paths import find_slides
from tests.support.layouts import LAYOUTS, Layout, Raster

COLUMNS = {
    "path": "string",
    **dict.fromkeys(("extent_x", "extent_y", "tile_extent_x", "tile_extent_y", "stride_x", "stride_y"), "int64"),
    **dict.fromkeys(("mpp_x", "mpp_y", "downsample"), "double"),
    "level": "int64",
}


def slide(path: Path, layout: str = "tiles-subifds", mpp: tuple[float, float] = (0.25, 0.25)) -> str:
    """Three levels, the lowest neither halved nor thirded exactly."""
    levels = tuple(np.full((*size, 3), 200, np.uint8) for size in ((101, 203), (50, 102), (26, 51)))
    path.parent.mkdir(parents=True, exist_ok=True)
    LAYOUTS[layout].write(path, Raster(levels, mpp))
    return str(path)


def described(path: str, **tiling: object) -> dict[str, object]:
    return describe_slide(path, Tiling.of(tile_extent=64, stride=64, **tiling))


@pytest.mark.usefixtures("local_ray")
def test_every_slide_of_a_folder_is_a_row_with_all_columns(tmp_path: Path) -> None:
    paths = [slide(tmp_path / "a.tiff"), slide(tmp_path / "deep" / "er" / "b.ome.tiff", "ome")]
    (tmp_path / "notes.txt").write_text("no slide")
    slides = read_slides(tmp_path, mpp=0.5, tile_extent=(64, 32), stride=(60, 30), num_cpus=0.5)
    rows = slides.take_all()
    assert [row["path"] for row in rows] == sorted(paths)
    for row in rows:
        assert row == {
            "path": row["path"],
            "extent_x": 102,
            "extent_y": 50,
            "tile_extent_x": 64,
            "tile_extent_y": 32,
            "stride_x": 60,
            "stride_y": 30,
            "mpp_x": 0.5,
            "mpp_y": 0.5,
            "level": 1,
            "downsample": 2.0,
        }
    assert {name: str(kind) for name, kind in zip(slides.schema().names, slides.schema().types, strict=True)} == COLUMNS


@pytest.mark.usefixtures("local_ray")
def test_a_slide_without_mpp_tiled_by_level_has_null_as_mpp(tmp_path: Path) -> None:
    slide(tmp_path / "a.tiff", mpp=(0.5, 0.5))
    tifffile.imwrite(tmp_path / "b.tiff", np.zeros((30, 40, 3), np.uint8), photometric="rgb", metadata=None)
    rows = read_slides(tmp_path, level=0, tile_extent=16, stride=16).take_all()
    assert [(row["mpp_x"], row["level"], row["downsample"]) for row in rows] == [(0.5, 0, 1.0), (None, 0, 1.0)]


@pytest.mark.parametrize(
    ("mpp", "level", "extent"),
    [
        (0.01, 0, (203, 101)),
        (0.375, 0, (203, 101)),  # as far from 0.25 as from 0.5: the finer
        (0.4, 1, (102, 50)),
        (0.74, 1, (102, 50)),
        (0.76, 2, (51, 26)),
        (100, 2, (51, 26)),
    ],
)
def test_the_level_closest_to_the_mpp_is_taken(mpp: float, level: int, extent: tuple[int, int], tmp_path: Path) -> None:
    row = described(slide(tmp_path / "a.tiff"), mpp=mpp)
    assert (row["level"], (row["extent_x"], row["extent_y"])) == (level, extent)
    assert (row["mpp_x"], row["mpp_y"], row["downsample"]) == (0.25 * 2**level, 0.25 * 2**level, 2.0**level)


def test_a_given_resolution_replaces_that_of_the_file(tmp_path: Path) -> None:
    row = described(slide(tmp_path / "a.tiff"), mpp=0.5, slide_mpp=(0.5, 0.4))
    assert (row["level"], row["mpp_x"], row["mpp_y"]) == (0, 0.5, 0.4)


@pytest.mark.parametrize("layout", ["aperio", "aperio-jpeg2000"])
def test_an_aperio_slide_gives_its_mpp_and_levels(layout: str, tmp_path: Path) -> None:
    levels = tuple(np.full((*size, 3), 200, np.uint8) for size in ((101, 203), (50, 101)))
    LAYOUTS[layout].write(tmp_path / "a.svs", Raster(levels, (0.25, 0.25)))
    row = described(str(tmp_path / "a.svs"), level=1)
    assert (row["extent_x"], row["extent_y"], row["mpp_x"], row["downsample"]) == (101, 50, 0.5, 2.0)


@pytest.mark.parametrize(
    ("named", "found"),
    [
        ([""], ["a.svs", "b.tiff", "deep/D.TIF", "deep/c.ome.tif"]),
        (["*.tiff"], ["b.tiff"]),
        (["**/*.tif"], ["deep/c.ome.tif"]),
        (["", "b.tiff", "*.svs"], ["a.svs", "b.tiff", "deep/D.TIF", "deep/c.ome.tif"]),
    ],
)
def test_files_folders_and_globs_are_found_once_and_sorted(named: list[str], found: list[str], tmp_path: Path) -> None:
    for name in ("b.tiff", "a.svs", "deep/c.ome.tif", "deep/D.TIF"):
        slide(tmp_path / name)
    assert find_slides([f"{tmp_path}/{name}" for name in named]) == [f"{tmp_path}/{name}" for name in found]


def test_a_file_that_is_named_is_taken_whatever_its_suffix(tmp_path: Path) -> None:
    assert find_slides(slide(tmp_path / "scan.img")) == [str(tmp_path / "scan.img")]


def test_hidden_files_and_folders_are_passed_over(tmp_path: Path) -> None:
    slide(tmp_path / ".a.tiff")
    slide(tmp_path / ".trash" / "b.tiff")
    assert find_slides([tmp_path, slide(tmp_path / "c.tiff")]) == [str(tmp_path / "c.tiff")]


def test_a_mirax_slide_and_its_data_folder_are_one_slide(tmp_path: Path) -> None:
    (tmp_path / "case").mkdir()
    for name in ("case.mrxs", "case/Slidedat.ini", "case/Data0000.dat", "case/thumbnail.tif"):
        (tmp_path / name).touch()
    assert find_slides(tmp_path) == [str(tmp_path / "case.mrxs")]


def test_relative_paths_become_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slide(tmp_path / "a.tiff")
    monkeypatch.chdir(tmp_path)
    assert [os.path.isabs(path) for path in find_slides(["a.tiff", "."])] == [True]


@pytest.mark.parametrize("paths", ["nowhere", "nowhere/*.tiff", ["a.tiff", "gone.tiff"]])
def test_a_path_that_names_nothing_is_refused(paths: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slide(tmp_path / "a.tiff")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SlideNotFoundError, match=r"nowhere|gone"):
        read_slides(paths, level=0, tile_extent=8, stride=8)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"mpp": 0.5, "level": 0}, "exactly one of mpp and level"),
        ({}, "exactly one of mpp and level"),
        ({"level": -1}, "level"),
        ({"level": 0, "tile_extent": 0}, "tile_extent"),
        ({"level": 0, "tile_extent": (8, -1)}, "tile_extent"),
        ({"level": 0, "tile_extent": 8.5}, "tile_extent"),
        ({"level": 0, "tile_extent": (8, 8, 8)}, "tile_extent"),
        ({"level": 0, "stride": 0}, "stride"),
        ({"level": 0, "stride": (8, 0)}, "stride"),
        ({"mpp": 0}, "mpp"),
        ({"mpp": float("nan")}, "mpp"),
        ({"mpp": (0.5, float("inf"))}, "mpp"),
        ({"level": 0, "slide_mpp": -1}, "mpp"),
    ],
)
def test_a_wrong_parameter_is_refused_before_any_work(wrong: dict[str, object], message: str, tmp_path: Path) -> None:
    slide(tmp_path / "a.tiff")
    with pytest.raises(ParameterError, match=message):
        read_slides(tmp_path, **{"tile_extent": 8, "stride": 8, **wrong})


@pytest.mark.usefixtures("local_ray")
def test_a_level_that_a_slide_has_not_is_refused_with_its_path(tmp_path: Path) -> None:
    Layout(pyramid="none").write(tmp_path / "a.tiff", Raster((np.zeros((9, 9, 3), np.uint8),), (0.5, 0.5)))
    with pytest.raises(ray.exceptions.RayTaskError, match=r"a\.tiff") as caught:
        read_slides(tmp_path, level=1, tile_extent=8, stride=8).take_all()
    assert "no level 1, only 1 level(s)" in str(caught.value)
