"""Value types for sizes in pixels and resolutions, and the rounding rule of the library."""

import math
import reprlib
import sys
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ratiopath.errors import ParameterError

Int64s = npt.NDArray[np.int64]
Float64s = npt.NDArray[np.float64]
MAX_PIXEL = 1 << 53
"""Largest coordinate in pixels: the whole numbers up to it are exact in float64, and sums of some fit int64."""


@dataclass(frozen=True, slots=True)
class Extent:
    """Size of an axis-aligned box."""

    width: int
    """Length along x in pixels, at least 1."""
    height: int
    """Length along y in pixels, at least 1."""

    def __post_init__(self) -> None:
        if self.width < 1 or self.height < 1:
            raise ParameterError(f"invalid extent {self.width} x {self.height} px; both sides must be at least 1 px")


@dataclass(frozen=True, slots=True)
class Mpp:
    """Resolution of an image."""

    x: float
    """µm per pixel along x, finite and > 0."""
    y: float
    """µm per pixel along y, finite and > 0."""

    def __post_init__(self) -> None:
        if not (math.isfinite(self.x) and math.isfinite(self.y) and self.x > 0 and self.y > 0):
            raise ParameterError(f"invalid mpp {self.x} x {self.y} µm/px; both must be finite and > 0")

    @classmethod
    def of(cls, mpp: "float | tuple[float, float] | Mpp") -> "Mpp":
        """Convert one number for both axes, or a pair (x, y).

        Raises:
            ParameterError: It is neither, or a number is not finite or not > 0.
        """
        if isinstance(mpp, Mpp):
            return mpp
        pair = tuple(mpp) if isinstance(mpp, tuple | list | np.ndarray) else (mpp, mpp)
        is_number = [isinstance(n, int | float | np.number) and not isinstance(n, bool) for n in pair]
        if is_number != [True, True] or any(abs(n) > sys.float_info.max for n in pair):
            raise ParameterError(f"invalid mpp {reprlib.repr(mpp)}; pass a number in µm/px, or a pair (x, y)")
        return cls(float(pair[0]), float(pair[1]))

    @classmethod
    def optional(cls, mpp: "float | tuple[float, float] | Mpp | None") -> "Mpp | None":
        """Convert as `of` does, and pass None on."""
        return None if mpp is None else cls.of(mpp)


def round_half_up(values: npt.ArrayLike) -> Int64s:
    """Round to the nearest integer, halves towards +inf: `floor(v + 0.5)` in float64 (docs/decisions/0001-mapping.md).

    `np.rint` rounds halves to even, which shifts every second window of a half-resolution overlay.

    Args:
        values: Numbers of any shape.

    Returns:
        int64 of the same shape.

    Raises:
        ParameterError: A number is NaN or beyond MAX_PIXEL.
    """
    numbers = np.asarray(values, dtype=np.float64)
    if not (np.abs(numbers) <= MAX_PIXEL).all():
        raise ParameterError(f"a coordinate is beyond {MAX_PIXEL:,} px; check tile_x, tile_y, the ROI and the mpp")
    return np.floor(numbers + 0.5).astype(np.int64)
