"""Order statistics: those of the sorted row, by every way to find them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratiopath.statistics import order
from ratiopath.statistics.order import order_statistics

LONG = order.MIN_BISECTED + 5


@st.composite
def long_rows(draw) -> np.ndarray:
    """Rows of 8 bits, long enough to be bisected: of one value, of few, of all, and with a rare one."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    low = draw(st.integers(0, 255))
    high = draw(st.integers(low, 255))
    numbers = random.integers(low, high, (draw(st.integers(1, 3)), LONG), dtype=np.uint8, endpoint=True)
    numbers[:, : draw(st.integers(0, LONG))] = draw(st.integers(0, 255))
    numbers[0, draw(st.integers(0, LONG - 1))] = draw(st.integers(0, 255))
    return numbers


@given(long_rows(), st.integers(0, LONG - 2))
@settings(max_examples=60, deadline=None)
def test_a_bisected_row_has_the_numbers_of_the_sorted_row(rows, rank):
    ranks = [rank, rank + 1]
    assert order_statistics(rows, ranks).tolist() == np.sort(rows, axis=1)[:, ranks].tolist()


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16", "int32", "uint64", "float32", "float64"])
@pytest.mark.parametrize("length", [1, 2, 9, 300, 5 * LONG])
def test_ranks_may_be_first_last_neighbours_and_many(dtype, length):
    rows = (np.random.default_rng(length).random((3, length)) * 120).astype(dtype)
    ranks = sorted({0, length // 9, length // 2, length // 2 + 1, length - 2, length - 1} & set(range(length)))
    before = rows.copy()

    for some in (ranks, ranks[:1], ranks[-1:], ranks[-2:]):
        assert order_statistics(rows, some).tolist() == np.sort(rows, axis=1)[:, some].tolist()
    assert (rows == before).all()


def test_a_sample_that_misleads_changes_nothing():
    row = np.full((1, LONG), 200, dtype=np.uint8)
    row[:, :: order.SAMPLED] = 3

    assert order_statistics(row, [LONG // 2, LONG - 1]).tolist() == [[200, 200]]
