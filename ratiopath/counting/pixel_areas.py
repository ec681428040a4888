"""Exact areas of a polygon in the pixels of a patch, and those of the ROI of many windows.

    row of pixels    |     |  e--|->>> |     |     an edge e that crosses the row by dy adds, in every pixel at its
                     |     | /   |     |     |     right, dy times the part of the pixel at its right; the edges of a
                     |     |e----|->>> |     |     polygon add up to its area in each pixel

Edges are cut at the borders of pixels, so that each part lies in one pixel and its mean x is exact. Nothing is sampled.
"""

from typing import Any

import numpy as np
import shapely
from shapely import affinity

from ratiopath.counting.bitmask import Mask
from ratiopath.counting.fractional import FractionalWindows
from ratiopath.geometry import Extent, Float64s, Int64s
from ratiopath.plan import OverlayTransform, nth_of_each

NOISE = 1e-13
"""Area of a pixel in px² that is rounding."""
_PHASE = 1 << 34
"""Steps per pixel of the place of a window's corner in its pixel: windows that differ by less share their weights."""
_FEW_PHASES = 4
"""Places of a window's corner in its pixel up to which the core is found for these places only."""
_MAX_PIXELS = 1 << 18
"""Pixels measured at once, which bounds memory and keeps them in the processor's cache."""
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
        self._units = windows.units
        self._extent = windows.touched.extent
        self._phases, self.phase = _phases(windows)
        self.core, border = self._parts()
        self.row, self.column = np.nonzero(border)
        self.core_units = int(np.count_nonzero(self.core)) * int(self._units)
        self._total = np.full(len(self._phases), -1, dtype=np.int64)
        self._batch = max(1, _MAX_PIXELS // (self._extent.width * self._extent.height))
        self._cache: dict[int, Float64s] = {}

    def weights(self, windows: Int64s) -> Float64s:
        """Return the units of the pixels at `row` and `column`, whole numbers: shape (windows, pixels).

        If those of all windows are the same, the shape is (pixels,).
        """
        if len(self._phases) == 1:
            return self._weights([0])[0]
        phases, index = np.unique(self.phase[windows], return_inverse=True)
        return np.stack(self._weights(phases.tolist()))[index]

    def totals(self) -> Int64s:
        """Return the units of each window."""
        missing = np.flatnonzero(self._total < 0).tolist()
        for first in range(0, len(missing), self._batch):
            self._weights(missing[first : first + self._batch])
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

    def _weights(self, phases: list[int]) -> list[Float64s]:
        missing = [phase for phase in phases if phase not in self._cache]
        found = {phase: self._cache.pop(phase) for phase in phases if phase in self._cache}
        for first in range(0, len(missing), self._batch):
            some = missing[first : first + self._batch]
            areas = pixel_areas(self._edges, self._extent, self._phases[some] / _PHASE)[:, self.row, self.column]
            weights = np.rint(areas * self._units)
            self._total[some] = weights.sum(axis=1).astype(np.int64) + self.core_units
            found.update(zip(some, weights, strict=True))
        room = _MAX_CACHED_BYTES // max(1, 8 * len(self.row)) - len(found)
        while len(self._cache) > max(0, room):
            self._cache.pop(next(iter(self._cache)))
        self._cache.update(found)  # inserted last: the least recently used ones are dropped first
        return [found[phase] for phase in phases]


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
    placed = (edges + corners[:, None, None]).reshape(-1, 2, 2)
    owner, begin, end = _parts(placed)
    middle = (begin + end) / 2
    row, column = np.floor(middle[:, 1]).astype(np.int64), np.floor(middle[:, 0]).astype(np.int64)
    kept = np.flatnonzero((row >= 0) & (row < patch.height) & (column < patch.width))
    row, column, place = row[kept], column[kept], owner[kept] // len(edges)
    height = (begin[:, 1] - end[:, 1])[kept]
    inner = np.clip(column + 1 - middle[kept, 0], 0, 1) * height  # in the pixel itself; beyond it all of the height
    inner = np.where(column < 0, height, inner)
    at = (place * patch.height + row) * (patch.width + 1) + np.maximum(column, 0)
    size = len(corners) * patch.height * (patch.width + 1)
    steps = np.bincount(
        np.concatenate([at, at + 1]), weights=np.concatenate([inner, height - inner]), minlength=size
    ).reshape(len(corners), patch.height, -1)
    areas: Float64s = np.cumsum(steps, axis=2, dtype=np.float64)[..., : patch.width]
    areas[areas < NOISE] = 0
    areas[areas > 1 - NOISE] = 1
    return areas


def _parts(edges: Float64s) -> tuple[Int64s, Float64s, Float64s]:
    """Cut edges at the borders of pixels: edge, first and last point of each part."""
    index = np.flatnonzero(edges[:, 0, 1] != edges[:, 1, 1])
    edges = edges[index]
    along = edges[:, 1] - edges[:, 0]
    edge, share = [np.arange(len(edges))] * 2, [np.zeros(len(edges)), np.ones(len(edges))]
    for axis in (0, 1):
        low, high = edges[..., axis].min(axis=1), edges[..., axis].max(axis=1)
        first = np.floor(low).astype(np.int64) + 1
        crossed, nth = nth_of_each(np.maximum(np.ceil(high).astype(np.int64) - first, 0))
        edge.append(crossed)
        share.append((first[crossed] + nth - edges[crossed, 0, axis]) / along[crossed, axis])
    owner, at = np.concatenate(edge), np.concatenate(share)
    order = np.lexsort((at, owner))
    owner, at = owner[order], at[order]
    same = np.flatnonzero(owner[1:] == owner[:-1])
    points = edges[owner, 0] + at[:, None] * along[owner]
    points = np.where(at[:, None] == 1, edges[owner, 1], points)
    return index[owner[same]], points[same], points[same + 1]
