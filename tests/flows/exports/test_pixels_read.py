"""Pixels that TRIDENT and CLAM read from a real pyramid through OpenSlide, by the rules of their source."""

from pathlib import Path

import h5py
import numpy as np
import openslide
import pytest

from flows.exports.formats.clam import ClamFormat
from flows.exports.formats.trident import TridentFormat
from tests.support.exported import exported_slide, tiling
from tests.support.layouts import LAYOUTS, Raster

SIDE, TILE = 256, 16
"""Sides of level 0 and of a tile, px of level 0 and of level 1."""
CORNERS = [(0, 0), (16, 0), (0, 32), (16, 32)]


def patch_of_trident(slide: openslide.OpenSlide, path: Path, row: int) -> np.ndarray:
    """Read a patch as WSIPatcher does: the level of that downsample, else the closest finer one, then a resize."""
    with h5py.File(path, "r") as file:
        attributes, corner = dict(file["coords"].attrs), file["coords"][row]
    downsample = attributes["level0_magnification"] / attributes["target_magnification"]
    patch = attributes["patch_size"]
    same = [level for level, scale in enumerate(slide.level_downsamples) if abs(scale - downsample) <= 0.1]
    level = same[0] if same else max(n for n, scale in enumerate(slide.level_downsamples) if scale <= downsample)
    side = round(round(patch * downsample) / int(slide.level_downsamples[level]))
    region = slide.read_region(tuple(corner), level, (side, side)).convert("RGB")
    return np.asarray(region.resize((patch, patch)))


def patch_of_clam(slide: openslide.OpenSlide, path: Path, row: int) -> np.ndarray:
    """Read a patch as Whole_Slide_Bag_FP does, before its resize."""
    with h5py.File(path, "r") as file:
        attributes, corner = dict(file["coords"].attrs), file["coords"][row]
    sides = (attributes["patch_size"], attributes["patch_size"])
    return np.asarray(slide.read_region(corner, attributes["patch_level"], sides).convert("RGB"))


@pytest.mark.parametrize("downsample", [2, 4])
def test_a_tile_of_level_1_is_read_whole_and_nothing_else(tmp_path, downsample) -> None:
    level1 = np.random.default_rng(0).integers(0, 256, (SIDE // downsample,) * 2 + (3,), dtype=np.uint8)
    level0 = level1.repeat(downsample, 0).repeat(downsample, 1)
    LAYOUTS["deflate"].write(tmp_path / "a.tiff", Raster((level0, level1), (0.25, 0.25)))
    own = {"tile": (TILE, TILE), "level0": (SIDE, SIDE), "extent": (SIDE // downsample,) * 2}
    exported = exported_slide(str(tmp_path / "a.tiff"), corners=CORNERS, **own)
    trident = TridentFormat(tiling(level=1, tile_extent=TILE))
    trident.write_slide(exported, tmp_path)
    ClamFormat().write_slide(exported, tmp_path)
    with openslide.OpenSlide(tmp_path / "a.tiff") as slide:
        assert slide.level_downsamples == (1.0, downsample)
        for row, (x, y) in enumerate(CORNERS):
            tile = level1[y : y + TILE, x : x + TILE]
            patch = patch_of_trident(slide, tmp_path / trident.coordinates / "patches" / "a_patches.h5", row)
            np.testing.assert_array_equal(patch, tile)
            whole = patch_of_clam(slide, tmp_path / "patches" / "a.h5", row)
            np.testing.assert_array_equal(whole, tile.repeat(downsample, 0).repeat(downsample, 1))
