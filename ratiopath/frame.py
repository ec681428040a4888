"""Level 0 of a slide as a frame of coordinates: size, resolution, and the boxes that annotation tools count from."""

from dataclasses import dataclass, replace
from typing import Self

from ratiopath.geometry import Extent, Mpp


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
