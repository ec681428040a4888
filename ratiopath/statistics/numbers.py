"""Each statistic of rows of numbers, in float64.

    mean    sum / n: integers are summed exactly, other numbers pairwise in float64
    std     sqrt(sum((x - mean)**2) / n), of the population (ddof=0), in two passes
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
from ratiopath.statistics.statistic import Statistic

Rows = npt.NDArray[Any]
"""Numbers without NaN, shape (rows, numbers), at least one number a row."""
MAX_HISTOGRAM = 256
"""Values of a type from which order statistics are counted, not selected."""
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
        mean = _means(rows) if kinds & {"mean", "std"} else np.empty(0)
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
                    found[:, column] = _deviations(rows, mean)
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


def _means(rows: Rows) -> Float64s:
    if rows.dtype.kind in "iu" and rows.dtype.itemsize < 8:  # noqa: PLR2004 - sums of 64 bits may overflow
        exact: Float64s = rows.sum(axis=1, dtype=np.int64) / rows.shape[1]
        return exact
    means: Float64s = rows.astype(np.float64, copy=False).sum(axis=1) / rows.shape[1]
    return means


def _deviations(rows: Rows, means: Float64s) -> Float64s:
    differences = rows - means[:, None]
    np.multiply(differences, differences, out=differences)
    deviations: Float64s = np.sqrt(differences.sum(axis=1) / rows.shape[1])
    return deviations


def _quantiles(rows: Rows, percents: Sequence[float]) -> list[Float64s]:
    """Interpolate the quantiles of each row; the arithmetic is that of numpy's method="linear"."""
    places = [(rows.shape[1] - 1) * (percent / 100) for percent in percents]
    below = [int(place) for place in places]
    above = [min(index + 1, rows.shape[1] - 1) for index in below]
    ranks = sorted({*below, *above})
    ordered = dict(zip(ranks, _order_statistics(rows, ranks).T, strict=True))
    return [
        _interpolated(ordered[low], ordered[high], place - low)
        for place, low, high in zip(places, below, above, strict=True)
    ]


def _interpolated(low: Float64s, high: Float64s, weight: float) -> Float64s:
    difference = high - low
    found = low + difference * weight if weight < 0.5 else high - difference * (1 - weight)  # noqa: PLR2004 - as numpy
    return np.where(low == high, low, found)  # also of two infinities


def _order_statistics(rows: Rows, ranks: Sequence[int]) -> Float64s:
    """Find the numbers of some ranks in each row; shape (rows, ranks)."""
    if rows.dtype == np.uint8:
        offsets = np.arange(len(rows))[:, None] * MAX_HISTOGRAM
        counts = np.bincount((rows + offsets).ravel(), minlength=len(rows) * MAX_HISTOGRAM)
        reached = counts.reshape(len(rows), MAX_HISTOGRAM).cumsum(axis=1)
        return np.stack([np.count_nonzero(reached <= rank, axis=1) for rank in ranks], axis=1).astype(np.float64)
    return np.partition(rows, ranks, axis=1)[:, ranks].astype(np.float64)
