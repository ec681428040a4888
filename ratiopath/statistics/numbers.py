"""Each statistic of rows of numbers, in float64.

    mean    sum / n: integers are summed exactly, other numbers pairwise in float64
    std     sqrt(sum((x - mean)**2) / n), of the population (ddof=0), in two passes; of 8-bit numbers from exact sums,
            sqrt(n * sum(x**2) - sum(x)**2) / n
    qNN     linear interpolation between the two nearest order statistics, as numpy's method="linear"
    share   the number of x that compare true with the threshold, in the type of the file, / n

A row's results depend on nothing but its own numbers in their order: not on the other rows, so that any division of
tiles into batches gives the same bytes.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ratiopath.geometry import Float64s
from ratiopath.statistics.order import order_statistics
from ratiopath.statistics.statistic import Statistic

Rows = npt.NDArray[Any]
"""Numbers without NaN, shape (rows, numbers), at least one number a row."""
BLOCK = 1 << 16
"""Numbers of 8 bits whose squares have a sum of 32 bits."""
_NONE: Float64s = np.empty(0)
_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    ">=": np.greater_equal,
    "<=": np.less_equal,
    ">": np.greater,
    "<": np.less,
}


def measure_rows(rows: Rows, statistics: Sequence[Statistic]) -> Float64s:
    """Measure rows of one length.

    Args:
        rows: The numbers; Booleans are 0 and 1.
        statistics: The statistics.

    Returns:
        Shape (rows, statistics); NaN where a number does not exist, such as the deviation of infinity.
    """
    rows = np.ascontiguousarray(rows)  # in another layout sums take another order
    rows = rows.view(np.uint8) if rows.dtype == np.bool_ else rows
    found = np.empty((len(rows), len(statistics)))
    kinds = {one.kind for one in statistics}
    with np.errstate(invalid="ignore", over="ignore"):  # infinities, and squares beyond float64
        mean, deviation = _moments(rows, needs_deviation="std" in kinds) if kinds & {"mean", "std"} else (_NONE, _NONE)
        percents = sorted({one.number for one in statistics if one.kind == "quantile"})
        quantiles = dict(zip(percents, _quantiles(rows, percents), strict=True)) if percents else {}
        for column, one in enumerate(statistics):
            match one.kind:
                case "mean":
                    found[:, column] = mean
                case "min":
                    found[:, column] = rows.min(axis=1)
                case "max":
                    found[:, column] = rows.max(axis=1)
                case "std":
                    found[:, column] = deviation
                case "quantile":
                    found[:, column] = quantiles[one.number]
                case "share":
                    found[:, column] = np.count_nonzero(compared(rows, one), axis=1) / rows.shape[1]
    return found


def compared(numbers: npt.NDArray[Any], one: Statistic) -> npt.NDArray[np.bool_]:
    """Compare numbers with the threshold of a share."""
    true: npt.NDArray[np.bool_] = _COMPARE[one.comparison](numbers, _threshold(numbers, one))
    return true


def _threshold(rows: Rows, one: Statistic) -> Any:
    """Return a threshold in the type of the numbers: 0.7 is also the 0.7 of a file with 32 bits."""
    if rows.dtype.kind in "iu":
        return math.ceil(one.number) if one.comparison in {">=", "<"} else math.floor(one.number)
    with np.errstate(over="ignore"):
        stored = rows.dtype.type(one.number)
    return stored if np.isfinite(stored) else np.float64(one.number)


def _moments(rows: Rows, *, needs_deviation: bool) -> tuple[Float64s, Float64s]:
    """Return the mean and, if it is needed, the deviation of each row."""
    if rows.dtype == np.uint8:
        return _exact_moments(rows, needs_deviation=needs_deviation)
    count = rows.shape[1]
    if rows.dtype.kind in "iu" and rows.dtype.itemsize < 8:  # noqa: PLR2004 - sums of 64 bits may overflow
        means: Float64s = rows.sum(axis=1, dtype=np.int64) / count
        differences = rows - means[:, None] if needs_deviation else _NONE
    else:
        numbers = rows.astype(np.float64)
        means = numbers.sum(axis=1) / count
        differences = np.subtract(numbers, means[:, None], out=numbers) if needs_deviation else _NONE
    if not needs_deviation:
        return means, _NONE
    np.multiply(differences, differences, out=differences)
    deviations: Float64s = np.sqrt(differences.sum(axis=1) / count)
    return means, deviations


def _exact_moments(rows: npt.NDArray[np.uint8], *, needs_deviation: bool) -> tuple[Float64s, Float64s]:
    sums, squares, count = np.zeros(len(rows), np.int64), np.zeros(len(rows), np.int64), rows.shape[1]
    for first in range(0, count, BLOCK):
        block = rows[:, first : first + BLOCK]
        sums += block.sum(axis=1, dtype=np.uint32)
        if needs_deviation:
            squares += np.square(block, dtype=np.uint16).sum(axis=1, dtype=np.uint32)
    if not needs_deviation:
        return sums / count, _NONE
    exact = [count * square - one * one for one, square in zip(sums.tolist(), squares.tolist(), strict=True)]
    return sums / count, np.sqrt(np.array(exact, dtype=np.float64)) / count


def _quantiles(rows: Rows, percents: Sequence[float]) -> list[Float64s]:
    """Interpolate the quantiles of each row; the arithmetic is that of numpy's method="linear"."""
    places = [(rows.shape[1] - 1) * (percent / 100) for percent in percents]
    below = [int(place) for place in places]
    above = [min(index + 1, rows.shape[1] - 1) for index in below]
    ranks = sorted({*below, *above})
    ordered = dict(zip(ranks, order_statistics(rows, ranks).T, strict=True))
    return [
        _interpolated(ordered[low], ordered[high], place - low)
        for place, low, high in zip(places, below, above, strict=True)
    ]


def _interpolated(low: Float64s, high: Float64s, weight: float) -> Float64s:
    difference = high - low
    found = low + difference * weight if weight < 0.5 else high - difference * (1 - weight)  # noqa: PLR2004 - as numpy
    return np.where(low == high, low, found)  # also of two infinities
