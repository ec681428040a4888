"""Values that a user names are compared with stored ones as the file stores them."""

import struct
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ratiopath.counting.labels import Labelling
from ratiopath.counting.value_counts import ValueAccumulator, ValueCounts, gather
from ratiopath.counting.values import normalise_value, parse_value

INTEGERS = ("uint8", "int16", "uint32", "int64", "uint64")
FLOATS = {"float16": "<e", "float32": "<f", "float64": "<d"}
NEAR_DOUBLES = st.integers(0, 70).flatmap(lambda bits: st.integers(-3, 3).map(lambda near: 2**bits + near))


def counts_of(pixels, dtype) -> ValueCounts:
    labelling = Labelling(np.dtype(dtype), 1)
    accumulator = ValueAccumulator(labelling)
    accumulator.add(0, labelling.labels(np.array([pixels], dtype=dtype)))
    return accumulator.value_counts(np.array([len(pixels)]))


def share(dtype, pixels, *values) -> float:
    return counts_of(pixels, dtype).share_of([normalise_value(value) for value in values])[0]


def stored(value: str, code: str) -> Fraction | None:
    """Round a number to double precision and then to a type of struct; None if it becomes infinite or 0."""
    exact = Fraction(value)
    try:
        rounded = Fraction(struct.unpack(code, struct.pack(code, float(exact)))[0])
    except OverflowError:
        return None
    return None if exact and not rounded else rounded


@pytest.mark.parametrize("dtype", ["int64", "uint64"])
def test_neighbouring_integers_beyond_double_precision_are_counted_apart(dtype):
    pixels = [2**53, 2**53 + 1, 2**53 + 1, 0]
    assert share(dtype, pixels, 2**53) == 0.25
    assert share(dtype, pixels, 2**53 + 1) == 0.5


@pytest.mark.parametrize("value", [2**64 - 1, str(2**64 - 1), f"{2**64 - 1}.0"])
def test_the_largest_unsigned_integer_is_found(value):
    assert share("uint64", [2**64 - 1, 2**64 - 2], value) == 0.5


def test_the_smallest_signed_integer_is_found():
    assert share("int64", [-(2**63), -(2**63) + 1], -(2**63)) == 0.5


@pytest.mark.parametrize("value", [255, 255.0, "255.0", "2.55e2", " 255", "+255"])
def test_an_integer_may_be_written_in_any_way(value):
    assert share("uint8", [255, 254], value) == 0.5


@pytest.mark.parametrize("value", [300, -1, 44.5, 256, "nan", "inf", "44,44,45"])
def test_a_value_that_the_type_cannot_hold_is_never_another_one(value):
    assert share("uint8", [44, 255, 0, 1], value) == 0


@pytest.mark.parametrize("dtype", FLOATS)
def test_a_decimal_matches_the_stored_number_that_it_rounds_to(dtype):
    assert share(dtype, [0.1, 0.25], 0.1) == 0.5


def test_a_double_of_a_stored_single_matches_it():
    assert share("float32", [0.1, 0.25], float(np.float32(0.1))) == 0.5


@pytest.mark.parametrize("value", [1e-60, 1e60])
def test_a_value_out_of_range_is_neither_zero_nor_infinity(value):
    assert share("float32", [0.0, np.inf], value) == 0


@pytest.mark.parametrize("value", [0, -0.0, "-0.0"])
def test_zero_has_no_sign(value):
    assert share("float32", [0.0, -0.0, 1.0, 2.0], value) == 0.5


@pytest.mark.parametrize("value", [float("nan"), "nan", "NaN"])
def test_nan_is_a_value(value):
    assert share("float32", [np.nan, 0.0], value) == 0.5


def test_infinities_are_two_values():
    assert share("float32", [np.inf, np.inf, -np.inf, 0.0], "inf") == 0.5


def test_a_grey_colour_is_its_number_after_rounding():
    assert parse_value("0.1,0.10000000001,0.1", np.dtype("float32")) == parse_value("0.1", np.dtype("float32"))


def test_a_pixel_of_nan_in_all_channels_is_nan():
    assert parse_value("nan,nan,nan") == parse_value("nan")


def test_keys_are_in_numeric_order_with_nan_last():
    big = 2**53
    assert counts_of([big + 1, big, -5], "int64").keys == ("-5", str(big), str(big + 1))
    assert counts_of([np.nan, 2, -np.inf, 10], "float32").keys == ("-inf", "2.0", "10.0", "nan")


def test_equal_numbers_of_two_types_are_ordered_by_their_text():
    rows = [(np.array([row]), counts_of([5], dtype)) for row, dtype in enumerate(("float32", "uint8"))]
    assert gather(rows, 2).keys == ("5", "5.0")


@pytest.mark.parametrize("value", ["1_0", "", "red", "0x10", "1e999", "1e-999", None, [1], 10**400, "9" * 5000])
def test_what_is_no_number_is_refused(value):
    with pytest.raises(ValueError, match=r"not a number|too large|too small|digits"):
        normalise_value(value)


@example("uint64", [2**64 - 1], str(2**64))
@given(
    st.sampled_from(INTEGERS),
    st.lists(NEAR_DOUBLES, min_size=1),
    NEAR_DOUBLES.map(str) | st.decimals(-300, 300, places=1).map(str),
)
def test_integers_are_compared_exactly(dtype, pixels, value):
    limits = np.iinfo(dtype)
    pixels = [min(max(pixel, limits.min), limits.max) for pixel in pixels]
    expected = Fraction(sum(Fraction(pixel) == Fraction(value) for pixel in pixels), len(pixels))
    assert share(dtype, pixels, value) == float(expected)


@given(st.sampled_from(sorted(FLOATS)), st.data())
def test_decimals_match_what_they_round_to(dtype, data):
    width = np.dtype(dtype).itemsize * 8
    pixels = data.draw(st.lists(st.floats(width=width, allow_nan=False, allow_infinity=False), min_size=1))
    pixel = st.sampled_from(pixels).map(repr)
    value = data.draw(
        pixel | NEAR_DOUBLES.map(str) | st.floats(-1e9, 1e9).map(repr) | st.decimals(-9, 9, places=9).map(str)
    )
    expected = Fraction(sum(Fraction(one) == stored(value, FLOATS[dtype]) for one in pixels), len(pixels))
    assert share(dtype, pixels, value) == float(expected)
