"""Exact areas of many polygons in many windows.

The question: how much of each window does each group of polygons cover?

1. A polygon whose bounding box lies in a window counts there by its area.
2. The rings of the others are cut, all at once and level by level, until none has many vertices in many windows.
3. Each part is paired with the windows that it may touch. A part that is a box has a closed form.
4. Any other pair is a sum over pairs of an edge of the part and an edge of the region of interest: the indicator of a
   polygon is the sum of `sign` over the edges at whose left a point lies, so that the common area is
   `sum(sign * sign' * integral(min(x, x') dy))`, in closed form for a box and any other polygon alike.

No step per polygon or window runs in Python, nothing is rasterised, and overlapping, repeated and scattered windows are
windows like any other.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import shapely
from shapely import affinity

from ratiopath.counting.labels import distinct_sums
from ratiopath.geometry import Float64s, Int64s
from ratiopath.overlays.polygons.rings import Edges, Rings
from ratiopath.plan import nth_of_each
from ratiopath.roi import Roi

MAX_POLYGONS = 1 << 16
"""Polygons measured at once, which bounds memory."""
MAX_PAIRS = 1 << 17
"""Pairs of edges measured at once, which bounds memory and keeps them in the processor's cache."""


@dataclass(frozen=True, slots=True)
class RoiWindows:
    """Windows of one shape, a region of interest at many places; frame: pixels of level 0."""

    x: Float64s
    """Left edge of the bounding box of each window."""
    y: Float64s
    """Top edge."""
    right: Float64s
    """Right edge."""
    bottom: Float64s
    """Bottom edge."""
    roi: shapely.Geometry
    """Region of interest relative to the top-left corner of its bounding box."""

    def __len__(self) -> int:
        return len(self.x)

    @classmethod
    def of(cls, x: Float64s, y: Float64s, roi: Roi, scale: tuple[float, float] = (1.0, 1.0)) -> Self:
        """Scale tiles of tile space to level 0, without rounding.

        Args:
            x: Left edge of each tile.
            y: Top edge of each tile.
            roi: Region of interest relative to a tile.
            scale: Pixels of level 0 per pixel of tile space, along x and y.
        """
        minx, miny, maxx, maxy = roi.bounds
        placed = affinity.affine_transform(roi.polygon, [scale[0], 0, 0, scale[1], -minx * scale[0], -miny * scale[1]])
        left, right = (x + minx) * scale[0], (x + maxx) * scale[0]
        return cls(left, (y + miny) * scale[1], right, (y + maxy) * scale[1], placed)

    @property
    def size(self) -> tuple[float, float]:
        """Width and height."""
        width, height = self.roi.bounds[2:]
        return width, height

    @property
    def area(self) -> float:
        """Area of a window."""
        return float(self.roi.area)

    @property
    def is_box(self) -> bool:
        """Return True if the region of interest is its bounding box."""
        return bool(self.roi.equals(shapely.box(0, 0, *self.size)))


@dataclass(frozen=True, slots=True)
class Areas:
    """Areas of groups in windows, one entry for each window that a group touches."""

    window: Int64s
    """Window of each entry, ascending."""
    group: Int64s
    """Group of each entry, ascending within a window."""
    area: Float64s
    """Area in px²; not 0 only by rounding where borders touch."""

    @classmethod
    def summed(cls, window: Int64s, group: Int64s, area: Float64s) -> Self:
        """Sum entries of the same window and group."""
        width = int(group.max(initial=0)) + 1
        joint, summed = distinct_sums(window * width + group, area)
        window, group = np.divmod(joint, width)
        return cls(window, group, summed)


def window_areas(polygons: npt.NDArray[np.object_], group: Int64s, windows: RoiWindows) -> Areas:
    """Measure polygons in windows.

    Args:
        polygons: Valid Polygons in pixels of level 0; those of one group do not overlap, or count more than once.
        group: Group of each polygon, >= 0.
        windows: The windows.
    """
    measure = _Measure.of(windows)
    entries = [Areas(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))]
    for first in range(0, len(polygons), MAX_POLYGONS):
        some = slice(first, first + MAX_POLYGONS)
        parts = list(measure.areas(polygons[some], group[some]))
        window, groups, area = (np.concatenate(column) for column in zip(*parts, strict=True))
        entries.append(Areas.summed(window, groups, area))
    if len(polygons) <= MAX_POLYGONS:
        return entries[-1]
    return Areas.summed(
        np.concatenate([entry.window for entry in entries]),
        np.concatenate([entry.group for entry in entries]),
        np.concatenate([entry.area for entry in entries]),
    )


