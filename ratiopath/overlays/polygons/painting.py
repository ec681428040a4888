"""Polygons painted on pixels: a pixel is inside if its centre is, the border included (docs/decisions/0001-mapping.md).

A row of pixel centres meets a polygon in closed intervals, which are those just above the row and those just below it:
the two differ where the row runs through a vertex or along an edge.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import shapely

from ratiopath.geometry import Extent, Int64s
from ratiopath.overlays.polygons.joins import Polygons
from ratiopath.overlays.polygons.rings import Edges, Rings
from ratiopath.plan import nth_of_each

NEAR = 1e-9
"""Distance in pixels at which a centre lies on a border."""
MAX_PAIRS = 1 << 20
"""Pairs of an edge and a patch that are processed at once."""


@dataclass(frozen=True, slots=True)
class Painter:
    """Polygons to paint on patches of pixels."""

    edges: Edges
    """Edges of the polygons."""
    first: Int64s
    """First edge of each polygon, and the number of edges."""
    tree: shapely.STRtree
    """Tree of the polygons."""

    @classmethod
    def of(cls, polygons: Polygons, scale: tuple[float, float]) -> Self:
        """Prepare polygons.

        Args:
            polygons: Valid polygons in pixels of level 0, which do not overlap.
            scale: Pixels of level 0 per pixel to paint, along x and y.
        """
        scaled = shapely.transform(polygons, lambda xy: xy / scale)
        rings = Rings.of(scaled)
        edges = rings.edges()
        first = np.searchsorted(rings.owner[edges.ring], np.arange(len(polygons) + 1))
        return cls(edges, first, shapely.STRtree(scaled))

    def covers(self, x: Int64s, y: Int64s, extent: Extent) -> npt.NDArray[np.bool_]:
        """Return True for each pixel whose centre is inside.

        Args:
            x: Left edge of each patch in pixels.
            y: Top edge of each patch.
            extent: Size of the patches.

        Returns:
            Shape (patches, height, width).
        """
        shape = (len(x), extent.height, extent.width)
        patch, polygon = self.tree.query(shapely.box(x, y, x + extent.width, y + extent.height))
        if not len(patch):
            return np.zeros(shape, dtype=np.bool_)
        changes = np.zeros((2, *shape[:2], extent.width + 1), dtype=np.int16)
        cost = np.cumsum(np.diff(self.first)[polygon])
        cuts = np.searchsorted(cost, np.arange(MAX_PAIRS, cost[-1], MAX_PAIRS))
        for some in np.split(np.arange(len(patch)), cuts):
            pair, nth = nth_of_each(np.diff(self.first)[polygon[some]])
            edge = self.first[polygon[some]][pair] + nth
            self._add_crossings(changes, edge, patch[some][pair], x, y)
        inside = np.cumsum(changes, axis=-1, dtype=np.int16)[..., :-1] > 0
        covered: npt.NDArray[np.bool_] = inside[0] | inside[1]
        return covered

    def _add_crossings(self, changes: npt.NDArray[np.int16], edge: Int64s, patch: Int64s, x: Int64s, y: Int64s) -> None:
        """Note at each crossing of an edge and a row of centres by how much the number of polygons changes there."""
        height, width = changes.shape[2], changes.shape[3] - 1
        edges = self.edges
        low, high = edges.low[edge] - y[patch] - 0.5, edges.high[edge] - y[patch] - 0.5
        above, below = (np.ceil(low), np.ceil(high)), (np.floor(low) + 1, np.floor(high) + 1)
        for just, ends in enumerate((above, below)):
            begin, end = (np.clip(rows, 0, height).astype(np.int64) for rows in ends)
            crossing, nth = nth_of_each(end - begin)
            row, by, at = begin[crossing] + nth, edge[crossing], patch[crossing]
            centre = edges.x[by] + (row - low[crossing]) * edges.slope[by] - x[at] - 0.5
            is_left = edges.sign[by] < 0
            columns = np.where(is_left, np.ceil(centre - NEAR), np.floor(centre + NEAR) + 1)
            column = np.clip(columns, 0, width).astype(np.int64)
            np.add.at(changes[just], (at, row, column), np.where(is_left, 1, -1).astype(np.int16))


def on_slide(origin: Int64s, length: int, scale: float, limit: int | None) -> npt.NDArray[np.bool_]:
    """Return True for each row or column of pixels of each patch that lies on the slide.

    Args:
        origin: First pixel of each patch.
        length: Number of pixels.
        scale: Pixels of level 0 per pixel.
        limit: Length of level 0; None if it is unknown.

    Returns:
        Shape (patches, length).
    """
    centre = (origin[:, None] + np.arange(length) + 0.5) * scale
    if limit is None:
        return np.ones(centre.shape, dtype=np.bool_)
    on: npt.NDArray[np.bool_] = (centre >= 0) & (centre < limit)
    return on
