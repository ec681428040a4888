"""Layers of a preview, read at bounded cost: a small level of the slide, never the finest, and of each overlay."""

import math

import numpy as np
import shapely
from PIL import Image

from flows.config.overlay import Overlay
from flows.reports.previews.scene import Bools, Canvas, Rgb
from ratiopath.annotations import is_annotation
from ratiopath.counting.labels import Labelling
from ratiopath.counting.values import parse_value
from ratiopath.counting.wanted import chosen_values
from ratiopath.frame import SlideFrame
from ratiopath.geometry import Extent, Int64s
from ratiopath.overlays import TileWindows, open_annotation
from ratiopath.overlays.open import open_raster
from ratiopath.plan import Windows
from ratiopath.pyramid import Level
from ratiopath.roi import Roi
from ratiopath.slides import SlideReader, open_slide, scanner_thumbnail
from ratiopath.slides.windows import cut_tiles

MAX_PIXELS = 1 << 24
"""Largest number of pixels of a level that is read for a preview."""


def read_thumbnail(path: str, canvas: Extent) -> Rgb | None:
    """Read the whole slide in the size of the canvas.

    The source is the level closest in size, except the finest. If the finest is the only one, it is the thumbnail that
    the scanner stored in the file.

    Args:
        path: The slide.
        canvas: Size of the picture in px.

    Returns:
        RGB, uint8, shape (height, width, 3), or None if the slide has neither.

    Raises:
        SlideError: The slide cannot be read.
    """
    with open_slide(path) as reader:
        level = _closest_level(reader, _long_side(canvas))
        found = scanner_thumbnail(path) if level is None else _read_level(reader, level)
    if found is None:
        return None
    image = Image.fromarray(found)
    return np.asarray(image.resize((canvas.width, canvas.height), Image.Resampling.BOX, reducing_gap=2.0))


def _closest_level(reader: SlideReader, side: int) -> Level | None:
    small = [level for level in reader.pyramid.levels[1:] if level.extent.width * level.extent.height <= MAX_PIXELS]
    return min(small, key=lambda level: abs(math.log(_long_side(level.extent) / side)), default=None)


def _long_side(extent: Extent) -> int:
    return max(extent.width, extent.height)


def _read_level(reader: SlideReader, level: Level) -> Rgb:
    corner: Int64s = np.zeros(1, dtype=np.int64)
    pixels: Rgb = cut_tiles(reader, Windows(level.index, corner, corner, level.extent))[0]
    return pixels


def read_outline(
    path: str, overlay: Overlay, canvas: Canvas, frame: SlideFrame | None, given: float | None = None
) -> Bools | None:
    """Read the outlines of an overlay's classes; without classes, of everything that differs from 0.

    Args:
        path: The overlay's file.
        overlay: The overlay's configuration.
        canvas: The frame of the picture.
        frame: Frame of the slide, with the resolution that the tiles' implies; None if it has none.
        given: Resolution of the overlay in the manifest, µm/px; None if there is none.

    Returns:
        Bool, shape (height, width); None if every level fine enough has more than MAX_PIXELS, if the slide has no
        resolution, or if the overlay is a heat map without classes.

    Raises:
        SlideError: The overlay cannot be read.
    """
    if canvas.mpp is None or frame is None or (overlay.stats and not overlay.classes):
        return None  # a heat map has no outlines
    whole = Roi(shapely.box(0, 0, canvas.extent.width, canvas.extent.height))
    tile = TileWindows(np.zeros(1), np.zeros(1), canvas.mpp, whole)
    if is_annotation(path):
        return _drawn(path, overlay, tile, frame)
    with open_raster(path, overlay.settings(given), frame) as opened:
        if math.prod(opened.patch_size(tile)) > MAX_PIXELS:
            return None
        pixels, masked = opened.patches(tile)[0]
    labelling = Labelling(pixels.dtype, math.prod(pixels.shape[2:]))
    ys, xs = (
        ((np.arange(size) + 0.5) * (found / size)).astype(np.int64)
        for size, found in zip((canvas.extent.height, canvas.extent.width), pixels.shape, strict=False)
    )
    labels = labelling.labels(pixels[np.ix_(ys, xs)])
    exists = masked[np.ix_(ys, xs)].reshape(*labels.shape, -1)[..., 0] == 0
    return edges(np.where(exists, _class_numbers(labels, labelling, overlay), 0))


def _drawn(path: str, overlay: Overlay, tile: TileWindows, frame: SlideFrame) -> Bools:
    """Paint the outlines of an annotation's classes; where classes overlap, each keeps its own."""
    with open_annotation(path, frame, overlay.settings().annotation) as opened:
        classes = [overlay.labels_of(name) for name in overlay.classes] or [()]
        areas = [opened.covered(tile, labels)[0] for labels in classes]
    drawn: Bools = np.logical_or.reduce([edges(area) for area in areas])
    return drawn


def _class_numbers(labels: np.ndarray, labelling: Labelling, overlay: Overlay) -> np.ndarray:
    """Map each pixel to the number of its class, from 1, or to 0 if it has none."""
    found, where = np.unique(labels, return_inverse=True)
    names, dtype = labelling.names(found), labelling.dtype
    numbers = np.zeros(len(names), dtype=np.int64)
    if not overlay.classes:
        numbers[:] = [parse_value(name) != parse_value("0") for name in names]
    for number, name in enumerate(overlay.classes, start=1):
        numbers[chosen_values(overlay.labels_of(name), names, dtype)] = number
    return numbers[where].reshape(labels.shape)


def edges(areas: np.ndarray) -> Bools:
    """Mark the pixels on both sides of each boundary between areas: lines two pixels wide."""
    marked: Bools = np.zeros(areas.shape, dtype=np.bool_)
    across, down = areas[:, 1:] != areas[:, :-1], areas[1:] != areas[:-1]
    marked[:, :-1] |= across
    marked[:, 1:] |= across
    marked[:-1] |= down
    marked[1:] |= down
    return marked
