"""Order statistics of rows: the numbers of some ranks, exact.

8 bits, short rows   a histogram of each row
8 bits, long rows    bisection of the values, from a guess by a sample: each step counts the numbers up to a value,
                     which is faster than a histogram if ranks are few
other numbers        selection of one rank after the other, from the last: each leaves the smaller numbers on its left
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ratiopath.geometry import Float64s

HISTOGRAM = 256
"""Values of 8 bits."""
MIN_BISECTED = 8192
"""Numbers of a row, for each pair of neighbouring ranks, from which bisection is faster than a histogram."""
SAMPLED = 29
"""Numbers of which one is in the sample; no divisor of the usual widths of windows."""
_BYTES = tuple(np.arange(HISTOGRAM, dtype=np.uint8))


def order_statistics(rows: npt.NDArray[Any], ranks: Sequence[int]) -> Float64s:
    """Find the numbers of some ranks in each row.

    Args:
        rows: Numbers without NaN, shape (rows, numbers).
        ranks: Ranks from 0, increasing.

    Returns:
        Shape (rows, ranks).
    """
    if rows.dtype != np.uint8:
        return _selected(rows, ranks)
    pairs = 1 + np.count_nonzero(np.diff(ranks) > 1)
    return _bisected(rows, ranks) if rows.shape[1] >= MIN_BISECTED * pairs else _counted(rows, ranks)


def _counted(rows: npt.NDArray[np.uint8], ranks: Sequence[int]) -> Float64s:
    offsets = np.arange(len(rows))[:, None] * HISTOGRAM
    counts = np.bincount((rows + offsets).ravel(), minlength=len(rows) * HISTOGRAM)
    reached = counts.reshape(len(rows), HISTOGRAM).cumsum(axis=1)
    return np.stack([np.count_nonzero(reached <= rank, axis=1) for rank in ranks], axis=1).astype(np.float64)


def _bisected(rows: npt.NDArray[np.uint8], ranks: Sequence[int]) -> Float64s:
    found = np.empty((len(rows), len(ranks)))
    is_low = np.empty(rows.shape[1], dtype=np.bool_)
    apart = [rank for place, rank in enumerate(ranks) if not place or rank - ranks[place - 1] > 1]
    guesses = _counted(rows[:, ::SAMPLED], [rank // SAMPLED for rank in apart]).astype(np.int64)
    guess_of = dict(zip(apart, guesses.T.tolist(), strict=True))
    for index, row in enumerate(rows):
        up_to: dict[int, int] = {}  # numbers up to a value, of the values that were tried
        low = 0
        for place, rank in enumerate(ranks):
            high, step = HISTOGRAM - 1, 1
            guess = guess_of[rank][index] if rank in guess_of else low
            while low < high:
                middle = guess if low <= guess < high else (low + high) // 2
                if middle not in up_to:
                    np.less_equal(row, _BYTES[middle], out=is_low)
                    up_to[middle] = int(np.count_nonzero(is_low))
                if up_to[middle] > rank:
                    high, guess = middle, middle - step
                else:
                    low, guess = middle + 1, middle + step
                step *= 2
            found[index, place] = low
    return found


def _selected(rows: npt.NDArray[Any], ranks: Sequence[int]) -> Float64s:
    is_short = rows.dtype.kind in "iu" and rows.dtype.itemsize < 4  # noqa: PLR2004 - few processors select 16 bits
    rows = rows.astype(np.int32) if is_short else rows.copy()
    found = np.empty((len(rows), len(ranks)))
    for place in reversed(range(1, len(ranks))):
        rank = ranks[place]
        rows.partition(rank, axis=1)
        found[:, place] = rows[:, rank]
        rows = rows[:, :rank]
    rank = ranks[0]
    if rank == rows.shape[1] - 1:  # as beside the rank above
        found[:, 0] = rows.max(axis=1)
    else:
        rows.partition(rank, axis=1)
        found[:, 0] = rows[:, rank]
    return found
