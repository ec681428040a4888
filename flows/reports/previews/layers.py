"""Layers of a preview, read at bounded cost: a small level of the slide, never the finest, and of each overlay."""

import math
from collections.abc import Sequence

import numpy as np
import shapely
from PIL import Image

from flows.config.overlay import Overlay
from flows.reports.previews.scene import Bools, Canvas, Rgb
from ratiopath.annotations import is_annotation
from ratiopath.counting.labels import Labelling
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


def read_areas(
    path: str,
    overlay: Overlay,
    canvas: Canvas,
    frame: SlideFrame | None,
    names: Sequence[str],
    given: float | None = None,
) -> dict[str, Bools] | None:
    """Read the areas of an overlay's classes, each from its own values or labels only.

    Args:
        path: The overlay's file.
        overlay: The overlay's configuration.
        canvas: The frame of the picture.
        frame: Frame of the slide, with the resolution that the tiles' implies; None if it has none.
        names: Classes to read.
        given: Resolution of the overlay in the manifest, µm/px; None if there is none.

    Returns:
        Bool, shape (height, width), by class; None if every level fine enough has more than MAX_PIXELS, or if the slide
        has no resolution.

    Raises:
        SlideError: The overlay cannot be read.
    """
    if canvas.mpp is None or frame is None:
        return None
    whole = Roi(shapely.box(0, 0, canvas.extent.width, canvas.extent.height))
    tile = TileWindows(np.zeros(1), np.zeros(1), canvas.mpp, whole)
    if is_annotation(path):
        with open_annotation(path, frame, overlay.settings().annotation) as annotation:
            return {name: annotation.covered(tile, overlay.labels_of(name))[0] for name in names}
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
    found, where = np.unique(labels, return_inverse=True)
    values, areas = labelling.names(found), {}
    for name in names:
        is_of_class = np.zeros(len(values), dtype=np.bool_)
        is_of_class[chosen_values(overlay.labels_of(name), values, labelling.dtype)] = True
        areas[name] = is_of_class[where].reshape(labels.shape) & exists
    return areas
