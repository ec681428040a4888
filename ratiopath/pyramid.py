"""The levels of an image and which of them is closest to a resolution."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ratiopath.errors import ParameterError
from ratiopath.geometry import Extent, Mpp


@dataclass(frozen=True, slots=True)
class Level:
    """One level of a pyramid."""

    index: int
    """0 is the finest."""
    extent: Extent
    """Size in pixels of this level."""
    downsample_x: float
    """Level-0 pixels per pixel of this level, along x."""
    downsample_y: float
    """Level-0 pixels per pixel of this level, along y."""
    mpp: Mpp | None
    """Level 0's mpp times the downsample; None where level 0 has none."""


@dataclass(frozen=True, slots=True)
class Pyramid:
    """The levels of one image, finest first."""

    levels: tuple[Level, ...]
    """At least one."""

    def __post_init__(self) -> None:
        if not self.levels:
            raise ParameterError("a pyramid has at least one level: found none")

    @classmethod
    def of(cls, extents: Sequence[Extent], mpp: Mpp | None) -> "Pyramid":
        """Build a pyramid from the sizes of its levels.

        Args:
            extents: Size of each level in pixels, finest first.
            mpp: Resolution of level 0, or None if unknown. Lower levels derive from it: their own tags are not
                trusted, since writers copy them from level 0.
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
        """Resolution of level 0, or None if unknown."""
        return self.levels[0].mpp

    def closest(self, mpp: Mpp) -> tuple[Level, Mpp]:
        """The level whose mpp is closest, and that mpp: smallest mean of |Δx| and |Δy|, a tie goes to the finer.

        Raises:
            ParameterError: The pyramid has no resolution.
        """
        known = [(level, level.mpp) for level in self.levels if level.mpp is not None]
        if not known:
            raise ParameterError("the closest level needs a pyramid with mpp: found none")
        return min(
            known, key=lambda one: abs(one[1].x - mpp.x) + abs(one[1].y - mpp.y)
        )  # min keeps the first of equals


def axis_downsample(base: int, size: int) -> float:
    """How many level-0 pixels one pixel of a level spans along one axis.

    The integer k for which `size` is `base / k` rounded down or up, where there is one; else the ratio. Where several
    integers qualify (a few pixels left of a large slide) the one nearest to the ratio counts, the smaller of two.

        base / (size + 1)  <  k  <=  base / size     rounded down
        base / size  <=  k  <  base / (size - 1)     rounded up

    Args:
        base: Pixels of level 0.
        size: Pixels of the level.
    """
    ratio = base / size
    below, above = math.floor(ratio), math.ceil(ratio)
    for k in sorted({below, above}, key=lambda k: (abs(k - ratio), k)):
        if k >= 1 and size in (base // k, -(-base // k)):
            return float(k)
    return ratio
