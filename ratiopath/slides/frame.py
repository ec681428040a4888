"""The frame of a slide, as annotations need it."""

from collections.abc import Mapping

import openslide

from ratiopath.frame import SlideFrame
from ratiopath.geometry import Extent, Mpp
from ratiopath.slides.open import open_slide
from ratiopath.slides.openslide_reader import OpenSlideReader
from ratiopath.slides.reader import SlideReader

_BOUNDS = (
    openslide.PROPERTY_NAME_BOUNDS_X, openslide.PROPERTY_NAME_BOUNDS_Y,
    openslide.PROPERTY_NAME_BOUNDS_WIDTH, openslide.PROPERTY_NAME_BOUNDS_HEIGHT,
)  # fmt: skip
_CENTRE = ("hamamatsu.XOffsetFromSlideCentre", "hamamatsu.YOffsetFromSlideCentre")


def read_frame(path: str, mpp: Mpp | None = None) -> SlideFrame:
    """Read the frame of a slide; headers only.

    Args:
        path: The slide.
        mpp: Resolution of level 0 in µm/px, replacing that of the file.

    Raises:
        SlideError: See `open_slide`.
    """
    with open_slide(path, mpp) as reader:
        return frame_of(reader)


def frame_of(reader: SlideReader) -> SlideFrame:
    """Return the frame of an open slide."""
    properties = reader.properties if isinstance(reader, OpenSlideReader) else {}
    levels = reader.pyramid.levels
    return SlideFrame(
        reader.path,
        levels[0].extent,
        levels[0].mpp,
        tuple((level.downsample_x, level.downsample_y) for level in levels),
        scanned_bounds(properties, levels[0].extent),
        slide_centre(properties),
    )


def scanned_bounds(properties: Mapping[str, str], extent: Extent) -> tuple[int, int, int, int] | None:
    """Return the scanned bounding box among OpenSlide's properties; None if there is none, or it is the whole slide."""
    if any(name not in properties for name in _BOUNDS):
        return None
    left, top, width, height = (int(properties[name]) for name in _BOUNDS)
    return None if (left, top, width, height) == (0, 0, extent.width, extent.height) else (left, top, width, height)


def slide_centre(properties: Mapping[str, str]) -> tuple[float, float] | None:
    """Return the centre of level 0 relative to that of the physical slide in nm, if the properties have it."""
    if any(name not in properties for name in _CENTRE):
        return None
    x, y = (float(properties[name]) for name in _CENTRE)
    return x, y
