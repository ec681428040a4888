"""Fit of a raster overlay to a box of its slide, by sizes and by resolutions.

Sizes in pixels are exact; resolutions are rounded, copied or made up. With s the resolution of the overlay over that of
the slide, W x H the size of the box and w x h that of the overlay:

    drift        |w s - W| and |h s - H|: distance between the far edges by resolution, in px of level 0
    fits         drift <= 1.5 s on both axes: one and a half pixels of the overlay
    compatible   one factor d with |W / d - w| <= 1 and |H / d - h| <= 1

Pure arithmetic: nothing here opens a file.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from ratiopath.frame import SlideFrame
from ratiopath.geometry import Extent, Mpp

Pair = tuple[float, float]
"""Numbers along x and y."""

MAX_DRIFT = 1.5
"""Largest drift of an overlay that fits, in its own pixels."""
MAX_IMPRECISION = 0.05
"""Largest difference of the factor by resolution from that by size, as a share of the latter, that is rounding."""
MAX_PLAUSIBLE_MPP = 100.0
"""Resolution of a file in µm/px above which it is that of a screen if the sizes are compatible: 72 dpi are 352.8."""


@dataclass(frozen=True, slots=True)
class RasterFrame:
    """Level 0 of a raster overlay."""

    path: str
    """The file."""
    extent: Extent
    """Size in px."""
    mpp: Mpp | None = None
    """Resolution in µm/px; None if unknown."""
    is_given: bool = False
    """True if the resolution is a setting rather than the file's own."""


def are_compatible(box: Extent, overlay: Extent) -> bool:
    """Return True if one factor reduces a box to an overlay, each length rounded down, to the nearest or up.

    `max(W / (w + 1), H / (h + 1)) <= min(W / (w - 1), H / (h - 1))`, in whole numbers.

    Examples:
        >>> are_compatible(Extent(2220, 2967), Extent(221, 296))
        True
    """
    is_wide_enough = box.width * (overlay.height - 1) <= box.height * (overlay.width + 1)
    return is_wide_enough and box.height * (overlay.width - 1) <= box.width * (overlay.height + 1)


@dataclass(frozen=True, slots=True)
class Fit:
    """An overlay compared with a box of its slide."""

    extent: Extent
    """Size of the box, px of level 0."""
    origin: Pair
    """Corner of the box, px of level 0."""
    downsample: Pair
    """Factor by size: length of the box over that of the overlay."""
    scale: Pair | None
    """Factor s by resolution, px of level 0 per px of the overlay; None if a resolution is unknown."""
    spanned: Pair | None
    """Size of the overlay by resolution, px of level 0."""
    is_compatible: bool
    """True if one factor reduces the box to the overlay."""
    is_screen: bool
    """True if the resolution is that of a screen."""

    @classmethod
    def of(cls, overlay: RasterFrame, slide: SlideFrame, extent: Extent, origin: Pair = (0.0, 0.0)) -> Self:
        """Compare an overlay with a box.

        Args:
            overlay: The overlay.
            slide: The slide; only its resolution counts.
            extent: Size of the box, px of level 0.
            origin: Corner of the box, px of level 0.
        """
        size, mpp = overlay.extent, overlay.mpp
        scale = None if mpp is None or slide.mpp is None else (mpp.x / slide.mpp.x, mpp.y / slide.mpp.y)
        spanned = None if scale is None else (size.width * scale[0], size.height * scale[1])
        downsample = extent.width / size.width, extent.height / size.height
        is_compatible = are_compatible(extent, size)
        is_coarse = mpp is not None and not overlay.is_given and max(mpp.x, mpp.y) > MAX_PLAUSIBLE_MPP
        return cls(extent, origin, downsample, scale, spanned, is_compatible, is_coarse and is_compatible)

    @property
    def drift(self) -> Pair | None:
        """Distance between the far edges by resolution, px of level 0; None if a resolution is unknown."""
        if self.spanned is None:
            return None
        return abs(self.spanned[0] - self.extent.width), abs(self.spanned[1] - self.extent.height)

    @property
    def fits(self) -> bool:
        """True if the drift is at most MAX_DRIFT pixels of the overlay."""
        return self.drifts_within(lambda scale, _: MAX_DRIFT * scale)

    @property
    def is_within(self) -> bool:
        """True if the overlay, by resolution, ends inside the box or MAX_DRIFT pixels beyond."""
        if self.scale is None or self.spanned is None:
            return False
        across = self.spanned[0] <= self.extent.width + MAX_DRIFT * self.scale[0]
        return across and self.spanned[1] <= self.extent.height + MAX_DRIFT * self.scale[1]

    @property
    def is_imprecise(self) -> bool:
        """True if the factors by resolution and by size differ by rounding at most, and the sizes are compatible."""
        if self.scale is None or not self.is_compatible:
            return False
        off = [abs(by_mpp / by_size - 1) for by_mpp, by_size in zip(self.scale, self.downsample, strict=True)]
        return max(off) <= MAX_IMPRECISION

    def drifts_within(self, limit: Callable[[float, float], float]) -> bool:
        """Return True if the drift on both axes is within a limit; False if a resolution is unknown.

        Args:
            limit: Function of the factor by resolution and the length of the box.
        """
        if self.scale is None or self.drift is None:
            return False
        lengths = self.extent.width, self.extent.height
        return all(drift <= limit(s, length) for drift, s, length in zip(self.drift, self.scale, lengths, strict=True))
