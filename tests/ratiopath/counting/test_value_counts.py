"""Counts per value."""

import numpy as np
import pytest

from ratiopath.counting.labels import Labelling
from ratiopath.counting.value_counts import ValueAccumulator, ValueCounts, gather


def as_dicts(counts: ValueCounts) -> list[dict[str, int]]:
    return [
        {counts.keys[counts.key_index[e]]: int(counts.counts[e]) for e in range(start, stop)}
        for start, stop in zip(counts.offsets[:-1], counts.offsets[1:], strict=True)
    ]


def counts_of(dtype, channels, pieces, rows) -> ValueCounts:
    accumulator = ValueAccumulator(Labelling(np.dtype(dtype), channels))
    for row, pixels in pieces:
        accumulator.add(row, accumulator.labelling.labels(np.array(pixels, dtype=dtype)))
    return accumulator.value_counts(np.full(rows, 10))


def test_pieces_of_a_row_add_up():
    counts = counts_of(np.uint8, 1, [(1, [[0, 255]]), (0, [[7]]), (1, [[255, 255]])], rows=3)

    assert as_dicts(counts) == [{"7": 1}, {"0": 1, "255": 3}, {}]
    assert counts.existing.tolist() == [1, 4, 0]
    assert counts.fractions.tolist() == [1, 0.25, 0.75]


@pytest.mark.parametrize(
    ("dtype", "pixels", "keys"),
    [
        (np.bool_, [[False, True]], ("0", "1")),
        (np.uint16, [[65535, 9]], ("9", "65535")),
        (np.int16, [[-3, 10, 9]], ("-3", "9", "10")),
        (np.float32, [[0.1, 2.0]], ("0.1", "2.0")),
        (np.float16, [[np.nan, 2.0]], ("2.0", "nan")),
    ],
)
def test_a_value_is_the_stored_number(dtype, pixels, keys):
    assert counts_of(dtype, 1, [(0, pixels)], rows=1).keys == keys


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_equal_channels_are_a_number_and_differing_ones_a_colour(dtype):
    pixels = np.array([[[5, 5, 5], [255, 0, 9], [5, 5, 5]]], dtype=dtype)
    five, colour = (str(dtype(5)), ",".join(str(dtype(v)) for v in (255, 0, 9)))

    assert as_dicts(counts_of(dtype, 3, [(0, pixels)], rows=1)) == [{five: 2, colour: 1}]


def test_groups_with_other_keys_come_under_one_list_in_numeric_order():
    first = counts_of(np.uint8, 1, [(0, [[255]]), (1, [[0]])], rows=2)
    second = counts_of(np.uint8, 3, [(0, [[[1, 2, 3], [30, 30, 30]]])], rows=1)

    together = gather([(np.array([3, 0]), first), (np.array([2]), second)], rows=4)

    assert together.keys == ("0", "1,2,3", "30", "255")
    assert as_dicts(together) == [{"0": 1}, {}, {"1,2,3": 1, "30": 1}, {"255": 1}]
    assert together.inside.tolist() == [10, 0, 10, 10]


def test_a_share_of_values_is_zero_if_absent_and_nan_if_unknown():
    counts = counts_of(np.uint8, 1, [(0, [[1, 2, 3, 0]]), (1, [[0]])], rows=3)

    np.testing.assert_array_equal(counts.share_of(["1", "3"]), [0.5, 0.0, np.nan])
    np.testing.assert_array_equal(counts.share_of(["99"]), [0.0, 0.0, np.nan])


def test_a_share_compares_values_as_numbers():
    counts = counts_of(np.float32, 1, [(0, [[1.0, 0.5]])], rows=1)

    assert counts.keys == ("0.5", "1.0")
    assert counts.share_of(["1"]).tolist() == [0.5]


def test_minus_zero_is_zero_in_every_channel():
    assert as_dicts(counts_of(np.float32, 1, [(0, [[-0.0, 0.0, -1.5]])], rows=1)) == [{"-1.5": 1, "0.0": 2}]
    pixels = [[[-0.0, -0.0], [0.0, 0.0], [1.0, -0.0], [1.0, 0.0]]]
    assert as_dicts(counts_of(np.float32, 2, [(0, pixels)], rows=1)) == [{"0.0": 2, "1.0,0.0": 2}]


def test_no_rows_and_no_groups_are_fine():
    assert len(gather([], rows=0)) == 0
    assert as_dicts(gather([], rows=2)) == [{}, {}]


def test_more_than_65536_values_overflow_and_exactly_that_many_do_not():
    accumulator = ValueAccumulator(Labelling(np.dtype(np.float32), 1))
    accumulator.add(0, np.arange(65_536, dtype=np.float32))
    assert not accumulator.overflows()
    accumulator.add(0, np.arange(65_536, dtype=np.float32))
    assert not accumulator.overflows()
    accumulator.add(0, np.arange(65_537, dtype=np.float32))
    assert accumulator.overflows()
