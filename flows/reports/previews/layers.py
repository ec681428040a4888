"""Reads what a picture shows, at bounded cost: a small level of the slide, never its finest, and of each overlay."""

import math

import numpy as np
import shapely
from PIL import Image

from flows.config.model import Overlay
from flows.reports.previews.scene import Bools, Canvas, Rgb
from ratiopath.counting.labels import Labelling
from ratiopath.geometry import Extent, Int64s, Mpp
from ratiopath.overlays.raster import read_patches
from ratiopath.plan import OverlayTransform, Windows
from ratiopath.pyramid import Level
from ratiopath.roi import Roi
from ratiopath.slides import SlideReader, open_slide, scanner_thumbnail
from ratiopath.slides.windows import cut_tiles

MAX_PIXELS = 1 << 24
"""Of a level that is read for a picture."""


def thumbnail(path: str, canvas: Extent) -> Rgb | None:
    """The slide in the size of the canvas.

    From the level closest to it, but not from the finest; where the finest is the only one, from the thumbnail that
    vendors put into the file beside it.

    Args:
        path: The slide.
        canvas: Size of the picture in pixels.

    Returns:
        RGB, shape (height, width, 3), or None if the slide has neither.

    Raises:
        SlideError: It cannot be read.
    """
    with open_slide(path) as reader:
        level = _small_level(reader, _longer(canvas))
        found = scanner_thumbnail(path) if level is None else _whole(reader, level)
    if found is None:
        return None
    image = Image.fromarray(found)
    return np.asarray(image.resize((canvas.width, canvas.height), Image.Resampling.BOX, reducing_gap=2.0))


def _small_level(reader: SlideReader, side: int) -> Level | None:
    small = [level for level in reader.pyramid.levels[1:] if level.extent.width * level.extent.height <= MAX_PIXELS]
    return min(small, key=lambda level: abs(math.log(_longer(level.extent) / side)), default=None)


def _longer(extent: Extent) -> int:
    return max(extent.width, extent.height)


def _whole(reader: SlideReader, level: Level) -> Rgb:
    corner: Int64s = np.zeros(1, dtype=np.int64)
    whole: Rgb = cut_tiles(reader, Windows(level.index, corner, corner, level.extent))[0]
    return whole


def outline(path: str, overlay: Overlay, canvas: Canvas) -> Bools | None:
    """Where the classes of an overlay meet, or end; without classes, where it begins to differ from 0.

    Args:
        path: The overlay.
        overlay: What its values mean.
        canvas: The picture.

    Returns:
        Shape (height, width); None where all levels that come near are larger than MOST_PIXELS, or where the slide or
        the overlay has no resolution.

    Raises:
        SlideError: It cannot be read.
    """
    if canvas.mpp is None:
        return None
    whole = Roi(shapely.box(0, 0, canvas.extent.width, canvas.extent.height))
    origin = np.zeros(1)
    with open_slide(path, None if overlay.mpp is None else Mpp.of(overlay.mpp)) as reader:
        if (
            reader.pyramid.mpp is None
            or math.prod(OverlayTransform.of(reader.pyramid, canvas.mpp, whole).patch) > MAX_PIXELS
        ):
            return None
        pixels, masked = read_patches(reader, origin, origin, canvas.mpp, whole)[0]
        labelling = Labelling(reader.dtype, reader.channels)
    ys, xs = (
        ((np.arange(size) + 0.5) * (found / size)).astype(np.int64)
        for size, found in zip((canvas.extent.height, canvas.extent.width), pixels.shape, strict=False)
    )
    labels = labelling.labels(pixels[np.ix_(ys, xs)])
    exists = masked[np.ix_(ys, xs)].reshape(*labels.shape, -1)[..., 0] == 0
    return edges(np.where(exists, _classes(labels, labelling, overlay), 0))


def _classes(labels: np.ndarray, labelling: Labelling, overlay: Overlay) -> np.ndarray:
    """The number of each pixel's class, from 1; 0 where it has none."""
    found, where = np.unique(labels, return_inverse=True)
    number_of = {str(value): n for n, values in enumerate(overlay.classes.values(), start=1) for value in values}
    numbers = [number_of.get(name, 0) if number_of else int(name != "0") for name in labelling.names(found)]
    return np.asarray(numbers, dtype=np.int64)[where].reshape(labels.shape)


def edges(areas: np.ndarray) -> Bools:
    """Pixels whose right or lower neighbour is of another area, and those beside them: lines two pixels wide."""
    marked: Bools = np.zeros(areas.shape, dtype=np.bool_)
    across, down = areas[:, 1:] != areas[:, :-1], areas[1:] != areas[:-1]
    marked[:, :-1] |= across
    marked[:, 1:] |= across
    marked[:-1] |= down
    marked[1:] |= down
    return marked
