"""Rings that are cut stay the polygon that they were."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import box

from ratiopath.overlays.polygons.rings import MAX_WORK, Rings
from tests.support.shapes import holed, regular, stars

NO_LINES = np.empty(0), np.empty(0)


def rings(*polygons) -> Rings:
    return Rings.of(np.array(polygons, dtype=object))


def test_a_hole_counts_less_whatever_its_direction():
    shell, hole = [(0, 0), (9, 0), (9, 9), (0, 9)], [(1, 1), (3, 1), (3, 3), (1, 3)]
    for polygon in (shapely.Polygon(shell, [hole]), shapely.Polygon(shell[::-1], [hole])):
        assert rings(polygon).areas.tolist() == [81, -4]


def test_a_small_ring_far_away_keeps_its_area():
    square = box(1e8, 1e8, 1e8 + 0.5, 1e8 + 0.5)
    assert rings(square).areas.tolist() == [0.25]


@settings(max_examples=80, deadline=None)
@given(holed(), st.floats(1, 60), st.floats(1, 60))
def test_the_parts_of_a_polygon_add_up_to_it(polygon, width, height):
    many = shapely.segmentize(polygon, 0.5)
    parts = rings(many).subdivided((width, height), (np.arange(0.0, 100, width), np.arange(0.0, 100, height)))
    assert parts.areas.sum() == pytest.approx(polygon.area, rel=1e-12)


@settings(max_examples=30, deadline=None)
@given(stars())
def test_no_part_has_many_vertices_in_many_windows(polygon):
    parts = rings(shapely.segmentize(polygon, 0.2)).subdivided((5, 5), NO_LINES)
    spans = (parts.bounds[:, 2:] - parts.bounds[:, :2]) / 5
    assert ((spans <= 1).all(axis=1) | (parts.counts * (spans + 1).prod(axis=1) <= MAX_WORK) | parts.are_boxes()).all()


def test_a_cut_through_a_vertex_that_returns_along_it_keeps_the_corner():
    ring = shapely.Polygon([(5, 0), (5, -1), (3, -4), (3, 0), (1, -1), (2, 0)])
    low, high = (rings(ring).cut(np.array([0]), np.array([3.0]), side) for side in (1.0, -1.0))
    assert low.areas.sum() + high.areas.sum() == pytest.approx(ring.area)


def test_cuts_follow_lines_near_the_middle():
    parts = rings(regular(1000, 10, (10, 10))).subdivided((8, 8), (np.array([9.0]), np.array([11.5])))
    edges = parts.bounds[:, [0, 2]]
    assert (edges == 9).any()
    assert not (edges == 10).any()


def test_what_lies_inside_of_an_outline_becomes_boxes():
    parts = rings(regular(1000, 100, (100, 100))).subdivided((5, 5), NO_LINES)
    assert parts.areas[parts.are_boxes()].sum() > 0.8 * np.pi * 100**2


@pytest.mark.parametrize(
    ("ring", "is_box"),
    [
        ([(0, 0), (2, 0), (2, 3), (0, 3)], True),
        ([(0, 3), (2, 3), (2, 0), (0, 0)], True),
        ([(0, 0), (2, 0), (2, 3), (0.1, 3)], False),
        ([(1, 0), (2, 1), (1, 2), (0, 1)], False),
        ([(0, 0), (2, 3), (2, 0), (0, 3)], False),
        ([(0, 0), (2, 0), (2, 3)], False),
    ],
)
def test_a_box_is_exactly_its_bounding_box(ring, is_box):
    one = Rings(np.array(ring, dtype=float), np.array([0, len(ring)]), np.ones(1), np.zeros(1, np.int64))
    assert one.are_boxes().tolist() == [is_box]


def test_of_no_polygons_there_are_no_rings():
    nothing = rings()
    assert (len(nothing), nothing.bounds.shape, nothing.areas.shape, len(nothing.edges())) == (0, (0, 4), (0,), 0)
    assert len(nothing.subdivided((1, 1), NO_LINES)) == 0
