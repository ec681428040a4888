"""Windows at fractions of a pixel: pixels cut by an edge of a window count by the part inside.

      floor x0  ceil x0                 floor x1  ceil x1
    |---------|---------|  ...  |---------|---------|        pixels along one axis
          x0 [==========================]  x1                window
              [  part  ][    whole     ][part]               its three blocks, each of whole pixels of one weight

Along both axes a window is three by three blocks. A weight is a whole number of units of 2**-k px², with one k for all
windows of a size: sums are exact whatever their order (docs/decisions/0020-area.md).
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np

from ratiopath.geometry import Extent, Float64s, Int64s, round_half_up
from ratiopath.plan import OverlayTransform, Windows

AREA_BITS = 46
"""Binary digits of the area of a window in units."""
SNAP = 2.0**-38
"""Distance, as a share of the length of a window, at which an edge lies on the border of a pixel."""
BLOCKS = 3
"""Blocks of a window along one axis."""


@dataclass(frozen=True)
class FractionalAxis:
    """Windows of one length along one axis."""

    low: Float64s
    """First edge of each distinct window, ascending."""
    high: Float64s
    """Last edge of each distinct window."""
    rank: Int64s
    """Index of each window among the distinct ones."""

    @classmethod
    def of(cls, low: Float64s, high: Float64s, length: float) -> Self:
        """Find the distinct windows; edges within SNAP of a pixel's border are moved there.

        Args:
            low: First edge of each window, in pixels.
            high: Last edge of each window.
            length: Length of a window.
        """
        for edges in (low, high):
            round_half_up(edges)  # refuses what is beyond whole numbers
        _, first, rank = np.unique(low, return_index=True, return_inverse=True)
        return cls(_snapped(low[first], length * SNAP), _snapped(high[first], length * SNAP), rank)

    @cached_property
    def pixels(self) -> Int64s:
        """First pixel of each block of each distinct window, and the pixel after the last: shape (distinct, 4)."""
        after = np.ceil(self.low)
        last = np.maximum(after, np.floor(self.high))
        edges = np.stack([np.floor(self.low), after, last, np.maximum(last, np.ceil(self.high))], axis=1)
        return edges.astype(np.int64)

    @cached_property
    def weights(self) -> Float64s:
        """Length of a pixel of each block inside the window: shape (distinct, 3)."""
        after, last = self.pixels[:, 1], self.pixels[:, 2]
        parts = np.minimum(after, self.high) - self.low, np.ones(len(after)), self.high - last
        return np.clip(np.stack(parts, axis=1), 0, 1)

    @property
    def first(self) -> Int64s:
        """First pixel that each window touches."""
        first: Int64s = self.pixels[self.rank, 0]
        return first

    @property
    def longest(self) -> int:
        """Largest number of pixels that a window touches, at least 1."""
        return int((self.pixels[:, -1] - self.pixels[:, 0]).max(initial=1))


@dataclass(frozen=True)
class FractionalWindows:
    """Windows of one size on one level of an image, the bounding boxes of an ROI; they may overlap."""

    level: int
    """Index of the level that defines the pixels."""
    x: FractionalAxis
    """Left and right edges."""
    y: FractionalAxis
    """Top and bottom edges."""
    area: float
    """Area of the ROI in px²."""

    @classmethod
    def of(cls, transform: OverlayTransform, tile_x: Float64s, tile_y: Float64s) -> Self:
        """Locate the ROI of every tile in the overlay, without rounding.

        Args:
            transform: Scale from tile space to the overlay, and the ROI.
            tile_x: Left edge of each tile in tile space.
            tile_y: Top edge of each tile.

        Raises:
            ParameterError: An edge is beyond `MAX_PIXEL`.
        """
        minx, miny, maxx, maxy = transform.roi.bounds
        width, height = transform.patch
        x = FractionalAxis.of((tile_x + minx) * transform.x, (tile_x + maxx) * transform.x, width)
        y = FractionalAxis.of((tile_y + miny) * transform.y, (tile_y + maxy) * transform.y, height)
        return cls(transform.level.index, x, y, float(transform.roi.polygon.area) * transform.x * transform.y)

    def __len__(self) -> int:
        return len(self.x.rank)

    @cached_property
    def touched(self) -> Windows:
        """Windows of whole pixels around these, all of the size of the largest."""
        extent = Extent(self.x.longest, self.y.longest)
        return Windows(self.level, self.x.first, self.y.first, extent)

    @property
    def units(self) -> float:
        """Units of a square pixel, a power of 2: the area of an ROI is about 2**AREA_BITS units."""
        return math.ldexp(1.0, AREA_BITS - math.frexp(self.area)[1])

    @cached_property
    def weights(self) -> Int64s:
        """Units of a pixel of each block of each window: shape (windows, 3 along y, 3 along x)."""
        products = self.y.weights[self.y.rank][:, :, None] * self.x.weights[self.x.rank][:, None, :]
        return np.rint(products * self.units).astype(np.int64)


def _snapped(edges: Float64s, distance: float) -> Float64s:
    whole = np.rint(edges)
    return np.where(np.abs(edges - whole) <= distance, whole, edges)
