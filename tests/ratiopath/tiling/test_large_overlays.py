"""Windows and images beyond what the oracle can count pixel by pixel: its windows and masks, counted by numpy."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import shapely

from tests.support import oracles
from tests.support.expressions import overlaps_of, tile_table
from tests.support.layouts import LAYOUTS, Raster

ROWS, COLUMNS = 1400, 1231
MPP = (1.0, 1.0)
ROIS = {
    "box": shapely.box(0, 0, 512, 512),
    "high-box": shapely.box(-3.5, 0, 40, 1000),
    "circle": shapely.Point(200, 200).buffer(200),
    "ring": shapely.Point(250, 250).buffer(300).difference(shapely.Point(240, 260).buffer(150)),
}
GRIDS = {
    "apart": [(x, y) for y in range(0, ROWS, 512) for x in range(0, COLUMNS, 512)],
    "overlapping": [(x, y) for y in range(-100, ROWS, 200) for x in range(-77, COLUMNS, 256)],
    "scattered": [tuple(xy) for xy in np.random.default_rng(0).integers(-300, 1400, (40, 2)).tolist()],
}
LAYOUT_NAMES = ("tiles", "strips-of-7", "strip-whole-one-level", "deflate", "lzw")


roi_mask = cache(oracles.roi_mask)
"""One of a million pixels takes seconds, and several grids share it."""


@cache
def image(kind: str) -> Raster:
    """Areas of hundreds of pixels of one value, islands in them, and noise in one corner."""
    random = np.random.default_rng(5)
    values = {"binary": (0, 255), "classes": (0, 1, 2, 3, 9), "labels": tuple(range(0, 60_000, 500))}.get(kind, (0, 7))
    coarse = random.choice(values, (ROWS // 300 + 1, COLUMNS // 300 + 1))
    level = coarse.repeat(300, axis=0).repeat(300, axis=1)[:ROWS, :COLUMNS]
    level[200:230, 300:340] = values[1]
    level[-300:, -200:] = random.choice(values, (300, 200))
    level = level.astype("uint16" if kind == "labels" else "uint8")
    if kind == "colours":
        level = np.stack([level, level, np.roll(level, 90, axis=1)], axis=-1)
    alpha = None
    if kind == "alpha":
        opaque = np.full((ROWS, COLUMNS), 255, np.uint8)
        opaque[100:900, 50:600] = 0
        opaque[-250:] = random.choice((0, 1), (250, COLUMNS))
        alpha = (opaque,)
    return Raster((level,), MPP, alpha)


def counted(raster: Raster, tile: tuple[int, int], mpp_tile: tuple[float, float], inside: np.ndarray, roi) -> dict:
    """One slice of the array, the oracle's window and mask."""
    x, y, width, height = oracles.patch_window(raster.mpp, *tile, mpp_tile, roi)
    rows, columns = slice(max(0, y), max(0, y + height)), slice(max(0, x), max(0, x + width))
    patch = raster.levels[0][rows, columns]
    seen = inside[
        rows.start - y : rows.start - y + patch.shape[0], columns.start - x : columns.start - x + patch.shape[1]
    ]
    if raster.alpha is not None:
        seen = seen & (raster.alpha[0][rows, columns] != 0)
    pixels = patch[seen].reshape(np.count_nonzero(seen), raster.channels)
    numbers = pixels.astype(np.int64) @ (65_536 ** np.arange(pixels.shape[1]))  # np.unique of rows is slow
    _, first, counts = np.unique(numbers, return_index=True, return_counts=True)
    names = [oracles.value_name(pixels[index]) for index in first]
    return {name: count / counts.sum() for name, count in zip(names, counts.tolist(), strict=True)}


def expected(raster: Raster, tiles: list[tuple[int, int]], mpp_tile: tuple[float, float], roi) -> list[dict]:
    _, _, width, height = oracles.patch_window(raster.mpp, 0, 0, mpp_tile, roi)
    inside = roi_mask(roi, width, height)
    return [counted(raster, tile, mpp_tile, inside, roi) for tile in tiles]


def check(path: Path, raster: Raster, tiles: list[tuple[int, int]], mpp_tile: tuple[float, float], roi) -> None:
    found = overlaps_of(tile_table(path, tiles, mpp_tile), roi)
    assert found == [pytest.approx(row, rel=1e-12, abs=0) for row in expected(raster, tiles, mpp_tile, roi)]


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("roi", ROIS)
def test_every_roi_over_every_grid_of_large_windows_is_counted_exactly(grid: str, roi: str, tmp_path: Path) -> None:
    raster = replace(LAYOUTS["deflate"], tile=(256, 256)).write(tmp_path / "a.tiff", image("classes"))
    check(tmp_path / "a.tiff", raster, GRIDS[grid], MPP, ROIS[roi])


@pytest.mark.parametrize("kind", ["binary", "labels", "colours", "alpha"])
@pytest.mark.parametrize("roi", ["box", "circle"])
def test_every_kind_of_pixel_is_counted_exactly_in_large_windows(kind: str, roi: str, tmp_path: Path) -> None:
    raster = replace(LAYOUTS["lzw"], tile=(512, 512)).write(tmp_path / "a.tiff", image(kind))
    for grid in ("apart", "overlapping"):
        check(tmp_path / "a.tiff", raster, GRIDS[grid], MPP, ROIS[roi])


@pytest.mark.parametrize("layout", LAYOUT_NAMES)
def test_every_size_of_piece_is_counted_exactly_in_large_windows(layout: str, tmp_path: Path) -> None:
    raster = LAYOUTS[layout].write(tmp_path / "a.tiff", image("binary"))
    check(tmp_path / "a.tiff", raster, GRIDS["overlapping"], MPP, ROIS["box"])


@pytest.mark.parametrize("mpp_tile", [(0.5, 0.5), (0.46, 0.46), (1.7, 0.9)])
def test_every_scale_is_counted_exactly_in_large_windows(mpp_tile: tuple[float, float], tmp_path: Path) -> None:
    raster = replace(LAYOUTS["zstd"], tile=(256, 512)).write(tmp_path / "a.tiff", image("classes"))
    tiles = [(x, y) for y in range(-50, 2800, 700) for x in range(0, 2400, 431)]
    for roi in ("box", "ring"):
        check(tmp_path / "a.tiff", raster, tiles, mpp_tile, ROIS[roi])
