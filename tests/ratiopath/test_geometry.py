"""Value types and rounding."""

import math

import numpy as np
import pytest

from ratiopath.errors import ParameterError
from ratiopath.geometry import Extent, Mpp, round_half_up


def test_halves_round_up_also_below_zero():
    assert round_half_up([0.5, 1.5, 2.5, -0.5, -1.5]).tolist() == [1, 2, 3, 0, -1]


def test_rounding_is_exact_beyond_float32():
    assert round_half_up([16_777_217.0, 2.0**40 + 0.5]).tolist() == [16_777_217, 2**40 + 1]
    assert round_half_up([1.0]).dtype == np.int64


@pytest.mark.parametrize("value", [0.0, -0.5, math.nan, math.inf])
def test_an_mpp_is_finite_and_positive(value):
    with pytest.raises(ParameterError, match="mpp is finite and > 0"):
        Mpp(0.5, value)


def test_one_number_is_the_mpp_of_both_axes():
    assert Mpp.of(0.5) == Mpp.of((0.5, 0.5)) == Mpp.of(Mpp(0.5, 0.5))


def test_an_extent_has_a_pixel():
    with pytest.raises(ParameterError, match="at least 1 x 1"):
        Extent(0, 5)
