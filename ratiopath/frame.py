"""Level 0 of a slide as a frame of coordinates: size, resolution, and the boxes that annotation tools count from."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

from ratiopath.geometry import Extent, Mpp

NEAR = 1e-9
"""Relative difference at which the ratio of two resolutions is a downsample."""


@dataclass(frozen=True, slots=True)
class SlideFrame:
    """Frame of pixels of level 0: x right, y down, (0, 0) the outer corner of the first pixel."""

    path: str | None = None
    """The slide; None if it is not known."""
    extent: Extent | None = None
    """Size of level 0 in px; None if it is not known."""
    mpp: Mpp | None = None
    """Resolution of level 0, µm/px; None if it is not known."""
    downsamples: tuple[tuple[float, float], ...] = ((1.0, 1.0),)
    """Level-0 pixels per pixel of each level, along x and y."""
    bounds: tuple[int, int, int, int] | None = None
    """Left, top, width and height of the scanned bounding box in px of level 0; None if it is the whole slide."""
    centre_offset_nm: tuple[float, float] | None = None
    """Centre of level 0 relative to that of the physical slide, nm; only known for Hamamatsu's slides."""

    def with_mpp_of(self, level: int, mpp: Mpp) -> Self:
        """Return the frame with the resolution that a level's implies.

        Args:
            level: Index of the level.
            mpp: Resolution of the level, µm/px.
        """
        x, y = self.downsamples[level]
        return replace(self, mpp=Mpp(mpp.x / x, mpp.y / y))

    def downsample_of(self, mpp: Mpp) -> tuple[float, float]:
        """Return the pixels of level 0 per pixel of tiles along x and y; that of a level exactly, whatever was rounded.

        Args:
            mpp: Resolution of the tiles in the unit of the frame's: µm/px, or px of level 0 per px if it has none.
        """
        level0 = self.mpp or Mpp(1.0, 1.0)
        across, down = ([level[axis] for level in self.downsamples] for axis in (0, 1))
        return _downsample(mpp.x / level0.x, across), _downsample(mpp.y / level0.y, down)


def _downsample(ratio: float, levels: Sequence[float]) -> float:
    """Undo the rounding of a downsample that was multiplied by a resolution and divided by it again.

    Args:
        ratio: Resolution of tiles over that of level 0.
        levels: Downsamples of the slide.
    """
    close = [known for known in (*levels, float(round(ratio))) if abs(ratio - known) <= NEAR * ratio]
    return min(close, key=lambda known: abs(ratio - known), default=ratio)
