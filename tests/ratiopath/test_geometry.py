"""Value types and rounding."""

import math

import numpy as np
import pytest

from ratiopath.errors import ParameterError
from ratiopath.geometry import Extent, Mpp, round_half_up


def test_halves_round_up_also_below_zero():
    assert round_half_up([0.5, 1.5, 2.5, -0.5, -1.5]).tolist() == [1, 2, 3, 0, -1]


def test_rounding_is_exact_beyond_float32():
    expected = np.array([16_777_217, 2**40 + 1])
    np.testing.assert_array_equal(round_half_up([16_777_217.0, 2.0**40 + 0.5]), expected, strict=True)


@pytest.mark.parametrize("value", [0.0, -0.5, math.nan, math.inf])
def test_an_mpp_that_is_not_finite_and_positive_is_refused(value):
    with pytest.raises(ParameterError, match="invalid mpp"):
        Mpp(0.5, value)


@pytest.mark.parametrize("mpp", [0.5, (0.5, 0.5), Mpp(0.5, 0.5)])
def test_one_number_is_the_mpp_of_both_axes(mpp):
    assert Mpp.of(mpp) == Mpp(0.5, 0.5)


def test_an_optional_mpp_may_be_none():
    assert Mpp.optional(None) is None


def test_an_extent_without_a_pixel_is_refused():
    with pytest.raises(ParameterError, match="invalid extent 0 x 5 px"):
        Extent(0, 5)


@pytest.mark.parametrize("mpp", [(1, 1, 1), [1.0], (1,), np.array([1.0, 1, 1]), (1, None), {}, 10**400, "1", True, "x"])
def test_a_resolution_is_a_number_or_a_pair(mpp) -> None:
    with pytest.raises(ParameterError, match="invalid mpp"):
        Mpp.of(mpp)
