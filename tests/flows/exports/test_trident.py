"""Format `trident`, read back by the rules of TRIDENT's own reader: attributes, region of level 0, list of slides."""

import csv
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from flows.exports.formats.trident import TridentFormat
from flows.exports.square_tiles import UnsuitableTilesError
from ratiopath.errors import InvalidMppError, MissingMppError
from tests.support.exported import exported_slide, tiling
from tests.support.study import configured

TEN_X = "10x_256px_0px_overlap"


def read_as_trident(path: Path, width: int, height: int) -> tuple[int, list[tuple[int, int]], dict[str, Any]]:
    """Return the side of level 0 that is read for a patch, the corners and all attributes, or fail as TRIDENT does.

    A file without one of the first three attributes would be taken for one of CLAM's.
    """
    with h5py.File(path, "r") as file:
        attributes, coords = dict(file["coords"].attrs), file["coords"][:]
    needed = ("patch_size", "level0_magnification", "target_magnification")
    assert not [name for name in needed if attributes.get(name) is None]
    source, target = 10 / attributes["level0_magnification"], 10 / attributes["target_magnification"]
    side = round(attributes["patch_size"] * (target / source))
    assert coords.ndim == 2
    assert coords.shape[1] == 2
    for x, y in coords:
        assert round(x) == x
        assert x < width
        assert y < height
    return side, [tuple(corner) for corner in coords.tolist()], attributes


def written(folder: Path, format_: TridentFormat | None = None, **slide: Any) -> Path:
    exported = exported_slide(**slide)
    made = format_ or TridentFormat(tiling())
    made.write_slide(exported, folder)
    return folder / made.coordinates / "patches" / f"{exported.name}_patches.h5"


def test_a_tile_of_256_px_at_10x_on_a_40x_slide_is_1024_px_of_level_0(tmp_path) -> None:
    path = written(tmp_path, corners=[(0, 0), (256, 0), (512, 768)])
    assert path.relative_to(tmp_path).as_posix() == f"{TEN_X}/patches/a_patches.h5"
    side, corners, attributes = read_as_trident(path, 16384, 16384)
    assert (side, corners) == (1024, [(0, 0), (1024, 0), (2048, 3072)])
    assert attributes == {
        "patch_size": 256,
        "patch_size_level0": 1024,
        "level0_magnification": 40.0,
        "target_magnification": 10.0,
        "overlap": 0,
        "name": "a",
        "savetodir": TEN_X,
        "level0_width": 16384,
        "level0_height": 16384,
    }
    with h5py.File(path, "r") as file:
        assert file["coords"].dtype == np.int64


@pytest.mark.parametrize(("extent", "side", "target"), [((8192, 8192), 512, 20.0), ((4096, 4096), 1024, 10.0)])
def test_tiles_of_level_1_follow_the_pyramid(tmp_path, extent, side, target) -> None:
    per_level = TridentFormat(tiling(level=1))
    path = written(tmp_path, per_level, corners=[(256, 512)], extent=extent)
    assert path.parent.parent.name == "level1_256px_0px_overlap"
    found, corners, attributes = read_as_trident(path, 16384, 16384)
    assert (found, corners) == (side, [(side, 2 * side)])
    assert attributes["patch_size_level0"] == side
    assert attributes["target_magnification"] == target


def test_a_level_near_the_target_is_read_where_the_tile_is_and_not_where_the_target_says(tmp_path) -> None:
    # 0.2465 µm/px: 512 px at exactly 0.5 µm/px would be 1038.5 px, and the tile on the level at 0.493 is 1024 px
    half = TridentFormat(tiling(mpp=0.5, tile_extent=512))
    path = written(tmp_path, half, corners=[(0, 0)], tile=(512, 512), extent=(8192, 8192), level0_mpp=(0.2465, 0.2465))
    side, _, attributes = read_as_trident(path, 16384, 16384)
    assert (side, attributes["patch_size_level0"]) == (1024, 1024)
    assert attributes["target_magnification"] == pytest.approx(10 / 0.493)
    assert path.parent.parent.name == "20x_512px_0px_overlap"


def test_exact_tiles_of_two_scanners_have_a_patch_of_one_size(tmp_path) -> None:
    # 256 px at 0.5 µm/px = 128 µm: 512 px at 0.25 and 582 px at 0.22 µm/px, both on level 0
    exact = TridentFormat(tiling(mpp=0.5, resolution="exact"))
    sides = {}
    for name, mpp, side in (("a", 0.25, 512), ("b", 0.22, 582)):
        own = {"tile": (side, side), "level": 0, "extent": (16384, 16384), "level0_mpp": (mpp, mpp)}
        path = written(tmp_path, exact, path=f"/slides/{name}.svs", corners=[(side, 0)], **own)
        sides[name], corners, attributes = read_as_trident(path, 16384, 16384)
        assert corners == [(side, 0)]
        assert attributes["patch_size"] == 256
    assert sides == {"a": 512, "b": 582}


def test_the_sides_survive_floating_point(tmp_path) -> None:
    rng = np.random.default_rng(0)
    for number in range(60):
        mpp, side, patch = float(rng.uniform(0.1, 1.2)), int(rng.integers(64, 5000)), int(rng.integers(32, 1025))
        own = {"tile": (side, side), "level": 0, "extent": (16384, 16384), "level0_mpp": (mpp, mpp)}
        exact = TridentFormat(tiling(mpp=mpp * side / patch, tile_extent=patch))
        path = written(tmp_path, exact, path=f"/slides/{number}.svs", corners=[(0, 0)], **own)
        assert read_as_trident(path, 16384, 16384)[0] == side