Entries = tuple[Int64s, Int64s, Float64s]
"""Windows, groups and areas of some pairs."""


@dataclass(frozen=True, slots=True)
class WindowIndex:
    """Spatial index of windows of one size: they are sorted by the cell of a lattice that holds their corner."""

    bounds: Float64s
    """Bounding box (minx, miny, maxx, maxy) of each window."""
    size: Float64s
    """Width and height of a window, and of a cell."""
    columns: Float64s
    """Columns of cells that hold a corner, ascending."""
    rows: Float64s
    """Rows of cells that hold a corner, ascending."""
    cell: Int64s
    """Cell of each window in sorted order, ascending: index of its row * number of columns + index of its column."""
    order: Int64s
    """Windows in sorted order."""

    @classmethod
    def of(cls, windows: RoiWindows) -> Self:
        """Build the index."""
        bounds = np.stack([windows.x, windows.y, windows.right, windows.bottom], axis=1)
        size = np.array(windows.size)
        cells = np.floor((bounds[:, :2] - bounds[:1, :2]) / size)
        (columns, column), (rows, row) = (np.unique(cells[:, axis], return_inverse=True) for axis in (0, 1))
        cell = row * len(columns) + column
        order = np.argsort(cell, kind="stable")
        return cls(bounds, size, columns, rows, cell[order], order)

    def pairs(self, bounds: Float64s) -> tuple[Int64s, Int64s]:
        """Pair bounding boxes with the windows that they overlap or touch: their indices, those of boxes ascending."""
        corner = self.bounds[:1, :2] if len(self.bounds) else 0.0
        low = np.floor((bounds[:, :2] - self.size - corner) / self.size)
        high = np.floor((bounds[:, 2:] - corner) / self.size)
        first, stop = np.searchsorted(self.rows, low[:, 1]), np.searchsorted(self.rows, high[:, 1], side="right")
        box, nth = nth_of_each(np.maximum(stop - first, 0))
        begin, end = np.searchsorted(self.columns, low[:, 0]), np.searchsorted(self.columns, high[:, 0], side="right")
        row = (first[box] + nth) * len(self.columns)
        start, until = (np.searchsorted(self.cell, row + column[box]) for column in (begin, end))
        run, nth = nth_of_each(np.maximum(until - start, 0))
        box, window = box[run], self.order[start[run] + nth]
        inner, outer = bounds[box], self.bounds[window]
        left, right = inner[:, :2] <= outer[:, 2:], inner[:, 2:] >= outer[:, :2]
        is_close = left[:, 0] & left[:, 1] & right[:, 0] & right[:, 1]
        return box[is_close], window[is_close]


