"""Heat maps of kept tiles: the numbers on the grid, and the share that an overlay of them gives back."""

from dataclasses import replace

import numpy as np
import pytest
import shapely
import tifffile

from flows.exports.export_format import ExportedSlide
from flows.exports.formats.heatmap import Heatmap, paint
from flows.records.slides import Slide
from ratiopath.errors import MissingMppError, UnsupportedImageError
from ratiopath.geometry import Extent, Mpp
from ratiopath.overlays import TileWindows, open_overlay
from ratiopath.roi import Roi
from ratiopath.slides.tiff.heat_map import encode_heat_map
from ratiopath.statistics.statistic import parse_statistics
from tests.support.finished import HandmadeSlide, write_output
from tests.support.study import write_slide

NAN = float("nan")
SLIDE = Slide("a-0", "/a.svs", Extent(10, 8), Extent(4, 4), Extent(4, 4), Mpp.of(1.0), 0, 1.0, Extent(10, 8), Mpp.of(1))


def painted(slide: Slide, *tiles: tuple[int, int, float]) -> list[list[float]]:
    x, y, numbers = (np.array(column) for column in zip(*tiles, strict=True))
    return paint(slide, x, y, numbers.astype(np.float64)).tolist()


def test_a_tile_without_overlap_is_one_pixel_and_the_others_are_unknown() -> None:
    expected = [[0.25, NAN, NAN], [NAN, NAN, 1.0]]
    np.testing.assert_array_equal(painted(SLIDE, (0, 0, 0.25), (8, 4, 1.0), (4, 4, NAN)), expected)


def test_a_pixel_is_the_mean_of_the_tiles_in_it() -> None:
    slide = replace(SLIDE, stride=Extent(2, 4), extent=Extent(8, 4))
    expected = [[1.0, 0.75, 0.5, NAN]]  # tiles [0, 4) and [2, 6), pixels of two
    np.testing.assert_array_equal(painted(slide, (0, 0, 1.0), (2, 0, 0.5)), expected)


def test_a_shifted_tile_counts_with_the_area_it_shares() -> None:
    slide = replace(SLIDE, extent=Extent(10, 4))
    expected = [[0.0, 1 / 3, 1.0]]  # [6, 10) shares two of the four columns of [4, 8), whose own tile has all of them
    np.testing.assert_allclose(painted(slide, (0, 0, 0.0), (4, 0, 0.0), (6, 0, 1.0)), expected, rtol=1e-15)


def test_the_tiles_of_a_wide_stride_keep_their_numbers() -> None:
    slide = replace(SLIDE, tile_extent=Extent(2, 2))
    np.testing.assert_array_equal(painted(slide, (0, 0, 0.3), (8, 4, 0.7)), [[0.3, NAN, NAN], [NAN, NAN, 0.7]])


def test_a_stride_of_a_small_part_of_the_tile_is_refused() -> None:
    slide = replace(SLIDE, tile_extent=Extent(65, 4), stride=Extent(1, 4))
    with pytest.raises(UnsupportedImageError, match="stride of 1/65 of a tile"):
        painted(slide, (0, 0, 1.0))


def exported(folder, **changes) -> ExportedSlide:
    output = write_output(folder, [HandmadeSlide("/slides/a.svs", 3, {"tumor": SHARES}, [True] * 5 + [False])])
    row = output.slides.to_pylist()[0] | changes
    return ExportedSlide("a", Slide.from_row(row), row, output.tiles(row["slide_id"]), ("tumor",))


SHARES = [0.1, 1 / 3, 0.0, None, 1.0, 0.5]
"""Shares of 3 x 2 tiles; the last one is not kept."""


def test_the_file_holds_the_shares_at_the_resolution_of_the_stride(tmp_path) -> None:
    Heatmap().write_slide(exported(tmp_path / "output"), tmp_path)
    with tifffile.TiffFile(tmp_path / "a_tumor.tiff") as file:
        [page] = file.pages
        found, tags = page.asarray(), page.tags
    np.testing.assert_array_equal(found, np.array([[0.1, 1 / 3, 0.0], [NAN, 1.0, NAN]], np.float32))
    per_cm = tags["XResolution"].value
    assert 10_000 * per_cm[1] / per_cm[0] == 16.0  # 16 px of 1 µm
    assert (page.is_tiled, page.compression.name, tags[42113].value) == (True, "ADOBE_DEFLATE", "nan")


def test_a_slide_without_resolution_has_no_heat_map(tmp_path) -> None:
    unknown = dict.fromkeys(("mpp_x", "mpp_y", "level0_mpp_x", "level0_mpp_y"))
    with pytest.raises(MissingMppError, match=r"'/slides/a.svs' has no mpp"):
        Heatmap().write_slide(exported(tmp_path / "output", **unknown), tmp_path)


@pytest.mark.parametrize("drop", [True, False], ids=["drop", "keep"])
@pytest.mark.parametrize("size", [(48, 64), (50, 70), (35, 300)])
def test_an_overlay_of_the_map_gives_the_share_of_every_tile_back(tmp_path, size, drop) -> None:
    height, width = size
    path = str(write_slide(tmp_path / "a.tiff", size=size))
    slide = replace(SLIDE, path=path, extent=Extent(width, height), tile_extent=Extent(16, 16), stride=Extent(16, 16))
    y, x = (axis.ravel() for axis in np.mgrid[0:height:16, 0:width:16])
    is_kept = (x + 16 <= width) & (y + 16 <= height) if drop else np.ones(len(x), bool)
    x, y = x[is_kept], y[is_kept]
    shares = np.random.default_rng(0).random(len(x))
    numbers = paint(slide, x, y, shares).astype(np.float32)
    (tmp_path / "map.tiff").write_bytes(encode_heat_map(numbers, Mpp.of(8.0)))
    windows = TileWindows(x.astype(float), y.astype(float), Mpp.of(0.5), Roi(shapely.box(0, 0, 16, 16)))
    with open_overlay(str(tmp_path / "map.tiff"), slide=path) as overlay:
        found = overlay.statistics(windows, parse_statistics(["mean", "min", "max"])).values
    np.testing.assert_array_equal(found, np.repeat(shares.astype(np.float32)[:, None], 3, axis=1))