def test_a_stride_names_the_overlap(tmp_path) -> None:
    assert TridentFormat(tiling(stride=192)).coordinates == "10x_256px_64px_overlap"
    assert TridentFormat(tiling(stride=300)).coordinates == TEN_X
    assert TridentFormat(tiling(mpp=8.0)).coordinates == "1.25x_256px_0px_overlap"
    path = written(tmp_path, TridentFormat(tiling(stride=192)), corners=[(192, 0)])
    assert read_as_trident(path, 16384, 16384)[2]["overlap"] == 64


def test_a_slide_without_tiles_has_a_file_without_coordinates(tmp_path) -> None:
    path = written(tmp_path, corners=[])
    side, corners, _ = read_as_trident(path, 16384, 16384)
    assert (side, corners) == (1024, [])
    with h5py.File(path, "r") as file:
        assert file["coords"].shape == (0, 2)
        assert file["coords"].dtype == np.int64


def test_the_same_tiles_give_the_same_bytes(tmp_path) -> None:
    corners = [(x, y) for y in range(0, 4096, 256) for x in range(0, 4096, 256)]
    first, second = (written(tmp_path / name, corners=corners).read_bytes() for name in "ab")
    assert first == second


@pytest.mark.parametrize(
    ("kind", "slide", "message"),
    [
        (MissingMppError, {"level0_mpp": None}, "has no level0_mpp_x, and TRIDENT needs the magnification of level 0;"),
        (InvalidMppError, {"level0_mpp": (0.25, 0.5)}, "has level0_mpp_x 0.25 and level0_mpp_y 0.5 µm/px, and TRIDENT"),
        (UnsuitableTilesError, {"tile": (256, 128)}, "has tile_extent 256 x 128 px, and TRIDENT reads squares;"),
        (UnsuitableTilesError, {"tile": (256, 254)}, "has tile_extent 256 x 254 px, and TRIDENT reads squares;"),
        (
            UnsuitableTilesError,
            {"corners": [(0, 0), (0, 4096)]},
            "level0_x 0, level0_y 16384 outside its 16384 x 16384",
        ),
        (UnsuitableTilesError, {"corners": [(-1, 0)]}, "has a tile with level0_x -4, level0_y 0 outside"),
    ],
)
def test_a_slide_that_trident_would_misread_is_refused(tmp_path, kind, slide, message) -> None:
    with pytest.raises(kind) as refused:
        written(tmp_path, **{"corners": [(0, 0)], **slide})
    assert str(refused.value).startswith("slide '/slides/a.svs' has ")
    assert message in str(refused.value)
    assert refused.value.path == "/slides/a.svs"
    assert list(tmp_path.rglob("*.h5")) == []


def test_scanners_whose_axes_differ_a_little_are_read(tmp_path) -> None:
    # 582 x 581 px at 0.2200 x 0.2204 µm/px are 128.04 x 128.05 µm
    own = {"level": 0, "extent": (16384, 16384), "level0_mpp": (0.22, 0.2204)}
    path = written(tmp_path, corners=[(0, 0)], tile=(582, 581), **own)
    assert read_as_trident(path, 16384, 16384)[0] == 582


def listed(folder: Path, *slides: Any) -> list[dict[str, str]]:
    config = configured(Path("/slides"))
    TridentFormat(tiling()).write_cohort(slides, config, folder)
    with (folder / "slides.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_list_gives_each_slide_below_one_folder_with_its_mpp(tmp_path) -> None:
    one = exported_slide("/s/x/a.svs", corners=[])
    two = exported_slide("/s/x/deep/b, c.ome.tiff", corners=[(0, 0)], level0_mpp=(0.5, 0.5))
    assert listed(tmp_path, one, two) == [
        {"wsi": "a.svs", "mpp": "0.25", "path": "/s/x/a.svs"},
        {"wsi": "deep/b, c.ome.tiff", "mpp": "0.5", "path": "/s/x/deep/b, c.ome.tiff"},
    ]
    [step] = TridentFormat(tiling()).next_steps(str(tmp_path))
    assert step == (
        f"python run_batch_of_slides.py --task feat --wsi_dir /s/x --custom_list_of_wsis {tmp_path}/slides.csv"
        f" --job_dir {tmp_path} --coords_dir {TEN_X} --patch_encoder uni_v1"
    )


def test_slides_under_other_names_are_read_through_links(tmp_path) -> None:
    rows = listed(tmp_path, exported_slide("/s/a.svs", corners=[], name="a-0123456789ab"))
    assert rows == [{"wsi": "a-0123456789ab.svs", "mpp": "0.25", "path": "/s/a.svs"}]
    links, step = TridentFormat(tiling()).next_steps(str(tmp_path))
    assert links.startswith("make a folder LINKS with a link named as column wsi to column path")
    assert "--wsi_dir LINKS " in step


def test_an_export_without_slides_has_nothing_to_extract(tmp_path) -> None:
    assert listed(tmp_path) == []
    assert list(TridentFormat(tiling()).next_steps(str(tmp_path))) == [
        "no slide was exported; there is nothing to extract"
    ]
