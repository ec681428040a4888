"""Polygons that overlap are united or made even-odd; those that do not are left alone."""

from functools import reduce

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import box

from ratiopath.overlays.polygons.joins import combined, disjoint, without
from tests.support.shapes import regular, stars


def polygons(*items) -> np.ndarray:
    return np.array(items, dtype=object)


def test_polygons_that_overlap_are_united_and_others_stay_the_same_objects():
    alone, first, second = box(50, 50, 60, 60), box(0, 0, 10, 10), box(5, 5, 15, 15)
    found = disjoint(polygons(first, alone, second))
    assert len(found) == 2
    assert any(one is alone for one in found)
    assert shapely.area(found).sum() == 175 + 100


def test_polygons_side_by_side_are_not_united():
    squares = [box(x, y, x + 1, y + 1) for x in range(20) for y in range(20)]
    assert len(disjoint(polygons(*squares))) == 400


def test_a_polygon_inside_another_one_or_equal_to_it_is_dropped():
    large = regular(50, 20)
    found = disjoint(polygons(box(1, 1, 2, 2), large, large, box(-30, -30, 30, 30), shapely.reverse(large)))
    assert [one.bounds for one in found] == [(-30, -30, 30, 30)]


def test_even_odd_keeps_what_an_odd_number_covers():
    found = disjoint(polygons(box(0, 0, 10, 10), box(2, 2, 8, 8), box(4, 4, 6, 6), box(20, 0, 21, 1)), "evenodd")
    assert shapely.area(found).sum() == 100 - 36 + 4 + 1
    assert len(disjoint(polygons(box(0, 0, 1, 1), box(0, 0, 1, 1)), "evenodd")) == 0


def test_a_chain_of_overlaps_is_one_component():
    discs = [regular(20, 3, (4 * step, 0)) for step in (0, 3, 1, 4, 2, 7, 6)]
    assert len(disjoint(polygons(*discs))) == 2


@settings(max_examples=60, deadline=None)
@given(st.lists(stars(), min_size=1, max_size=12))
def test_the_union_is_that_of_shapely(some):
    found = disjoint(polygons(*some))
    assert shapely.area(found).sum() == pytest.approx(shapely.union_all(some).area, rel=1e-9)
    i, j = shapely.STRtree(found).query(found)
    assert (shapely.area(shapely.intersection(found[i[i < j]], found[j[i < j]])) < 1e-6).all()


@settings(max_examples=40, deadline=None)
@given(st.lists(stars(), min_size=1, max_size=12))
def test_even_odd_is_the_symmetric_difference_of_shapely(some):
    expected = reduce(shapely.symmetric_difference, some).area
    assert shapely.area(disjoint(polygons(*some), "evenodd")).sum() == pytest.approx(expected, rel=1e-9, abs=1e-6)


def test_groups_are_combined_apart_in_any_order():
    boxes = polygons(*(box(x, 0, x + 1, 1) for x in range(7)))
    found, group = combined(boxes, np.array([4, 1, 4, 1, 4, 0, 4]), shapely.union)
    assert group.tolist() == [0, 1, 4]
    assert shapely.area(found).tolist() == [1, 2, 4]


def test_what_is_subtracted_may_split_a_polygon_or_leave_nothing():
    whole = polygons(box(0, 0, 10, 10), box(20, 0, 30, 10), box(40, 0, 50, 10))
    parts, owner = without(whole, np.array([0, 2]), polygons(box(4, -1, 6, 11), box(39, -1, 51, 11)))
    assert owner.tolist() == [0, 0, 1]
    assert shapely.area(parts).tolist() == [40, 40, 100]


def test_of_no_polygons_there_is_nothing_to_join():
    nothing = np.empty(0, dtype=object)
    assert len(disjoint(nothing)) == 0
    assert len(without(nothing, np.empty(0, np.int64), nothing)[0]) == 0
