"""Polygons cut to tiles, and centroids counted in them."""

import tracemalloc

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import affinity, box

from ratiopath.overlays.polygons import clipped
from ratiopath.overlays.polygons.clipped import count_centroids, pieces_per_tile
from ratiopath.overlays.polygons.joins import disjoint
from tests.support.shapes import annotations, regular, stars, tiles

TILE = box(0, 0, 16, 16)


def pieces(polygons, windows, scale=(1.0, 1.0)) -> np.ndarray:
    return shapely.from_wkb(pieces_per_tile(np.array(polygons, dtype=object), windows, scale))


def test_pieces_are_in_pixels_of_their_tile():
    found = pieces([box(10, 10, 40, 20)], tiles((0, 0), (32, 16), (64, 64), roi=TILE))
    assert found[0].equals(box(10, 10, 16, 16))
    assert found[1].equals(box(0, 0, 8, 4))
    assert found[2].is_empty


def test_pieces_are_scaled_to_the_tile():
    [found] = pieces([box(10, 12, 40, 20)], tiles((4, 1), roi=TILE), scale=(2, 4))
    assert found.equals(box(1, 2, 16, 4))


def test_pieces_are_cut_to_a_roi_of_any_shape():
    roi = regular(9, 7, (8, 8))
    [found] = pieces([box(0, 0, 8, 100)], tiles((0, 0), roi=roi))
    assert found.symmetric_difference(roi.intersection(box(0, 0, 8, 16))).area < 1e-9


def test_pieces_that_share_a_border_are_one_and_every_tile_has_a_valid_multipolygon():
    found = pieces([box(0, 0, 4, 9), box(4, 0, 8, 9), box(12, 0, 20, 4)], tiles((0, 0), (16, 0), (40, 0), roi=TILE))
    assert [len(one.geoms) for one in found] == [2, 1, 0]
    assert {one.geom_type for one in found} == {"MultiPolygon"}
    assert shapely.is_valid(found).all()


@settings(max_examples=30, deadline=None)
@given(st.lists(stars(), min_size=1, max_size=4))
def test_pieces_are_the_intersections_of_shapely(polygons):
    some = disjoint(np.array(polygons, dtype=object))
    windows = tiles(*((x, y) for x in range(0, 80, 11) for y in range(0, 80, 16)), roi=TILE)
    union = shapely.union_all(some)
    for x, y, found in zip(windows.x, windows.y, pieces(some, windows), strict=True):
        expected = affinity.translate(union.intersection(box(x, y, x + 16, y + 16)), -x, -y)
        assert found.symmetric_difference(expected).area < 1e-9


def test_pieces_of_batches_are_those_of_all(monkeypatch):
    polygons = [regular(5, 9, (x, y)) for x in range(0, 99, 20) for y in range(0, 99, 20)]
    windows = tiles(*((x, y) for x in range(0, 80, 7) for y in range(0, 80, 16)), roi=TILE)
    whole = pieces_per_tile(np.array(polygons), windows)
    monkeypatch.setattr(clipped, "MAX_PAIRS", 10)
    assert pieces_per_tile(np.array(polygons), windows).tolist() == whole.tolist()


def test_a_tile_inside_of_a_polygon_gives_the_whole_roi():
    roi = regular(9, 7, (8, 8))
    [found] = pieces([regular(50, 100)], tiles((0, 0), roi=roi))
    assert found.equals(roi)


@settings(max_examples=30, deadline=None)
@given(st.lists(stars(300), min_size=1, max_size=3), st.sampled_from([0.5, 1, 4]))
def test_pieces_of_any_roi_are_the_intersections_of_shapely_with_it(polygons, scale):
    some, roi = disjoint(np.array(polygons, dtype=object)), regular(9, 7, (8, 8))
    windows = tiles(*((x, y) for x in range(0, 80, 16) for y in range(0, 80, 23)), roi=roi)
    union = affinity.scale(shapely.union_all(some), 1 / scale, 1 / scale, origin=(0, 0))
    for x, y, found in zip(windows.x, windows.y, pieces(some, windows, (scale, scale)), strict=True):
        expected = affinity.translate(union, -x, -y).intersection(roi)
        assert found.symmetric_difference(expected).area < 1e-8


def test_pieces_of_an_outline_of_many_vertices_take_no_copy_of_it_per_tile():
    corners = [(x, y) for x in range(-800, 800, 16) for y in range(-800, 800, 16)]
    tracemalloc.start()
    found = pieces([regular(20_000, 700)], tiles(*corners, roi=TILE))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert shapely.area(found).sum() == pytest.approx(np.pi * 700**2, rel=1e-6)
    assert peak < 50_000_000


def test_no_polygons_give_empty_pieces():
    assert [one.is_empty for one in pieces([], tiles((0, 0), (5, 5), roi=TILE))] == [True, True]


def counts(*items, corners, scale=(1.0, 1.0)) -> dict[str, list[int]]:
    found = count_centroids(annotations(*items), tiles(*corners, roi=TILE), scale)
    return {label: count.tolist() for label, count in found.items()}


def test_a_centroid_on_a_border_is_in_the_right_and_lower_tile():
    items = [("cell", box(15, 3, 17, 5)), ("cell", box(3, 31, 5, 33)), ("", box(1, 1, 2, 2))]
    corners = [(0, 0), (16, 0), (0, 16), (0, 32)]
    assert counts(*items, corners=corners) == {"<unclassified>": [1, 0, 0, 0], "cell": [0, 1, 0, 1]}


def test_the_parts_of_an_outline_have_one_centroid_and_negative_outlines_none():
    bow_tie = shapely.Polygon([(0, 0), (4, 4), (4, 0), (0, 4)])
    items = [("a", bow_tie), ("a", box(9, 9, 10, 10), 0, False), ("a", box(8, 8, 9, 9), 0, True)]
    assert counts(*items, corners=[(0, 0)]) == {"a": [2]}


def test_overlapping_tiles_count_a_centroid_each():
    assert counts(("a", box(9, 9, 11, 11)), corners=[(0, 0), (8, 8), (10, 10), (11, 0)]) == {"a": [1, 1, 1, 0]}


def test_tiles_of_a_coarser_level_are_larger():
    assert counts(("a", box(20, 20, 22, 22)), corners=[(0, 0), (1, 1), (2, 0)], scale=(10, 10)) == {"a": [1, 1, 1]}


@settings(max_examples=40, deadline=None)
@given(st.lists(stars(60), min_size=1, max_size=9))
def test_every_centroid_is_counted_once_in_a_partition(polygons):
    corners = [(x, y) for x in range(-96, 200, 16) for y in range(-96, 200, 16)]
    found = counts(*(("a", one) for one in polygons), corners=corners)
    assert sum(found["a"]) == pytest.approx(len(polygons))
