"""`read_slides`: the files it finds, the level it takes, its refusals."""

import os
from pathlib import Path

import numpy as np
import pytest
import ray.data
import tifffile

from ratiopath.errors import LevelNotFoundError, ParameterError, SlideNotFoundError
from ratiopath.ray import Tiling, describe_slide, read_slides
from ratiopath.slides.paths import Exclusion, find_slides
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
        (0.375, 0, (203, 101)),  # as far from 0.25 as from 0.5: the finer
        (0.4, 1, (102, 50)),
        (0.74, 1, (102, 50)),
        (0.76, 2, (51, 26)),
    ],
)
@pytest.mark.filterwarnings("ignore:.*has no level within 10 %:UserWarning")
def test_the_level_closest_to_the_mpp_is_taken(mpp: float, level: int, extent: tuple[int, int], tmp_path: Path) -> None:
    row = described(slide(tmp_path / "a.tiff"), mpp=mpp)
    assert (row["level"], (row["extent_x"], row["extent_y"])) == (level, extent)
    assert (row["mpp_x"], row["mpp_y"], row["downsample"]) == (0.25 * 2**level, 0.25 * 2**level, 2.0**level)


@pytest.mark.parametrize("mpp", [100, 0.01, 5e-7, 0.35])
def test_a_level_that_is_far_off_is_taken_with_a_warning(mpp: float, tmp_path: Path) -> None:
    path = slide(tmp_path / "a.tiff")
    with pytest.warns(
        UserWarning, match=r"a.tiff' has no level within 10 % of .* its levels have 0.25, 0.5, 1"
    ) as seen:
        described(path, mpp=mpp)
    assert len(seen) == 1


@pytest.mark.parametrize("mpp", [0.25, 0.23, 0.27, 1.1, 0.91])
def test_a_level_within_ten_percent_is_taken_without_a_warning(mpp: float, tmp_path: Path) -> None:
    row = described(slide(tmp_path / "a.tiff"), mpp=mpp, tolerance=0.1)
    assert row["mpp_x"] == pytest.approx(mpp, rel=0.1)


@pytest.mark.parametrize(
    ("mpp", "tolerance"), [(50, 0.1), (5e-7, 0.1), (0.35, 0.1), (0.26, 0.01), (0.251, 0), ((0.25, 0.29), 0.1)]
)
def test_a_level_beyond_the_tolerance_is_refused_with_the_levels_and_the_settings(mpp, tolerance, tmp_path) -> None:
    with pytest.raises(LevelNotFoundError) as refused:
        described(slide(tmp_path / "a.tiff"), mpp=mpp, tolerance=tolerance)
    assert "its levels have 0.25, 0.5, 1; hint: " in str(refused.value)
    names = ("tiling.tolerance", "tiling.mpp", "tiling.level", "tiling.resolution")
    assert [name for name in names if name not in refused.value.hint] == []


def test_an_anisotropic_slide_needs_both_axes_within_the_tolerance(tmp_path: Path) -> None:
    path = slide(tmp_path / "a.tiff", mpp=(0.25, 0.3))
    with pytest.raises(LevelNotFoundError, match=r"its levels have 0\.25 x 0\.3, 0\.5 x 0\.6, 1 x 1\.2"):
        described(path, mpp=0.5, tolerance=0.1)
    assert described(path, mpp=(0.5, 0.6), tolerance=0)["level"] == 1


@pytest.mark.parametrize(
    ("slide_mpp", "mpp", "level", "tile"),
    [
        (0.25, 0.5, 1, 64),  # the very level
        (0.25, 0.75, 1, 96),  # the closest finer level
        (0.25, 0.999, 1, 128),
        (0.25, 50, 2, 3200),
        (0.25, 0.25 / (1 + 1e-12), 0, 64),  # finer than the finest by rounding
        (0.25, 0.24, 0, 61),  # the finest is coarser, but within the tolerance: 61.44 px
        (0.2, 0.25, 0, 80),  # a cohort of 20x and 40x scans: the same µm
        (0.125, 0.25, 1, 64),
    ],
)
def test_exact_tiles_have_one_size_in_micrometres(slide_mpp, mpp, level, tile, tmp_path: Path) -> None:
    path = slide(tmp_path / "a.tiff")
    row = described(path, mpp=mpp, slide_mpp=slide_mpp, resolution="exact", tolerance=0.1)
    assert (row["level"], row["tile_extent_x"], row["stride_y"]) == (level, tile, tile)
    assert abs(row["tile_extent_x"] * row["mpp_x"] - 64 * mpp) <= row["mpp_x"] / 2


def test_exact_tiles_of_an_anisotropic_slide_differ_by_axis(tmp_path: Path) -> None:
    row = described(slide(tmp_path / "a.tiff", mpp=(0.25, 0.2)), mpp=0.25, resolution="exact")
    assert (row["level"], row["tile_extent_x"], row["tile_extent_y"]) == (0, 64, 80)


def test_a_slide_coarser_than_the_exact_resolution_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LevelNotFoundError) as refused:
        described(slide(tmp_path / "a.tiff"), mpp=0.1, resolution="exact", tolerance=0.1)
    expected = "set tiling.mpp (mpp=) to the finest of these or more, or a larger tiling.tolerance (tolerance=)"
    assert refused.value.hint == expected


def test_excluded_files_are_no_slides(tmp_path: Path) -> None:
    for name in ("a.tiff", "a_mask.tiff", "old/b.tiff"):
        slide(tmp_path / name)
    exclusion = Exclusion.of(["*_mask.tiff", "old/"], [str(tmp_path)])
    assert [path for path in find_slides(tmp_path) if path not in exclusion] == [str(tmp_path / "a.tiff")]


@pytest.mark.usefixtures("local_ray")
def test_read_slides_passes_over_excluded_files(tmp_path: Path) -> None:
    for name in ("a.tiff", "a_mask.tiff"):
        slide(tmp_path / name)
    rows = read_slides(tmp_path, level=0, tile_extent=8, stride=8, exclude="*_mask.tiff").take_all()
    assert [row["path"] for row in rows] == [str(tmp_path / "a.tiff")]


def test_a_given_resolution_replaces_that_of_the_file(tmp_path: Path) -> None:
    row = described(slide(tmp_path / "a.tiff"), mpp=(0.5, 0.4), slide_mpp=(0.5, 0.4))
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
        ({"level": 0.5}, "level"),
        ({"level": float("nan")}, "level"),
        ({"mpp": 0.5, "tolerance": -0.1}, "tolerance"),
        ({"mpp": 0.5, "tolerance": float("nan")}, "tolerance"),
        ({"mpp": 0.5, "resolution": "best"}, "unknown resolution 'best'"),
        ({"level": 0, "resolution": "exact"}, "pass mpp"),
        ({"level": 0, "exclude": "../x"}, "leads outside"),
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
