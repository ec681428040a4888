"""Exact areas of a polygon in the pixels of a patch, and those of the ROI of many windows.

    row of pixels    |     |  e--|->>> |     |     an edge e that crosses the row by dy adds, in every pixel at its
                     |     | /   |     |     |     right, dy times the part of the pixel at its right; the edges of a
                     |     |e----|->>> |     |     polygon add up to its area in each pixel

Edges are cut at the borders of pixels, so that each part lies in one pixel and its mean x is exact. Nothing is sampled.
"""

import math
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import shapely
from shapely import affinity

from ratiopath.counting.area.fractional import FractionalWindows
from ratiopath.counting.bitmask import Mask
from ratiopath.geometry import Extent, Float64s, Int64s
from ratiopath.plan import OverlayTransform, nth_of_each

_STEP_BITS = 42
"""Binary digits of a pixel's height in steps, more if the polygon is smaller than a pixel."""
_UPRIGHT = 2.0**-60
"""Width in pixels up to which an edge in a row of pixels is upright."""
_PHASE = 1 << 34
"""Steps per pixel of the place of a window's corner in its pixel: windows that differ by less share their weights."""
_FEW_PHASES = 4
"""Places of a window's corner in its pixel up to which the core is found for these places only."""
_MAX_PIXELS = 1 << 15
"""Pixels measured at once, which bounds memory and keeps them in the processor's cache."""
_MAX_BATCH = 32
"""Phases measured at once."""
_MAX_CACHED_BYTES = 1 << 26


