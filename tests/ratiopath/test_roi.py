"""The ROI and its mask."""

import math

import numpy as np
import pytest
import shapely
from shapely import MultiPolygon, Point, Polygon, box

from ratiopath.errors import RoiError
from ratiopath.geometry import Extent
from ratiopath.roi import Roi


def test_every_pixel_of_a_box_is_inside():
    assert Roi(box(-3.5, 2, 7, 9)).mask(Extent(5, 4)) is None


def test_a_centre_on_the_border_is_inside():
    triangle = Polygon([(0, 0), (4, 0), (0, 4)])
    expected = np.array([[1, 1, 1, 1], [1, 1, 1, 0], [1, 1, 0, 0], [1, 0, 0, 0]], dtype=bool)

    np.testing.assert_array_equal(Roi(triangle).mask(Extent(4, 4)), expected)


def test_a_hole_is_outside():
    ring = box(0, 0, 5, 5).difference(box(1, 1, 4, 4))
    expected = np.ones((5, 5), dtype=bool)
    expected[1:4, 1:4] = False

    np.testing.assert_array_equal(Roi(ring).mask(Extent(5, 5)), expected)


def test_the_mask_is_stretched_over_the_bounding_box():
    halves = MultiPolygon([box(0, 0, 1, 8), box(3, 0, 4, 8)])

    np.testing.assert_array_equal(Roi(halves).mask(Extent(8, 2)), np.array([[1, 1, 0, 0, 0, 0, 1, 1]] * 2, dtype=bool))


@pytest.mark.parametrize(
    ("roi", "message"),
    [
        (Polygon(), "POLYGON EMPTY"),
        (Point(1, 1), "Point is not a polygon"),
        ("POLYGON", "str is not a polygon"),
        (Polygon([(0, 0), (2, 2), (2, 0), (0, 2)]), "self-intersection at \\(1, 1\\)"),
        (shapely.from_wkt("POLYGON((0 0, 1 1, 2 2, 0 0))"), "self-intersection"),
        (Polygon([(0, 0), (math.inf, 0), (1, 1)]), "not finite"),
    ],
)
def test_an_invalid_roi_is_refused_with_the_reason(roi, message):
    with pytest.raises(RoiError, match=message):
        Roi(roi)
