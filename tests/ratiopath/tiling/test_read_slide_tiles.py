"""`read_slide_tiles`: a slide's own pixels as RGB, white where there are none."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from ray.data.expressions import col

from ratiopath.errors import ParameterError, UnsupportedImageError
from ratiopath.tiling import read_slide_tiles
from tests.support.expressions import evaluate
from tests.support.layouts import LAYOUTS, Layout, Raster

COLUMNS = ("path", "tile_x", "tile_y", "tile_extent_x", "tile_extent_y", "level")
CORNERS = ((0, 0), (40, 30), (-7, -5), (90, 70), (500, 0), (-500, 10), (80, -60))


def noise(rows: int, columns: int, channels: int = 3) -> np.ndarray:
    shape = (rows, columns, channels) if channels > 1 else (rows, columns)
    return np.random.default_rng(rows).integers(0, 255, shape).astype(np.uint8)


def tiles_of(path: Path, corners: tuple[tuple[int, int], ...], extent: tuple[int, int], level: int) -> list[np.ndarray]:
    rows = [(str(path), x, y, *extent, level) for x, y in corners]
    table = pa.table(dict(zip(COLUMNS, map(list, zip(*rows, strict=True)), strict=True)))
    column = evaluate(read_slide_tiles(*map(col, COLUMNS)), table)
    return [column[index].as_py() for index in range(len(column))]


def window(level: np.ndarray, x: int, y: int, width: int, height: int) -> np.ndarray:
    """One pixel at a time: white where the slide has none."""
    tile = np.full((height, width, 3), 255, np.uint8)
    for row in range(height):
        for column in range(width):
            if 0 <= y + row < level.shape[0] and 0 <= x + column < level.shape[1]:
                tile[row, column] = level[y + row, x + column]
    return tile


RGB_LAYOUTS = [name for name, layout in LAYOUTS.items() if layout.fits(Raster((noise(9, 9),), (0.5, 0.5)))]


@pytest.mark.parametrize("layout", RGB_LAYOUTS)
def test_tiles_are_the_pixels_of_their_level_in_every_layout(layout: str, tmp_path: Path) -> None:
    raster = Raster((noise(75, 93), noise(38, 46)), (0.5, 0.5))
    stored = LAYOUTS[layout].write(tmp_path / "slide", raster)
    for number, level in enumerate(stored.levels):
        found = tiles_of(tmp_path / "slide", CORNERS, (21, 17), number)
        for (x, y), tile in zip(CORNERS, found, strict=True):
            np.testing.assert_array_equal(tile, window(level, x, y, 21, 17), strict=True)


def test_pixels_with_alpha_zero_are_white(tmp_path: Path) -> None:
    level, alpha = noise(40, 50), (noise(40, 50, 1) > 99) * np.uint8(255)
    LAYOUTS["tiles"].write(tmp_path / "a.tiff", Raster((level,), (0.5, 0.5), (alpha,)))
    [tile] = tiles_of(tmp_path / "a.tiff", ((0, 0),), (50, 40), 0)
    np.testing.assert_array_equal(tile, np.where(alpha[..., None] > 0, level, np.uint8(255)), strict=True)


@pytest.mark.parametrize("layout", ["aperio", "aperio-jpeg2000", "sparse"])
def test_pieces_that_were_left_out_are_white(layout: str, tmp_path: Path) -> None:
    level = noise(64, 96) // 2 + 1
    level[32:, 32:64] = 0
    stored = replace(LAYOUTS[layout], sparse=True, tile=(32, 32)).write(tmp_path / "a", Raster((level,), (0.5, 0.5)))
    [tile] = tiles_of(tmp_path / "a", ((0, 0),), (96, 64), 0)
    want = stored.levels[0].copy()
    want[32:, 32:64] = 255
    np.testing.assert_array_equal(tile, want, strict=True)


@pytest.mark.parametrize("layout", ["tiles", "strips-of-7", "ome"])
def test_grey_slides_have_three_equal_channels(layout: str, tmp_path: Path) -> None:
    level = noise(40, 50, 1)
    LAYOUTS[layout].write(tmp_path / "a.tiff", Raster((level,), (0.5, 0.5)))
    [tile] = tiles_of(tmp_path / "a.tiff", ((0, 0),), (50, 40), 0)
    np.testing.assert_array_equal(tile, np.dstack([level] * 3), strict=True)


def test_palette_slides_have_their_colours(tmp_path: Path) -> None:
    level = noise(40, 50, 1)
    Layout(photometric="palette").write(tmp_path / "a.tiff", Raster((level,), (0.5, 0.5)))
    colours = (np.linspace(65535, 0, 3 * 256).astype("u2").reshape(3, 256).T >> 8).astype(np.uint8)
    [tile] = tiles_of(tmp_path / "a.tiff", ((0, 0),), (50, 40), 0)
    np.testing.assert_array_equal(tile, colours[level], strict=True)


def test_rows_of_different_extents_and_levels_keep_their_own(tmp_path: Path) -> None:
    levels = (noise(75, 93), noise(38, 46))
    LAYOUTS["tiles"].write(tmp_path / "a.tiff", Raster(levels, (0.5, 0.5)))
    rows = [(str(tmp_path / "a.tiff"), 3, 4, 20, 10, 0), (str(tmp_path / "a.tiff"), 3, 4, 8, 16, 1)]
    table = pa.table(dict(zip(COLUMNS, map(list, zip(*rows, strict=True)), strict=True)))
    column = evaluate(read_slide_tiles(*map(col, COLUMNS)), table)
    np.testing.assert_array_equal(column[0].as_py(), window(levels[0], 3, 4, 20, 10), strict=True)
    np.testing.assert_array_equal(column[1].as_py(), window(levels[1], 3, 4, 8, 16), strict=True)


@pytest.mark.parametrize("kind", ["uint16", "float32"])
def test_samples_that_are_no_eight_bit_colours_are_refused(kind: str, tmp_path: Path) -> None:
    LAYOUTS["tiles"].write(tmp_path / "a.tiff", Raster((noise(40, 50).astype(kind),), (0.5, 0.5)))
    with pytest.raises(UnsupportedImageError, match=kind):
        tiles_of(tmp_path / "a.tiff", ((0, 0),), (50, 40), 0)


@pytest.mark.parametrize("level", [-1, 1, 7])
def test_a_level_that_is_not_there_is_refused(level: int, tmp_path: Path) -> None:
    LAYOUTS["tiles"].write(tmp_path / "a.tiff", Raster((noise(40, 50),), (0.5, 0.5)))
    with pytest.raises(ParameterError, match=r"a\.tiff"):
        tiles_of(tmp_path / "a.tiff", ((0, 0),), (50, 40), level)


def test_an_extent_below_one_is_refused(tmp_path: Path) -> None:
    LAYOUTS["tiles"].write(tmp_path / "a.tiff", Raster((noise(40, 50),), (0.5, 0.5)))
    with pytest.raises(ParameterError, match="extent"):
        tiles_of(tmp_path / "a.tiff", ((0, 0),), (0, 40), 0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tile_x": [9.2e18]}, "tile_x is 9.2e\\+18, beyond 9,007,199,254,740,992; correct it"),
        ({"tile_y": [-(2**53) - 2]}, "tile_y is -9.0072e\\+15, beyond"),
        ({"tile_x": [2**63 - 1]}, "tile_x is 9.22337e\\+18, beyond"),
        ({"tile_x": [0.5]}, "tile_x is not whole in 1 of 1 rows, such as 0.5; round it"),
        ({"level": [0.5]}, "level is not whole"),
        ({"level": [float("nan")]}, "level is NaN or infinite"),
        ({"tile_extent_x": [16.5]}, "tile_extent_x is not whole"),
        ({"tile_extent_y": [float("inf")]}, "tile_extent_y is NaN or infinite"),
        ({"tile_extent_x": [1e8], "tile_extent_y": [1e8]}, "pass at most 268,435,456 pixels"),
    ],
)
def test_numbers_out_of_range_are_refused(change: dict[str, list[float]], message: str, tmp_path: Path) -> None:
    LAYOUTS["tiles"].write(tmp_path / "a.tiff", Raster((noise(40, 50),), (0.5, 0.5)))
    row = dict(zip(COLUMNS, ([str(tmp_path / "a.tiff")], [0], [0], [16], [16], [0]), strict=True)) | change
    with pytest.raises(ParameterError, match=message):
        evaluate(read_slide_tiles(*map(col, COLUMNS)), pa.table(row))


def resized(path: Path, extents: list[int], size: object) -> list[np.ndarray]:
    rows = [(str(path), 0, 0, extent, extent, 0) for extent in extents]
    table = pa.table(dict(zip(COLUMNS, map(list, zip(*rows, strict=True)), strict=True)))
    column = evaluate(read_slide_tiles(*map(col, COLUMNS), size=size), table)
    return [column[index].as_py() for index in range(len(column))]


def test_tiles_of_different_extents_can_have_one_size(tmp_path: Path) -> None:
    level = np.full((64, 64, 3), 200, np.uint8)
    LAYOUTS["tiles"].write(tmp_path / "a.tiff", Raster((level,), (0.5, 0.5)))
    found = resized(tmp_path / "a.tiff", [32, 40, 16], (32, 24))
    assert [tile.shape for tile in found] == [(24, 32, 3)] * 3
    assert {int(value) for tile in found for value in np.unique(tile)} == {200}


def test_a_tile_that_becomes_smaller_is_averaged(tmp_path: Path) -> None:
    level = np.zeros((64, 64, 3), np.uint8)
    level[::2] = 255  # stripes, of which nearest neighbour would take one kind
    LAYOUTS["tiles"].write(tmp_path / "a.tiff", Raster((level,), (0.5, 0.5)))
    [tile] = resized(tmp_path / "a.tiff", [64], 16)
    np.testing.assert_allclose(tile[2:-2], 127.5, atol=2)


def test_a_tile_of_the_size_is_not_changed(tmp_path: Path) -> None:
    LAYOUTS["tiles"].write(tmp_path / "a.tiff", Raster((noise(64, 64),), (0.5, 0.5)))
    [tile] = resized(tmp_path / "a.tiff", [32], 32)
    np.testing.assert_array_equal(tile, noise(64, 64)[:32, :32], strict=True)


@pytest.mark.parametrize("size", [0, 8.5, (8, 8, 8), (8, -1)])
def test_a_wrong_size_is_refused_at_the_call(size: object) -> None:
    with pytest.raises(ParameterError, match="size"):
        read_slide_tiles(*map(col, COLUMNS), size=size)
