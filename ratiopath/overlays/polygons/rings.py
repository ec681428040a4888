"""Rings of many polygons in flat arrays, cut at lines without a Python step per ring."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt
import shapely

from ratiopath.geometry import Float64s, Int64s
from ratiopath.plan import nth_of_each

if TYPE_CHECKING:
    from collections.abc import Sequence

MIN_VERTICES = 3
"""Vertices of a ring with an area."""
BOX_VERTICES = 4
"""Vertices of a ring that is an axis-parallel box."""
FLAT = 1e-290
"""Height in px up to which a side is horizontal: its slope could be infinite, and the area beside it is nothing."""
MAX_WORK = 256
"""Vertices times windows that a ring may cost before it is cut: cutting costs about as much."""


@dataclass(frozen=True, slots=True)
class Edges:
    """Sides of rings that are not horizontal.

    The indicator of a polygon is the sum over its edges, in whose range y lies, of `sign` where x is left of the edge.
    """

    ring: Int64s
    """Ring of each edge, ascending."""
    low: Float64s
    """Lower end of the range of y."""
    high: Float64s
    """Upper end."""
    x: Float64s
    """x at the lower end."""
    slope: Float64s
    """Change of x per change of y."""
    sign: Float64s
    """1 for an edge with the polygon at its left, -1 for one with the polygon at its right."""

    def __len__(self) -> int:
        return len(self.ring)


@dataclass(frozen=True, slots=True)
class Rings:
    """Rings whose weighted areas add up to polygons; a cut ring may run to and fro along the cut."""

    xy: Float64s
    """Vertices of all rings, shape (vertices, 2); the first of a ring is not repeated at its end."""
    offsets: Int64s
    """First vertex of each ring, and the number of vertices."""
    weight: Float64s
    """1 or -1: the sign that makes the area of a shell positive and that of a hole negative."""
    owner: Int64s
    """Index of the polygon of each ring."""

    def __len__(self) -> int:
        return len(self.owner)

    @classmethod
    def of(cls, polygons: npt.NDArray[np.object_]) -> "Rings":
        """Take the rings of valid polygons, no multipolygons; those without an area are left out."""
        rings, owner = shapely.get_rings(polygons, return_index=True)
        xy, ring_of = shapely.get_coordinates(rings, return_index=True)
        is_last = np.append(ring_of[1:] != ring_of[:-1], True)[: len(ring_of)]
        offsets = np.searchsorted(ring_of[~is_last], np.arange(len(rings) + 1))
        is_shell = np.append(True, owner[1:] != owner[:-1])[: len(owner)]
        drawn = cls(xy[~is_last], offsets, np.ones(len(rings)), owner)
        weight = np.sign(drawn.areas) * np.where(is_shell, 1.0, -1.0)
        return cls(drawn.xy, offsets, weight, owner).take(np.flatnonzero(weight))

    @classmethod
    def joined(cls, parts: "Sequence[Rings]") -> Self:
        """Concatenate rings."""
        starts = np.cumsum([0, *(len(part.xy) for part in parts)])
        offsets = [part.offsets[:-1] + start for part, start in zip(parts, starts, strict=False)]
        return cls(
            np.concatenate([np.empty((0, 2)), *(part.xy for part in parts)]),
            np.concatenate([*offsets, starts[-1:]]),
            np.concatenate([np.empty(0), *(part.weight for part in parts)]),
            np.concatenate([np.empty(0, dtype=np.int64), *(part.owner for part in parts)]),
        )

    @property
    def counts(self) -> Int64s:
        """Number of vertices of each ring."""
        return np.diff(self.offsets)

    @property
    def bounds(self) -> Float64s:
        """Bounding box (minx, miny, maxx, maxy) of each ring."""
        if not len(self):
            return np.empty((0, 4))
        low, high = (extreme.reduceat(self.xy, self.offsets[:-1]) for extreme in (np.minimum, np.maximum))
        return np.concatenate([low, high], axis=1)

    @property
    def areas(self) -> Float64s:
        """Area of each ring times its weight: negative for a hole."""
        if not len(self):
            return np.empty(0)
        local = self.xy - np.repeat(self.xy[self.offsets[:-1]], self.counts, axis=0)  # keeps small rings exact
        after = local[self.following()]
        twice = local[:, 0] * after[:, 1] - after[:, 0] * local[:, 1]
        areas: Float64s = np.add.reduceat(twice, self.offsets[:-1]) / 2 * self.weight
        return areas

    def take(self, index: Int64s) -> "Rings":
        """Select rings."""
        ring, nth = nth_of_each(self.counts[index])
        offsets = np.concatenate([[0], np.cumsum(self.counts[index])])
        return Rings(self.xy[self.offsets[index][ring] + nth], offsets, self.weight[index], self.owner[index])

    def are_boxes(self) -> npt.NDArray[np.bool_]:
        """Return True for each ring that is exactly its bounding box."""
        is_box: npt.NDArray[np.bool_] = self.counts == BOX_VERTICES
        index = np.flatnonzero(is_box)
        some = self.take(index)
        bounds = some.bounds[:, None]
        corners = some.xy.reshape(-1, BOX_VERTICES, 2)
        is_corner = ((corners == bounds[..., :2]) | (corners == bounds[..., 2:])).all(axis=(1, 2))
        width, height = (bounds[:, 0, 2:] - bounds[:, 0, :2]).T
        is_box[index] = is_corner & (np.abs(some.areas) > width * height / 2)  # neither a bow tie nor half of a box
        return is_box

    def edges(self) -> Edges:
        """List the sides that are not horizontal."""
        after = self.xy[self.following()]
        ring = np.repeat(np.arange(len(self)), self.counts)
        index = np.flatnonzero(np.abs(after[:, 1] - self.xy[:, 1]) > FLAT)
        begin, end, ring = self.xy[index], after[index], ring[index]
        is_up = end[:, 1] > begin[:, 1]
        (x, low), (x_high, high) = np.where(is_up, begin.T, end.T), np.where(is_up, end.T, begin.T)
        return Edges(ring, low, high, x, (x_high - x) / (high - low), np.where(is_up, 1.0, -1.0) * self.weight[ring])

    def subdivided(self, size: tuple[float, float], lines: tuple[Float64s, Float64s]) -> "Rings":
        """Cut rings until none has many vertices in many windows.

        Args:
            size: Width and height of a window.
            lines: Positions along x and along y, ascending, at which rings are cut if one is close to their middle.

        Returns:
            The parts, in another order.
        """
        parts, rest = [], self
        while len(rest):
            bounds = rest.bounds
            spans = bounds[:, 2:] - bounds[:, :2]
            windows = spans / size
            work = rest.counts * (windows[:, 0] + 1) * (windows[:, 1] + 1)
            is_cut = (work > MAX_WORK) & ((windows[:, 0] > 1) | (windows[:, 1] > 1))
            is_cut &= ~rest.are_boxes()
            parts.append(rest.take(np.flatnonzero(~is_cut)))
            cut = np.flatnonzero(is_cut)
            axis = windows[cut].argmax(axis=1)
            which = np.arange(len(cut)), axis
            at = _near(bounds[cut][which] + spans[cut][which] / 2, spans[cut][which] / 4, axis, lines)
            rest = rest.take(cut)
            rest = Rings.joined([rest.cut(axis, at, 1.0), rest.cut(axis, at, -1.0)])
        return Rings.joined(parts)

    def cut(self, axis: Int64s, at: Float64s, side: float) -> "Rings":
        """Keep the part of each ring at one side of a line (Sutherland-Hodgman).

        Args:
            axis: 0 for a vertical line, 1 for a horizontal one, per ring.
            at: Position of the line, per ring.
            side: 1 to keep the part below, -1 for that above.
        """
        ring = np.repeat(np.arange(len(self)), self.counts)
        after = self.following()
        is_y, line = axis[ring] == 1, at[ring]
        along, across = np.where(is_y, self.xy.T, self.xy.T[::-1])
        distance = (across - line) * side
        beyond = distance[after]
        is_kept, is_crossing = distance <= 0, ((distance < 0) & (beyond > 0)) | ((distance > 0) & (beyond < 0))
        count = is_kept.astype(np.int64) + is_crossing
        end = np.cumsum(count)
        xy = np.empty((int(end[-1]), 2)) if len(end) else np.empty((0, 2))
        xy[(end - count)[is_kept]] = self.xy[is_kept]
        crossing = np.flatnonzero(is_crossing)
        begin = along[crossing]
        part = distance[crossing] / (distance[crossing] - beyond[crossing])
        met = begin + part * (along[after[crossing]] - begin)
        xy[end[crossing] - 1] = np.where(is_y[crossing], (met, line[crossing]), (line[crossing], met)).T
        offsets = np.concatenate([[0], end])[self.offsets]
        return _without_detours(Rings(xy, offsets, self.weight, self.owner))

    def following(self) -> Int64s:
        """Return the index of the vertex after each one in its ring."""
        after = np.arange(1, len(self.xy) + 1)
        after[self.offsets[1:] - 1] = self.offsets[:-1]
        return after


def _without_detours(rings: Rings) -> Rings:
    """Drop repeated vertices, those between two on the same axis-parallel line, and rings without an area."""
    rings = _with_area(rings)
    after = rings.following()
    is_vertical, is_horizontal = (rings.xy == rings.xy[after]).T
    is_repeat = is_vertical & is_horizontal
    is_used = ~is_repeat
    for is_level in (is_vertical & ~is_repeat, is_horizontal & ~is_repeat):
        index = np.flatnonzero(is_level)  # few vertices lie on a cut
        is_used[after[index[is_level[after[index]]]]] = False
    offsets = np.concatenate([[0], np.cumsum(is_used)])[rings.offsets]
    return _with_area(Rings(rings.xy[is_used], offsets, rings.weight, rings.owner))


def _with_area(rings: Rings) -> Rings:
    has_area = rings.counts >= MIN_VERTICES
    return rings if has_area.all() else rings.take(np.flatnonzero(has_area))


def _near(middle: Float64s, reach: Float64s, axis: Int64s, lines: tuple[Float64s, Float64s]) -> Float64s:
    """Replace each position by the closest line of its axis within reach."""
    found = middle.copy()
    for along, positions in enumerate(lines):
        on = np.flatnonzero(axis == along)
        bounded = np.concatenate([[-np.inf], positions, [np.inf]])
        after = np.searchsorted(positions, middle[on]) + 1
        for close in (bounded[after - 1], bounded[after]):
            is_closer = np.abs(close - middle[on]) < np.minimum(reach[on], _distance(found[on], middle[on]))
            found[on[is_closer]] = close[is_closer]
    return found


def _distance(found: Float64s, middle: Float64s) -> Float64s:
    """Return the distance of what was found so far; infinite where nothing was."""
    return np.where(found == middle, np.inf, np.abs(found - middle))
