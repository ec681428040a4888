"""A real Aperio slide with its tissue mask and its three-class OME-TIFF: the expressions equal the oracle."""

import os
from pathlib import Path

import numpy as np
import openslide
import pytest
import ray.data
import shapely
import tifffile
from ray.data.expressions import col

from ratiopath.ray import read_slides
from ratiopath.tiling import grid_tiles, read_slide_tiles
from tests.support import oracles
from tests.support.expressions import overlap_expression, overlay_expression, patches_of, present, tile_table
from tests.support.layouts import all_pages

FOLDER = Path(__file__).parents[3] / "shared" / "data"
SLIDE = FOLDER / "CMU-1-Small-Region.svs"
OVERLAYS = ("CMU-1-Small-Region_tissue_mask.tiff", "CMU-1-Small-Region_classes.ome.tiff")
MPP = (0.499, 0.499)
ROIS = {
    "tile": shapely.box(0, 0, 256, 256),
    "centre": shapely.box(64, 64, 192, 192),
    "circle": shapely.Point(128, 128).buffer(140),
    "ring": shapely.Point(120.5, 130.25).buffer(90).difference(shapely.Point(120, 130).buffer(40)),
}

pytestmark = pytest.mark.skipif(
    not all((FOLDER / name).is_file() for name in (SLIDE.name, *OVERLAYS)),
    reason="the real slide and its masks are not part of the repository: ../shared/data is absent here",
)


def levels_of(name: str) -> list[np.ndarray]:
    """Decode pages and sub-IFDs by tifffile."""
    with tifffile.TiffFile(FOLDER / name) as tiff:
        return [page.asarray() for page in all_pages(tiff)]


def overlay_mpp(name: str) -> tuple[float, float]:
    with tifffile.TiffFile(FOLDER / name) as tiff:
        pixels, units = tiff.pages[0].tags["XResolution"].value  # both files carry it per centimetre, square
        return (10_000 * units / pixels,) * 2


def some_tiles(stride: int) -> list[tuple[int, int]]:
    """The whole grid's every third tile, and some off the slide."""
    grid = list(grid_tiles((2220, 2967), (256, 256), (stride, stride), last="keep"))
    return [*grid[::3], (-100, -100), (2200, 2900), (5000, 0)]


@pytest.mark.usefixtures("local_ray")
def test_read_slides_describes_the_slide() -> None:
    [row] = read_slides(SLIDE, mpp=0.5, tile_extent=256, stride=256).take_all()
    assert (row["extent_x"], row["extent_y"], row["level"], row["downsample"]) == (2220, 2967, 0, 1.0)
    assert (row["mpp_x"], row["mpp_y"]) == MPP


@pytest.mark.usefixtures("local_ray")
@pytest.mark.parametrize("roi", ROIS)
@pytest.mark.parametrize("name", OVERLAYS)
def test_overlaps_through_ray_equal_the_oracle(name: str, roi: str) -> None:
    table = tile_table(FOLDER / name, some_tiles(256), MPP)
    expression = overlap_expression(ROIS[roi])
    rows = ray.data.from_arrow(table).with_column("share", expression, num_cpus=1, memory=256 * 1024**2).take_all()
    levels, mpp0 = levels_of(name), overlay_mpp(name)
    assert len(rows) == len(table)
    for row in rows:
        want = oracles.overlap(levels, mpp0, row["tile_x"], row["tile_y"], MPP, ROIS[roi])
        assert present(row["share"]) == pytest.approx(want, rel=1e-12)


@pytest.mark.usefixtures("local_ray")
@pytest.mark.parametrize("name", OVERLAYS)
def test_patches_through_ray_equal_the_oracle(name: str) -> None:
    table = tile_table(FOLDER / name, some_tiles(512), MPP)
    expression = overlay_expression(ROIS["circle"])
    rows = ray.data.from_arrow(table).with_column("patch", expression, num_cpus=1, memory=256 * 1024**2).take_all()
    levels, mpp0 = levels_of(name), overlay_mpp(name)
    assert len(rows) == len(table)
    for row in rows:
        data, mask = row["patch"]
        want, outside = oracles.overlay_patch(levels, mpp0, row["tile_x"], row["tile_y"], MPP, ROIS["circle"])
        np.testing.assert_array_equal(data, want, strict=True)
        np.testing.assert_array_equal(mask.astype(bool), outside, strict=True)


@pytest.mark.usefixtures("local_ray")
def test_tiles_through_ray_are_openslides_pixels() -> None:
    corners = [(0, 0), (1024, 512), (2100, 2900), (-50, 1000)]
    rows = [
        {"path": os.fspath(SLIDE), "tile_x": x, "tile_y": y, "width": 256, "height": 192, "level": 0}
        for x, y in corners
    ]
    columns = ("path", "tile_x", "tile_y", "width", "height", "level")
    tiles = ray.data.from_items(rows).with_column("tile", read_slide_tiles(*map(col, columns)), num_cpus=1).take_all()
    with openslide.OpenSlide(SLIDE) as slide:
        for row in tiles:
            rgba = np.asarray(slide.read_region((row["tile_x"], row["tile_y"]), 0, (256, 192)))
            want = np.where(rgba[..., 3:] > 0, rgba[..., :3], np.uint8(255))
            np.testing.assert_array_equal(row["tile"], want, strict=True)


def test_the_slide_laid_over_itself_gives_its_own_pixels() -> None:
    [(pixels, mask)] = patches_of(tile_table(SLIDE, [(700, 900)], MPP), shapely.box(0, 0, 300, 200))
    with openslide.OpenSlide(SLIDE) as slide:
        want = np.asarray(slide.read_region((700, 900), 0, (300, 200)))[..., :3]
    np.testing.assert_array_equal(pixels, want, strict=True)
    assert not mask.any()
