"""Statistics of outlines that have a number in place of a label: the scores of patches or cells, weighted by area.

    weight  a = common area of the ROI and the outlines of one number / area of the ROI
    mean    sum(a * x) / sum(a)
    std     sqrt(sum(a * (x - mean)**2) / sum(a))
    min     the smallest number that shares an area with the ROI; max likewise
    qNN     the smallest number for which the numbers up to it have NN % of the sum of a: one of the file's numbers,
            not interpolated
    share   sum(a where x compares true with the threshold) / sum(a)

Outlines that overlap count with the area of each.
"""

from collections.abc import Sequence

import numpy as np
import shapely

from ratiopath.annotations import Annotations
from ratiopath.annotations.annotations import polygon_parts
from ratiopath.counting.shares import DECIMALS, MIN_SHARE
from ratiopath.errors import UnsupportedFormatError
from ratiopath.geometry import Extent, Float64s, Int64s
from ratiopath.overlays.polygons.areas import RoiWindows, window_areas
from ratiopath.overlays.polygons.joins import Polygons
from ratiopath.statistics.numbers import compared
from ratiopath.statistics.results import Statistics
from ratiopath.statistics.statistic import Statistic

SLACK = 1e-9
"""Part of a quantile's weight that may be missing by rounding."""


def score_statistics(
    annotations: Annotations, extent: Extent | None, windows: RoiWindows, statistics: Sequence[Statistic]
) -> Statistics:
    """Measure the numbers of outlines in windows.

    Args:
        annotations: Polygons whose labels are numbers; those without a label, and NaN, are left out.
        extent: Size of level 0, beyond which nothing exists; None if it is unknown.
        windows: The windows, in pixels of level 0.
        statistics: The statistics.

    Raises:
        UnsupportedFormatError: A label is no number.
    """
    number = outline_numbers(annotations)
    is_known = ~np.isnan(number)
    polygons, owner = _on_slide(annotations.polygons[is_known], extent)
    numbers, rank = np.unique(number[is_known][owner], return_inverse=True)
    areas = window_areas(polygons, rank, windows)  # ascending by window, then by number
    weight = np.round(areas.area / windows.area, DECIMALS)  # the same bytes whatever the other windows are
    kept = weight >= MIN_SHARE
    window, weight, number = areas.window[kept], weight[kept], numbers[areas.group[kept]]
    total = np.bincount(window, weights=weight, minlength=len(windows))
    values = np.full((len(windows), len(statistics)), np.nan)
    rows = np.flatnonzero(total)
    if len(rows):
        first = np.searchsorted(window, rows)
        of_row = np.repeat(np.arange(len(rows)), np.diff(first, append=len(window)))
        values[rows] = _measured(of_row, weight, number, first, statistics)
    return Statistics(tuple(statistics), values, np.ones(len(windows)), np.minimum(total, 1.0))


def _measured(
    row: Int64s, weight: Float64s, number: Float64s, first: Int64s, statistics: Sequence[Statistic]
) -> Float64s:
    """Measure rows that have at least one entry each, ordered by row and number."""
    total: Float64s = np.bincount(row, weights=weight).astype(np.float64)
    last = np.append(first[1:], len(row)) - 1
    low, high = number[first], number[last]
    mean = np.clip(np.bincount(row, weights=weight * number) / total, low, high)  # one number is its own mean
    columns: list[Float64s] = []
    for one in statistics:
        match one.kind:
            case "mean":
                columns.append(mean)
            case "min":
                columns.append(low)
            case "max":
                columns.append(high)
            case "std":
                columns.append(np.sqrt(np.bincount(row, weights=weight * (number - mean[row]) ** 2) / total))
            case "quantile":
                columns.append(_quantiles(row, weight, number, total, one.number / 100))
            case "share":
                true = compared(number, one)
                columns.append(np.minimum(np.bincount(row, weights=weight * true) / total, 1.0))
    return np.stack(columns, axis=1)


def _quantiles(row: Int64s, weight: Float64s, number: Float64s, total: Float64s, part: float) -> Float64s:
    units = np.rint(weight * 10**DECIMALS).astype(np.int64)  # whole numbers: other rows leave no rounding in a row
    start = np.flatnonzero(np.diff(row, prepend=-1))
    up_to = np.cumsum(units)
    within_row = up_to - (up_to - units)[start][row]
    reached = within_row >= (part - SLACK) * 10**DECIMALS * total[row]
    found: Float64s = number[np.flatnonzero(reached)[np.unique(row[reached], return_index=True)[1]]]
    return found


def outline_numbers(annotations: Annotations) -> Float64s:
    """Return the number of each outline; NaN for those without one.

    Raises:
        UnsupportedFormatError: A label is no number, or an infinite one.
    """
    numbers = np.full(len(annotations.labels), np.nan)
    for index, label in enumerate(annotations.labels):
        try:
            numbers[index] = float(label or "nan")
        except ValueError:
            path = annotations.path
            problem = f"{path!r} has outlines with labels such as {label[:40]!r}, no numbers, and so no statistics"
            hint = "set measurement: NAME, the measurement of each object, or give classes in place of stats"
            raise UnsupportedFormatError(problem, path=path, hint=hint) from None
    if np.isinf(numbers).any():
        problem = f"{annotations.path!r} has an infinite number, whose mean with others is none"
        raise UnsupportedFormatError(problem, path=annotations.path, hint="write NaN where nothing is known")
    return numbers[annotations.label_index]


def _on_slide(polygons: Polygons, extent: Extent | None) -> tuple[Polygons, Int64s]:
    """Cut polygons to the slide; return the parts, and the index of the polygon of each."""
    if extent is None:
        return polygons, np.arange(len(polygons))
    minx, miny, maxx, maxy = shapely.bounds(polygons).T
    beyond = (minx < 0) | (miny < 0) | (maxx > extent.width) | (maxy > extent.height)
    cut = polygons.copy()
    cut[beyond] = shapely.intersection(polygons[beyond], shapely.box(0, 0, extent.width, extent.height))
    return polygon_parts(cut)