class PixelAreas:
    """Areas of an ROI in the pixels of many windows, in units of `FractionalWindows`.

    Attributes:
        core: Mask of the pixels of `FractionalWindows.touched` that lie in the ROI of every window; bool, shape
            (height, width).
        row: Row of each pixel that lies partly in the ROI of a window.
        column: Its column.
        phase: Number of the place of each window's corner in its pixel.
        core_units: Units of the core.
    """

    def __init__(self, windows: FractionalWindows, transform: OverlayTransform) -> None:
        """Prepare for some windows.

        Args:
            windows: The windows.
            transform: Scale from tile space to the overlay, and the ROI.
        """
        minx, miny, _, _ = transform.roi.bounds
        x, y = transform.x, transform.y
        shape = affinity.affine_transform(transform.roi.polygon, [x, 0, 0, y, -minx * x, -miny * y])
        self._edges = polygon_edges(shape)
        self._sides = Sides.of(self._edges)
        self._units = windows.units
        self._extent = windows.touched.extent
        self._phases, self.phase = _phases(windows)
        self.core, border = self._parts()
        self.row, self.column = np.nonzero(border)
        self.core_units = int(np.count_nonzero(self.core)) * int(self._units)
        self._index = np.cumsum(np.append(False, border), dtype=np.int64)
        self._total = np.full(len(self._phases), -1, dtype=np.int64)
        self._slot = np.full(len(self._phases), -1, dtype=np.int64)
        self._slots = 0
        pixels = max(1, len(self.row))
        self._batch = max(1, min(_MAX_BATCH, _MAX_PIXELS // pixels))
        capacity = max(1, min(len(self._phases), _MAX_CACHED_BYTES // (8 * pixels)))
        self._table = np.empty((capacity, len(self.row)))

    def weights(self, windows: Int64s) -> Float64s:
        """Return the units of the pixels at `row` and `column`, whole numbers: shape (windows, pixels).

        If those of all windows are the same, the shape is (pixels,).
        """
        phases = self.phase[windows] if len(self._phases) > 1 else np.zeros(1, dtype=np.int64)
        if (self._slot[phases] < 0).any():
            self._measure(phases)
        slots = self._slot[phases]
        return self._table[slots] if len(self._phases) > 1 else self._table[0]

    def totals(self) -> Int64s:
        """Return the units of each window."""
        missing = np.flatnonzero(self._total < 0)
        for first in range(0, len(missing), self._batch):
            self._total_units(missing[first : first + self._batch])
        return self._total[self.phase]

    def areas(self, phase: int) -> Float64s:
        """Return the area of the ROI in every pixel of the windows of one phase, in px²."""
        areas: Float64s = pixel_areas(self._edges, self._extent, self._phases[[phase]] / _PHASE)[0]
        return areas

    def _parts(self) -> tuple[Mask, Mask]:
        """Find the core and the border: exactly if few phases occur, else for any phase."""
        if 0 < len(self._phases) <= _FEW_PHASES:
            areas = pixel_areas(self._edges, self._extent, self._phases / _PHASE)
        else:
            larger = Extent(self._extent.width + 1, self._extent.height + 1)
            around = pixel_areas(self._edges, larger, np.ones((1, 2)))[0]
            areas = np.stack([around[1:, 1:], around[1:, :-1], around[:-1, 1:], around[:-1, :-1]])
        core = areas.min(axis=0) == 1
        return core, (areas.max(axis=0) > 0) & ~core

    def _measure(self, phases: Int64s) -> None:
        """Put the units of some phases into the table, and those of the phases beside them, which come next."""
        wanted = (np.unique(phases // self._batch)[:, None] * self._batch + np.arange(self._batch)).ravel()
        wanted = wanted[wanted < len(self._phases)]
        if len(wanted) > len(self._table):
            wanted = np.unique(phases)
        missing = wanted[self._slot[wanted] < 0]
        if self._slots + len(missing) > len(self._table):  # start again
            self._slot[:], self._slots, missing = -1, 0, wanted
        for first in range(0, len(missing), self._batch):
            some = missing[first : first + self._batch]
            self._slot[some] = self._slots + np.arange(len(some))
            self._table[self._slots : self._slots + len(some)] = self._total_units(some)
            self._slots += len(some)

    def _total_units(self, phases: Int64s) -> Float64s:
        """Measure the units of the border at some phases, and note their sums."""
        weights = self._sides.areas(self._extent, self._index, self._phases[phases] / _PHASE)
        weights *= self._units / self._sides.steps
        np.rint(weights, out=weights)
        self._total[phases] = weights.sum(axis=1).astype(np.int64) + self.core_units
        return weights


def _phases(windows: FractionalWindows) -> tuple[Int64s, Int64s]:
    """Find the distinct places of a window's corner in its pixel, (x, y) in steps, and that of each window."""
    (x, column), (y, row) = (
        np.unique(np.rint((axis.low - axis.pixels[:, 0]) * _PHASE).astype(np.int64), return_inverse=True)
        for axis in (windows.x, windows.y)
    )
    place = row[windows.y.rank] * max(1, len(x)) + column[windows.x.rank]
    places, phase = np.unique(place, return_inverse=True)
    row, column = np.divmod(places, max(1, len(x)))
    return np.stack([x[column], y[row]], axis=1), phase


def polygon_edges(polygon: Any) -> Float64s:
    """List the edges of a valid (multi)polygon, its inside at their left with y upwards: shape (edges, 2 ends, 2)."""
    rings = shapely.get_rings(shapely.get_parts(shapely.orient_polygons(polygon, exterior_cw=False)))
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    same = np.flatnonzero(ring[1:] == ring[:-1])
    edges: Float64s = np.stack([xy[same], xy[same + 1]], axis=1)
    return edges


def pixel_areas(edges: Float64s, patch: Extent, corners: Float64s) -> Float64s:
    """Measure the area of a polygon in each pixel of a patch, at several places.

    Args:
        edges: Edges as `polygon_edges` lists them, in pixels.
        patch: Size in pixels; what lies beyond it is left out.
        corners: Origins of the polygon, in pixels from the corner of the patch, shape (places, 2).

    Returns:
        Areas in px², 0 to 1, shape (places, height, width).
    """
    sides = Sides.of(edges)
    areas = sides.areas(patch, np.arange(patch.width * patch.height + 1), corners)
    return (areas / sides.steps).reshape(len(corners), patch.height, patch.width)


@dataclass(frozen=True, slots=True)
class Sides:
    """Edges of a polygon that are not horizontal.

    Heights are whole numbers of steps, so that the edges in a row of pixels add up to exactly 0.
    """

    x: Float64s
    """x at the upper end of each edge, where y is lowest."""
    dx: Float64s
    """Change of x to the lower end."""
    low: Float64s
    """y at the upper end."""
    high: Float64s
    """y at the lower end."""
    sign: Float64s
    """1 for an edge that adds area at its right, -1 for one that takes it."""
    steps: float
    """Steps per pixel, a power of 2."""

    @classmethod
    def of(cls, edges: Float64s) -> Self:
        """Take edges as `polygon_edges` lists them, in pixels."""
        begin, end = edges[:, 0], edges[:, 1]
        is_up = end[:, 1] < begin[:, 1]
        (x, low), (x_end, high) = np.where(is_up, end.T, begin.T), np.where(is_up, begin.T, end.T)
        size = float(np.ptp(edges, axis=(0, 1)).max()) if len(edges) else 1.0
        steps = math.ldexp(1.0, _STEP_BITS + max(0, -math.frexp(size)[1]))
        return cls(x, x_end - x, low, high, np.where(is_up, 1.0, -1.0), steps)

    def areas(self, patch: Extent, index: Int64s, corners: Float64s) -> Float64s:
        """Measure the area in some pixels of a patch, at several places.

        Args:
            patch: Size in pixels.
            index: Number of these pixels before each pixel of the patch, row by row, and their number. All other pixels
                lie inside or outside the polygon at these places.
            corners: Origins of the polygon, in pixels from the corner of the patch, shape (places, 2).

        Returns:
            Areas in 1 / `steps` px², whole numbers, shape (places, pixels).
        """
        y, of_y = np.unique(corners[:, 1], return_inverse=True)
        y_index, row, left, right, height = self._rows(patch.height, y)
        counts = np.bincount(y_index, minlength=len(y))
        place, nth = nth_of_each(counts[of_y])
        part = (np.cumsum(counts) - counts)[of_y][place] + nth
        x = corners[place, 0]
        left, right, height = left[part] + x, right[part] + x, height[part]
        width = right - left
        per_width = np.divide(height, width, out=np.zeros(len(width)), where=width > _UPRIGHT)

        # each part is cut at the columns of pixels that it crosses
        column = np.floor(left).astype(np.int64)
        columns = np.floor(right).astype(np.int64) - column + 1
        part_of, nth = nth_of_each(columns)
        column = column[part_of] + nth
        begin, per_width = left[part_of], per_width[part_of]
        after = np.minimum(right[part_of], column + 1)
        before = np.maximum(begin, column)
        inside = np.rint((after - begin) * per_width)
        inside[np.cumsum(columns) - 1] = height
        inside -= np.rint((before - begin) * per_width)
        inner = np.rint((column + 1 - (before + after) / 2) * inside)
        first = (row[part] * patch.width)[part_of]
        number = int(index[-1]) + 1
        owner = (place * number)[part_of]
        at = [owner + index[first + np.clip(one, 0, patch.width)] for one in (column, column + 1)]
        steps = np.bincount(
            np.concatenate(at), weights=np.concatenate([inner, inside - inner]), minlength=len(corners) * number
        )
        whole = steps.astype(np.int64).reshape(len(corners), number)  # in these a sum takes a fourth of the time
        areas: Float64s = np.cumsum(whole, axis=1)[:, :-1].astype(np.float64)
        return areas

    def _rows(self, height: int, corners: Float64s) -> tuple[Int64s, Int64s, Float64s, Float64s, Float64s]:
        """Cut edges at the rows of pixels: place along y, row, lowest and highest x, and steps of each part."""
        low, high = (np.rint((y + corners[:, None]) * self.steps).ravel() / self.steps for y in (self.low, self.high))
        first = np.maximum(np.floor(low).astype(np.int64), 0)
        stop = np.minimum(np.ceil(high).astype(np.int64), height)
        edge, nth = nth_of_each(np.where(low < high, np.maximum(stop - first, 0), 0))
        row = first[edge] + nth
        low, length = low[edge], (high - low)[edge]
        begin, end = np.maximum(low, row), np.minimum(low + length, row + 1)
        place, edge = np.divmod(edge, max(1, len(self.x)))
        x, dx = self.x[edge], self.dx[edge] / length
        x_begin, x_end = x + (begin - low) * dx, x + (end - low) * dx
        left = np.minimum(x_begin, x_end)
        right = np.maximum(x_begin, x_end)
        return place, row, left, right, (end - begin) * self.sign[edge] * self.steps
