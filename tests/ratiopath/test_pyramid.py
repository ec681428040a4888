"""Levels and the choice among them."""

import pytest

from ratiopath.errors import ParameterError
from ratiopath.geometry import Extent, Mpp
from ratiopath.pyramid import Pyramid, axis_downsample


@pytest.mark.parametrize(
    ("base", "size", "downsample"),
    [
        (1000, 1000, 1),
        (1000, 500, 2),
        (1001, 500, 2),  # rounded down
        (1001, 501, 2),  # rounded up
        (742, 186, 4),
        (46_000, 1437, 32),
        (1000, 300, 1000 / 300),  # no integer
        (100, 120, 100 / 120),
    ],
)
def test_a_downsample_is_the_integer_that_rounding_explains_else_the_ratio(base, size, downsample):
    assert axis_downsample(base, size) == downsample


def test_lower_levels_derive_their_mpp_per_axis():
    pyramid = Pyramid.of([Extent(101, 50), Extent(50, 25)], Mpp(0.5, 0.25))

    assert pyramid.levels[1].mpp == Mpp(1.0, 0.5)


@pytest.mark.parametrize(
    ("mpp", "index"), [(Mpp(1.4, 1.4), 0), (Mpp(1.6, 1.6), 1), (Mpp(1.2, 2.4), 1), (Mpp(90, 90), 2)]
)
def test_the_closest_level_has_the_smallest_mean_difference(mpp, index):
    pyramid = Pyramid.of([Extent(400, 400), Extent(200, 200), Extent(100, 100)], Mpp(1, 1))

    assert pyramid.closest(mpp)[0].index == index


def test_a_tie_goes_to_the_finer_level():
    pyramid = Pyramid.of([Extent(400, 400), Extent(200, 200)], Mpp(1, 1))

    assert pyramid.closest(Mpp(1.5, 1.5))[0].index == 0


def test_without_mpp_there_is_no_closest_level():
    with pytest.raises(ParameterError, match="pyramid without resolution"):
        Pyramid.of([Extent(4, 4)], None).closest(Mpp(1, 1))