@dataclass(frozen=True, slots=True)
class _Measure:
    windows: RoiWindows
    index: WindowIndex
    lines: tuple[Float64s, Float64s]
    edges: Edges
    is_box: bool

    @classmethod
    def of(cls, windows: RoiWindows) -> Self:
        lines = np.unique(windows.x), np.unique(windows.y)
        edges = Rings.of(shapely.get_parts(windows.roi)).edges()
        return cls(windows, WindowIndex.of(windows), lines, edges, windows.is_box)

    def areas(self, polygons: npt.NDArray[np.object_], group: Int64s) -> Iterator[Entries]:
        bounds = shapely.bounds(polygons)
        is_cut = np.ones(len(polygons), dtype=np.bool_)
        if self.is_box:
            small = np.flatnonzero((bounds[:, 2:] - bounds[:, :2] <= self.windows.size).all(axis=1))
            box, window = self.index.pairs(bounds[small])
            is_within = self._are_within(bounds[small], box, window)
            is_cut[small] = False
            is_cut[small[box[~is_within]]] = True
            whole = ~is_cut[small[box]]
            yield window[whole], group[small[box[whole]]], shapely.area(polygons[small[box[whole]]])
        cut = np.flatnonzero(is_cut)
        rings = Rings.of(polygons[cut]).subdivided(self.windows.size, self.lines)
        group = group[cut][rings.owner]
        for some, window, area in self._ring_areas(rings):
            yield window, group[some], area

    def _are_within(self, bounds: Float64s, box: Int64s, window: Int64s) -> npt.NDArray[np.bool_]:
        inner, outer = bounds[box], self.index.bounds[window]
        low, high = inner[:, :2] >= outer[:, :2], inner[:, 2:] <= outer[:, 2:]
        return low[:, 0] & low[:, 1] & high[:, 0] & high[:, 1]

    def _ring_areas(self, rings: Rings) -> Iterator[Entries]:
        """Measure rings: index of the ring, of the window, and the area they share times the weight."""
        bounds, areas = rings.bounds, rings.areas
        ring, window = self.index.pairs(bounds)
        inner, outer = bounds[ring], self.index.bounds[window]
        shared = np.minimum(inner[:, 2:], outer[:, 2:]) - np.maximum(inner[:, :2], outer[:, :2])
        is_open = (shared[:, 0] > 0) & (shared[:, 1] > 0)
        closed = rings.are_boxes()[ring]
        if self.is_box:
            is_within = self._are_within(bounds, ring, window)
            area = np.where(is_within, areas[ring], shared[:, 0] * shared[:, 1] * np.sign(areas[ring]))
            closed[is_within] = True
        else:
            around = (inner[:, :2] <= outer[:, :2]) & (inner[:, 2:] >= outer[:, 2:])
            closed &= around[:, 0] & around[:, 1]
            area = self.windows.area * np.sign(areas[ring])
        done = np.flatnonzero(is_open & closed)
        yield ring[done], window[done], area[done]
        left = np.flatnonzero(is_open & ~closed)
        edges = rings.edges()
        first = np.searchsorted(edges.ring, np.arange(len(rings) + 1))
        cost = np.cumsum((np.diff(first) * len(self.edges))[ring[left]])
        cuts = np.searchsorted(cost, np.arange(MAX_PAIRS, cost[-1] if len(cost) else 0, MAX_PAIRS))
        for some in np.split(left, cuts):
            yield ring[some], window[some], self._edge_areas(edges, first, ring[some], window[some])

    def _edge_areas(self, edges: Edges, first: Int64s, ring: Int64s, window: Int64s) -> Float64s:
        """Measure pairs of a ring and a window by their edges.

        With d = x - x', `integral(min(x, x'))` is `integral(x') + integral(min(d, 0))`; the first terms cancel over the
        edges of a ring, and the second is `-h / 2 * n**2 / (n + p)`, where n and p are the sums of the negative and of
        the positive ends of d over the common range of y, whose length is h.
        """
        pair, nth = nth_of_each(np.diff(first)[ring])
        edge, roi = first[ring[pair]] + nth, self.edges
        x, y = edges.x[edge] - self.windows.x[window[pair]], self.windows.y[window[pair]]
        start, end = edges.low[edge] - y, edges.high[edge] - y
        low, high = np.maximum(start[:, None], roi.low), np.minimum(end[:, None], roi.high)
        height = np.maximum(high - low, 0)
        slope = edges.slope[edge][:, None]
        at_low = x[:, None] + (low - start[:, None]) * slope - (roi.x + (low - roi.low) * roi.slope)
        at_high = at_low + (high - low) * (slope - roi.slope)
        negative = np.maximum(-at_low, 0) + np.maximum(-at_high, 0)
        total = negative + np.maximum(at_low, 0) + np.maximum(at_high, 0)
        share = np.divide(negative, total, out=np.zeros_like(total), where=total > 0)
        sums = (height * negative * share) @ roi.sign * edges.sign[edge] / -2
        return np.bincount(pair, weights=sums, minlength=len(ring)).astype(np.float64)
