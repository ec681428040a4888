"""Painted pixels are those whose centre a polygon holds, its border included."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import box

from ratiopath.geometry import Extent
from ratiopath.overlays.polygons import painting
from ratiopath.overlays.polygons.joins import disjoint
from ratiopath.overlays.polygons.painting import Painter
from tests.support.shapes import holed, regular, stars


def covers(polygons, corners, extent=Extent(24, 20), scale=(1.0, 1.0)) -> np.ndarray:  # noqa: B008 - frozen
    x, y = np.array(corners).T
    return Painter.of(np.array(polygons, dtype=object), scale).covers(x, y, extent)


def one_by_one(polygons, corners, extent=Extent(24, 20), scale=(1.0, 1.0)) -> np.ndarray:  # noqa: B008 - frozen
    union = shapely.GeometryCollection(list(polygons))
    found = np.zeros((len(corners), extent.height, extent.width), bool)
    for patch, (x, y) in enumerate(corners):
        columns, rows = np.arange(extent.width) + x + 0.5, np.arange(extent.height) + y + 0.5
        for part in union.geoms:
            found[patch] |= shapely.intersects_xy(part, columns[None, :] * scale[0], rows[:, None] * scale[1])
    return found


CORNERS = [(0, 0), (-7, 3), (30, 40), (30, 40), (70, 85)]


@settings(max_examples=60, deadline=None)
@given(st.lists(holed(), min_size=1, max_size=4), st.sampled_from([(1.0, 1.0), (2.0, 0.5)]))
def test_a_pixel_is_inside_if_its_centre_is(polygons, scale):
    some = disjoint(np.array(polygons, dtype=object))
    found = covers(some, CORNERS, scale=scale)
    assert not (one_by_one(shapely.buffer(some, -1e-8), CORNERS, scale=scale) & ~found).any()
    assert not (found & ~one_by_one(shapely.buffer(some, 1e-8), CORNERS, scale=scale)).any()


@settings(max_examples=100, deadline=None)
@given(stars(40, most=9), st.sampled_from([0.5, 1.0]))
def test_vertices_and_edges_through_centres_are_inside(polygon, grain):
    snapped = shapely.transform(polygon, lambda xy: np.round(xy / grain) * grain + 0.5)
    if snapped.is_valid and snapped.area > 0:
        np.testing.assert_array_equal(covers([snapped], CORNERS), one_by_one([snapped], CORNERS))


def test_the_border_belongs_to_a_polygon_and_to_its_hole_only_from_outside():
    ring = box(2.5, 2.5, 8.5, 8.5).difference(box(4.5, 4.5, 6.5, 6.5))
    found = covers([ring], [(0, 0)], Extent(10, 10))[0]
    assert np.count_nonzero(found) == 7 * 7 - 1
    assert not found[5, 5]


def test_a_diagonal_through_centres_is_inside():
    found = covers([shapely.Polygon([(0, 0), (8, 0), (0, 8)])], [(0, 0)], Extent(8, 8))[0]
    assert np.count_nonzero(found) == 36


def test_patches_that_overlap_and_batches_of_edges_are_painted_alike(monkeypatch):
    polygons = [regular(500, 30, (40, 40)), regular(7, 9, (90, 80))]
    corners = [(x, y) for x in range(-10, 90, 11) for y in range(-10, 90, 13)]
    whole = covers(polygons, corners)
    monkeypatch.setattr(painting, "MAX_PAIRS", 100)
    np.testing.assert_array_equal(covers(polygons, corners), whole)
    np.testing.assert_array_equal(whole, one_by_one(polygons, corners))


@pytest.mark.parametrize("corners", [[(500, 500)], [(0, 0)]])
def test_nothing_is_painted_where_no_polygon_is(corners):
    assert not covers([], corners).any()
    assert not covers([box(100, 0, 120, 5)], corners).any()
