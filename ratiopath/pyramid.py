"""Levels of an image and the choice of the level closest to a resolution."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ratiopath.errors import ParameterError
from ratiopath.geometry import Extent, Mpp


@dataclass(frozen=True, slots=True)
class Level:
    """One level of a pyramid."""

    index: int
    """Position in the pyramid, 0 is the finest."""
    extent: Extent
    """Size in pixels of this level."""
    downsample_x: float
    """Level-0 pixels per pixel of this level, along x."""
    downsample_y: float
    """Level-0 pixels per pixel of this level, along y."""
    mpp: Mpp | None
    """Resolution of level 0 times the downsample, µm/px; None if unknown."""


@dataclass(frozen=True, slots=True)
class Pyramid:
    """The levels of one image, finest first."""

    levels: tuple[Level, ...]
    """One or more levels."""

    def __post_init__(self) -> None:
        if not self.levels:
            raise ParameterError("a pyramid without levels; pass at least one level")

    @classmethod
    def of(cls, extents: Sequence[Extent], mpp: Mpp | None) -> "Pyramid":
        """Build a pyramid from the sizes of its levels.

        Args:
            extents: Size of each level in pixels, finest first.
            mpp: Resolution of level 0, or None if unknown. Lower levels derive from it: their own tags are not
                trusted, since writers copy them from level 0 (docs/decisions/0002-levels.md).
        """
        base = extents[0]
        levels = []
        for index, extent in enumerate(extents):
            x = axis_downsample(base.width, extent.width)
            y = axis_downsample(base.height, extent.height)
            levels.append(Level(index, extent, x, y, mpp and Mpp(mpp.x * x, mpp.y * y)))
        return cls(tuple(levels))

    @property
    def mpp(self) -> Mpp | None:
        """Resolution of level 0 in µm/px, None if unknown."""
        return self.levels[0].mpp

    def closest(self, mpp: Mpp) -> tuple[Level, Mpp]:
        """Return the level of the closest mpp, and that mpp: smallest mean of |Δx| and |Δy|, a tie goes to the finer.

        Raises:
            ParameterError: The resolution of the pyramid is unknown.
        """
        known = [(level, level.mpp) for level in self.levels if level.mpp is not None]
        if not known:
            raise ParameterError("cannot choose a level of a pyramid without resolution; pass its mpp")
        # min keeps the first of equals
        return min(known, key=lambda one: abs(one[1].x - mpp.x) + abs(one[1].y - mpp.y))


def axis_downsample(base: int, size: int) -> float:
    """Return how many level-0 pixels one pixel of a level spans along one axis.

    The integer k for which `size` is `base / k` rounded down or up if one exists, else the ratio. If several integers
    qualify (a few pixels are left of a large slide), the one nearest to the ratio counts, the smaller of two.

        base / (size + 1)  <  k  <=  base / size     rounded down
        base / size  <=  k  <  base / (size - 1)     rounded up

    Args:
        base: Length of level 0 in pixels.
        size: Length of the level in pixels.
    """
    ratio = base / size
    below, above = math.floor(ratio), math.ceil(ratio)
    for k in sorted({below, above}, key=lambda k: (abs(k - ratio), k)):
        if k >= 1 and size in (base // k, -(-base // k)):
            return float(k)
    return ratio
