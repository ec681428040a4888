"""Ranges of values hold exactly the stored numbers between their limits."""

import math
import operator
import struct
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratiopath.counting.labels import Labelling
from ratiopath.counting.ranges import ValueRange, is_range
from ratiopath.counting.value_counts import ValueAccumulator, ValueCounts
from ratiopath.errors import ParameterError

CODES = {"float16": "<e", "float32": "<f", "float64": "<d"}
SIGNS = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}
BIG = 2**53


def counts_of(pixels, dtype, channels: int = 1) -> ValueCounts:
    labelling = Labelling(np.dtype(dtype), channels)
    accumulator = ValueAccumulator(labelling)
    accumulator.add(0, labelling.labels(np.array([pixels], dtype=dtype)))
    return accumulator.value_counts(np.array([len(pixels)]))


def share(text: str, pixels, dtype, channels: int = 1) -> float:
    return counts_of(pixels, dtype, channels).share_of([ValueRange.parse(text)])[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("128..255", [0, 0, 1, 1, 1]),
        ("127..128", [0, 1, 1, 0, 0]),
        ("128..128", [0, 0, 1, 0, 0]),
        ("127.5..254.5", [0, 0, 1, 1, 0]),
        (">0", [0, 1, 1, 1, 1]),
        (">=128", [0, 0, 1, 1, 1]),
        ("<128", [1, 1, 0, 0, 0]),
        ("<=128", [1, 1, 1, 0, 0]),
        ("<-1", [0, 0, 0, 0, 0]),
        (" -1e3 .. 1e3 ", [1, 1, 1, 1, 1]),
        ("300..400", [0, 0, 0, 0, 0]),
    ],
)
def test_both_ends_of_an_interval_are_in_it_and_a_bound_says_itself(text, expected):
    assert [share(text, [pixel], "uint8") for pixel in (0, 127, 128, 200, 255)] == expected


def test_integers_beyond_double_precision_are_compared_exactly():
    pixels = [BIG, BIG + 1, BIG + 2, BIG + 3]
    assert share(f">{BIG}", pixels, "uint64") == 0.75
    assert share(f"{BIG + 1}..{BIG + 1}", pixels, "int64") == 0.25
    assert share(f"<={2**64 - 2}", [2**64 - 1, 2**64 - 2], "uint64") == 0.5


def test_a_limit_is_rounded_to_the_stored_type():
    assert [share(text, [0.1], "float32") for text in ("<=0.1", "0..0.1", "<0.1", ">=0.1", ">0.1")] == [1, 1, 0, 1, 0]


def test_nan_lies_in_no_range_and_infinity_beyond_every_limit():
    pixels = [np.nan, np.inf, -np.inf, 0.5]
    assert [share(text, pixels, "float32") for text in (">0", "<=1e300", "-9..9")] == [0.5, 0.5, 0.25]


def test_a_limit_beyond_the_stored_type_is_neither_infinity_nor_zero():
    assert [share(text, [np.inf, 1.0], "float32") for text in (">1e60", "<1e60")] == [0.5, 0.5]
    assert [share(text, [0.0], "float32") for text in (">=1e-60", "<1e-60")] == [0, 1]


def test_zero_has_no_sign():
    assert [share(text, [-0.0, 0.0], "float32") for text in (">=0", "<0", "<=-0.0")] == [1, 0, 1]


def test_a_colour_lies_in_no_range_and_a_grey_pixel_is_its_number():
    pixels = [[255, 0, 0], [200, 200, 200], [0, 0, 0], [1, 200, 200]]
    assert share(">=0", pixels, "uint8", 3) == 0.5
    assert share("128..255", pixels, "uint8", 3) == 0.25


def test_values_ranges_and_overlapping_ranges_of_a_class_count_once():
    counts = counts_of([0, 1, 2, 3], "uint8")
    assert counts.share_of(["0", "1", ValueRange.parse("1..2"), ValueRange.parse("<3")]).tolist() == [0.75]


