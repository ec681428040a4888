"""Masks as PNG: tile overlaps of this library against Pillow and numpy, which crop each tile."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image

from benchmarks.job import ROIS, SLIDE_MPP, TILE
from benchmarks.subjects import named
from ratiopath.counting.value_counts import ValueCounts
from ratiopath.geometry import Mpp
from ratiopath.grid import grid_columns
from ratiopath.overlays import OverlaySettings, TileWindows, open_overlay
from ratiopath.roi import Roi

OURS = "ours"
MASKS = {"binary": 1, "classes": 8}
"""Masks that are written, and the bits of their pixels."""
SHRINK = 3
"""Factor to a size that Pillow opens without its warning: 56 million pixels."""


@dataclass(frozen=True, slots=True)
class PngJob:
    """Tiles over a mask written as PNG."""

    path: Path
    """The PNG."""
    mpp: float
    """Resolution of the mask, µm/px."""
    x: np.ndarray
    """Left edges of the tiles in pixels of the slide, int64."""
    y: np.ndarray
    """Top edges."""

    @classmethod
    def of(cls, tiff: Path, mpp: float, bits: int) -> "PngJob":
        """Write a TIFF mask as PNG beside it, unless it is there, and lay a grid over it."""
        path = tiff.with_suffix(f".{bits}.png")
        pixels = tifffile.imread(tiff, key=0)
        if not path.exists():
            beside = path.with_suffix(".part")
            Image.fromarray(pixels > 0 if bits == 1 else pixels).save(beside, "PNG")
            beside.rename(path)
        slide = int(pixels.shape[1] * mpp / SLIDE_MPP), int(pixels.shape[0] * mpp / SLIDE_MPP)
        return cls(path, mpp, *grid_columns(slide, (TILE, TILE), (TILE, TILE)))


def ours(job: PngJob) -> ValueCounts:
    """Count with the engine."""
    tiles = TileWindows(job.x.astype(float), job.y.astype(float), Mpp.of(SLIDE_MPP), Roi(ROIS["box"]))
    with open_overlay(str(job.path), OverlaySettings(Mpp.of(job.mpp))) as mask:
        return mask.shares(tiles)


def pillow_crops(job: PngJob) -> list[dict[str, int]]:
    """Open with Pillow, crop each tile, count by np.unique."""
    return _of_tiles(job, lambda image: lambda box: np.asarray(image.crop(box)))


def pillow_array(job: PngJob) -> list[dict[str, int]]:
    """Open with Pillow as one array, slice each tile, count by np.unique."""

    def sliced(image: Image.Image) -> Callable[[tuple[int, int, int, int]], np.ndarray]:
        whole = np.asarray(image)
        return lambda box: whole[box[1] : box[3], box[0] : box[2]]

    return _of_tiles(job, sliced)


def _of_tiles(job: PngJob, fetcher: Callable[[Image.Image], Callable]) -> list[dict[str, int]]:
    scale = SLIDE_MPP / job.mpp
    side = round(TILE * scale)
    found = []
    with Image.open(job.path) as image:
        fetch = fetcher(image)
        for x, y in zip((job.x * scale).round().astype(int), (job.y * scale).round().astype(int), strict=True):
            box = int(x), int(y), min(int(x) + side, image.width), min(int(y) + side, image.height)
            values, counts = np.unique(fetch(box), return_counts=True)
            names = [str(int(value)) for value in values]
            found.append(dict(zip(names, counts.tolist(), strict=True)))
    return found


PEERS: dict[str, Callable[[PngJob], list[dict[str, int]]]] = {
    "Pillow, crops": pillow_crops,
    "Pillow, one array": pillow_array,
}


def difference(job: PngJob) -> str | None:
    """Return the first tile whose counts differ from those of Pillow and np.unique; None if none does."""
    for tile, (found, expected) in enumerate(zip(named(ours(job)), pillow_array(job), strict=True)):
        if found != expected:
            return f"tile {tile} has {found}, np.unique says {expected}"
    return None
