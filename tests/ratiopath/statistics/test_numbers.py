"""Statistics of rows: numpy's of each row by itself, bit for bit where both are exact."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from ratiopath.statistics.numbers import measure_rows
from ratiopath.statistics.statistic import Statistic, parse_statistics

NAMES = ["mean", "min", "max", "std", "q0", "q2.5", "q33", "q50", "q95", "q100", "share>=0.5", "share<=7", "share>-1"]
ALL = parse_statistics([*NAMES, "share<200"])
DTYPES = ("bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "float32", "float64")


def in_numpy(row: np.ndarray, one: Statistic) -> float:
    """The definition, on float64 numbers of one row."""
    numbers = row.astype(np.float64)
    match one.kind:
        case "quantile":
            return np.quantile(numbers, one.number / 100, method="linear")
        case "share":
            compare = {">=": np.greater_equal, "<=": np.less_equal, ">": np.greater, "<": np.less}[one.comparison]
            return np.mean([bool(compare(number, one.number)) for number in numbers])
    return {"mean": np.mean, "min": np.min, "max": np.max, "std": np.std}[one.kind](numbers)


@st.composite
def rows(draw) -> np.ndarray:
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    elements = {"width": dtype.itemsize * 8} if dtype.kind == "f" else {}
    numbers = (
        st.floats(-1000, 1000, allow_nan=False, **elements)
        if dtype.kind == "f"
        else arrays.from_dtype(dtype, **({"max_value": 2**40} if dtype == np.uint64 else {}))
    )
    return draw(arrays.arrays(dtype, st.tuples(st.integers(1, 4), st.integers(1, 40)), elements=numbers))


@given(rows())
@settings(max_examples=80, deadline=None)
def test_each_row_has_the_statistics_of_numpy(numbers):
    expected = [[in_numpy(row, one) for one in ALL] for row in numbers]

    found = measure_rows(numbers, ALL)

    exact = [place for place, one in enumerate(ALL) if one.kind not in {"mean", "std"}]
    assert found[:, exact].tolist() == np.array(expected)[:, exact].tolist()
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-9)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float64"])
@pytest.mark.parametrize("length", [1, 7, 129, 4097, 20_000])
def test_a_row_has_the_same_bytes_whatever_rows_stand_beside_it(dtype, length):
    numbers = (np.random.default_rng(1).random((9, length)) * 200).astype(dtype)

    alone = np.concatenate([measure_rows(numbers[row : row + 1].copy(), ALL) for row in range(9)])

    assert measure_rows(numbers, ALL).tobytes() == alone.tobytes()
    assert measure_rows(np.asfortranarray(numbers), ALL).tobytes() == alone.tobytes()


def test_large_numbers_close_to_each_other_have_an_exact_deviation():
    numbers = np.array([[1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16]])

    assert measure_rows(numbers, parse_statistics(["std", "mean"])).tolist() == [[np.sqrt(22.5), 1e9 + 10]]


def test_sums_of_integers_are_exact():
    numbers = np.full((1, 1 << 16), 65_535, dtype=np.uint16)

    assert measure_rows(numbers, parse_statistics(["mean", "std"])).tolist() == [[65_535, 0]]


def test_a_threshold_is_compared_as_the_file_stores_it():
    numbers = np.array([[0.7, 0.1]], dtype=np.float32)  # float32(0.7) is less than 0.7

    assert measure_rows(numbers, parse_statistics(["share>=0.7", "share>0.7"])).tolist() == [[0.5, 0]]


def test_a_threshold_beyond_the_type_of_the_file_decides_all_alike():
    numbers = np.array([[0, 255]], dtype=np.uint8)

    found = measure_rows(numbers, parse_statistics(["share>=256", "share<256", "share>-1", "share>=254.5"]))

    assert found.tolist() == [[0, 1, 1, 0.5]]
    assert measure_rows(np.ones((1, 1), np.float32), [Statistic("share", 1e300, "<")]).tolist() == [[1]]


def test_infinity_is_a_number_without_a_deviation():
    found = measure_rows(np.array([[1, np.inf, np.inf]]), parse_statistics(["mean", "max", "std", "q75", "share>5"]))

    assert found[:, [0, 1, 3, 4]].tolist() == [[np.inf, np.inf, np.inf, 2 / 3]]
    assert np.isnan(found[0, 2])