@pytest.mark.parametrize(
    ("text", "canonical"),
    [("128 .. 255.0", "128..255"), (" > 0", ">0"), (">=.5", ">=0.5"), ("<=2.5e1", "<=25"), ("-3..-1", "-3..-1")],
)
def test_a_range_has_one_text(text, canonical):
    assert str(ValueRange.parse(text)) == canonical
    assert ValueRange.parse(canonical) == ValueRange.parse(text)


@pytest.mark.parametrize(
    "text",
    ["255", "5..1", "a..b", ">x", ">", "..", "1..", "..5", "1..2..3", ">=", "=>5", "><1", ">1,2", "7,7..9", ">nan",
     "0..inf", "<0x10", ">1_0", "nan..nan", ""],
)  # fmt: skip
def test_what_is_no_range_is_refused(text):
    with pytest.raises(ParameterError, match=r"no range of values|holds no value"):
        ValueRange.parse(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1..2", True), (">x", True), ("<10", True), ("a..b", True), ("<unclassified>", False), ("Tumor...", False),
     ("-1", False), ("3+4", False), ("a.b", False), ("=>3", True), ("== 3", True), ("!=0", True), ("≥0.5", True),
     ("1…5", True), ("=<.5", True), ("= tumor", False), ("Tumor…", False), ("<≥3>", False)],
)  # fmt: skip
def test_names_in_angle_brackets_and_ellipses_are_labels_and_mistyped_ranges_are_none(text, expected):
    assert is_range(text) is expected


NUMBERS = st.integers(-300, 300) | st.sampled_from([BIG - 1, BIG, BIG + 1, 2**63, 2**64 - 1])


@given(st.sampled_from(["uint8", "int16", "int64", "uint64"]), st.lists(NUMBERS, min_size=1), st.data())
def test_integers_equal_the_oracle(dtype, pixels, data):
    limits = np.iinfo(dtype)
    pixels = [min(max(pixel, limits.min), limits.max) for pixel in pixels]
    limit = NUMBERS.map(str) | st.decimals(-300, 300, places=1).map(str)
    sign, one, other = data.draw(st.sampled_from(sorted(SIGNS))), data.draw(limit), data.draw(limit)
    low, high = sorted((one, other), key=Fraction)
    assert share(f"{sign}{one}", pixels, dtype) == _mean(
        SIGNS[sign](Fraction(pixel), Fraction(one)) for pixel in pixels
    )
    between = _mean(Fraction(low) <= Fraction(pixel) <= Fraction(high) for pixel in pixels)
    assert share(f"{low}..{high}", pixels, dtype) == between


@given(st.sampled_from(sorted(CODES)), st.data())
def test_floats_equal_the_oracle(dtype, data):
    code = CODES[dtype]
    stored = st.floats(-6e4, 6e4, width=np.dtype(dtype).itemsize * 8) | st.just(math.nan)
    pixels = data.draw(st.lists(stored, min_size=1))
    limit = st.sampled_from([pixel for pixel in pixels if not math.isnan(pixel)] or [0.5]) | st.floats(-6e4, 6e4)
    sign, one, other = data.draw(st.sampled_from(sorted(SIGNS))), data.draw(limit), data.draw(limit)
    low, high = sorted((one, other))
    rounded = {value: _stored(value, code) for value in (one, low, high)}
    assert share(f"{sign}{one!r}", pixels, dtype) == _mean(SIGNS[sign](pixel, rounded[one]) for pixel in pixels)
    between = _mean(rounded[low] <= pixel <= rounded[high] for pixel in pixels)
    assert share(f"{low!r}..{high!r}", pixels, dtype) == between


def _stored(value: float, code: str) -> float:
    """Round to a type of struct; what would become 0 without being 0 stays."""
    rounded = struct.unpack(code, struct.pack(code, value))[0]
    return value if value and not rounded else rounded


def _mean(found) -> float:
    matches = list(found)
    return float(Fraction(sum(matches), len(matches)))
