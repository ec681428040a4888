"""The bound on repairing outlines that cross themselves.

GEOS cannot be interrupted, and an outline of a few thousand random vertices keeps it busy for hours.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import shapely

from ratiopath.errors import UnsupportedFormatError
from ratiopath.geometry import Float64s, Int64s

MAX_CROSSINGS = 100_000
"""Crossings of outlines with themselves that are repaired in a file, which takes up to 5 s."""
FEW_CROSSINGS = 5000
"""Crossings of an outline that do not count: they take up to 30 ms, and a file may have many such outlines."""
PAIRS_PER_CROSSING = 30
"""Pairs of segments whose boxes overlap that take as long as a crossing: an outline may run along itself for ever."""
PAIRS_PER_SEGMENT = 4
"""Such pairs of each segment that every outline may have, those of its neighbours above all."""
MAX_LABEL = 40
"""Characters of a label in a message."""
_MAX_QUERY, _FIRST_QUERY = 1 << 24, 32


def require_repairable(
    path: str, polygons: npt.NDArray[np.object_], outline: Sequence[int] | Int64s, labels: Sequence[str]
) -> None:
    """Raise if the repair of polygons would take minutes or have no end.

    Args:
        path: The file.
        polygons: Its invalid polygons.
        outline: Index in the file of the outline of each.
        labels: Label of each outline of the file.

    Raises:
        UnsupportedFormatError: Those of more than FEW_CROSSINGS cross themselves more than MAX_CROSSINGS times.
    """
    total = before = 0
    segments = shapely.get_num_coordinates(polygons)
    for index in np.flatnonzero(segments * (segments - 3) // 2 > FEW_CROSSINGS).tolist():
        crossings, pairs = count_crossings(polygons[index], MAX_CROSSINGS - total)
        cost = _cost(crossings, pairs)
        if cost <= FEW_CROSSINGS:
            continue
        total += cost
        if total > MAX_CROSSINGS:
            number, label = int(outline[index]) + 1, labels[outline[index]][:MAX_LABEL]
            often = f"crosses itself {crossings:,} times or more"
            if crossings < cost:
                often = f"runs along itself at {pairs:,} places or more"
            problem = f"{path!r} has an outline (number {number}, {label!r}) that {often}"
            others = f"; {before:,} outlines before it do so often" if before else ""
            hint = f"simplify it, or draw it again; outlines of a file are repaired up to {MAX_CROSSINGS:,} crossings"
            raise UnsupportedFormatError(problem + others, path=path, hint=hint)
        before += 1


def count_crossings(polygon: shapely.Geometry, limit: int = MAX_CROSSINGS) -> tuple[int, int]:
    """Count the pairs of segments of a polygon's rings that cross, and those that only may.

    Args:
        polygon: A Polygon, valid or not.
        limit: Crossings, or pairs that take as long, at which counting ends.

    Returns:
        Pairs that cross in a point inside of both, and other pairs whose bounding boxes have a point in common, less
        PAIRS_PER_SEGMENT for each segment.
    """
    xy, ring = shapely.get_coordinates(shapely.get_rings(polygon), return_index=True)
    is_segment = ring[1:] == ring[:-1]
    start, end = xy[:-1][is_segment], xy[1:][is_segment]
    segments = shapely.linestrings(np.stack([start, end], axis=1))
    tree = shapely.STRtree(segments)
    crossings, pairs = 0, -PAIRS_PER_SEGMENT * len(segments)
    largest = int(np.clip(_MAX_QUERY // max(1, len(segments)), 8, 4096))
    first, step = 0, min(_FIRST_QUERY, largest)
    while first < len(segments) and _cost(crossings, pairs) <= limit:
        i, j = tree.query(segments[first : first + step])
        is_pair = i + first < j
        i, j = i[is_pair] + first, j[is_pair]
        found = int(np.count_nonzero(_is_crossing(start[i], end[i], start[j], end[j])))
        crossings, pairs = crossings + found, pairs + len(i) - found
        first, step = first + step, min(2 * step, largest)
    return crossings, max(0, pairs)


def _cost(crossings: int, pairs: int) -> int:
    return max(crossings, pairs // PAIRS_PER_CROSSING)


def _is_crossing(a: Float64s, b: Float64s, c: Float64s, d: Float64s) -> npt.NDArray[np.bool_]:
    """Return True for each pair of segments ab and cd whose ends lie strictly on both sides of one another."""
    is_apart = _side(a, b, c) * _side(a, b, d) < 0
    is_apart &= _side(c, d, a) * _side(c, d, b) < 0
    return is_apart


def _side(a: Float64s, b: Float64s, c: Float64s) -> Float64s:
    """Return the sign of the turn from ab to c."""
    along, aside = b - a, c - a
    return np.sign(along[:, 0] * aside[:, 1] - along[:, 1] * aside[:, 0])
