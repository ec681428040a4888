"""Value types of the pixel and the physical plane, and the one rounding function."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ratiopath.errors import ParameterError

Int64s = npt.NDArray[np.int64]
Float64s = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Extent:
    """Size of an axis-aligned box in pixels."""

    width: int
    """Pixels along x, at least 1."""
    height: int
    """Pixels along y, at least 1."""

    def __post_init__(self) -> None:
        if self.width < 1 or self.height < 1:
            raise ParameterError(f"an extent is at least 1 x 1 px: found {self.width} x {self.height}")


@dataclass(frozen=True, slots=True)
class Mpp:
    """Resolution in µm per pixel."""

    x: float
    """µm along x per pixel, finite and > 0."""
    y: float
    """µm along y per pixel, finite and > 0."""

    def __post_init__(self) -> None:
        if not (math.isfinite(self.x) and math.isfinite(self.y) and self.x > 0 and self.y > 0):
            raise ParameterError(f"mpp is finite and > 0 on both axes: found x={self.x}, y={self.y}")

    @classmethod
    def of(cls, mpp: "float | tuple[float, float] | Mpp") -> "Mpp":
        """The same resolution from one number for both axes, a pair (x, y), or an Mpp."""
        if isinstance(mpp, Mpp):
            return mpp
        x, y = mpp if isinstance(mpp, tuple | list) else (mpp, mpp)
        return cls(float(x), float(y))


def round_half_up(values: npt.ArrayLike) -> Int64s:
    """Round to the nearest integer, halves towards +inf: `floor(v + 0.5)` in float64 (SEMANTICS, Mapping 3).

    Not `np.rint`, which rounds halves to even and so shifts every second window of a half-resolution overlay.

    Args:
        values: Numbers of any shape.

    Returns:
        int64 of the same shape.
    """
    return np.floor(np.asarray(values, dtype=np.float64) + 0.5).astype(np.int64)
