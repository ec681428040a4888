"""Outlines that cross themselves are repaired up to a limit, and refused by name above it."""

import time

import numpy as np
import pytest
import shapely

from ratiopath.annotations import Annotations, Outlines
from ratiopath.annotations.crossings import FEW_CROSSINGS, MAX_CROSSINGS, count_crossings, require_repairable
from ratiopath.errors import UnsupportedFormatError


def star(vertices: int) -> np.ndarray:
    """Return a star polygon {n/k} of an odd number n of vertices, k = (n - 1) / 2, with n (k - 1) crossings."""
    at = np.arange(vertices) * (vertices - 1) * np.pi / vertices
    return np.stack([np.cos(at), np.sin(at)], axis=1) * 1000


def scattered(vertices: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((vertices, 2)) * 10_000


def outlines_of(*rings: np.ndarray) -> Outlines:
    outlines = Outlines("a.json", "geojson")
    for ring in rings:
        outlines.add("tumor", [ring])
    return outlines


@pytest.mark.parametrize("vertices", [5, 7, 101])
def test_the_crossings_of_a_star_are_counted(vertices: int):
    expected = vertices * ((vertices - 1) // 2 - 1)

    assert count_crossings(shapely.Polygon(star(vertices)))[0] == expected


def test_crossings_are_those_of_all_pairs_of_segments():
    ring = np.round(scattered(60) / 500)  # on a coarse grid, where segments touch and overlap
    segments = [shapely.LineString(pair) for pair in zip(ring, np.roll(ring, -1, axis=0), strict=True)]
    expected = sum(one.crosses(other) for n, one in enumerate(segments) for other in segments[n + 1 :])

    assert count_crossings(shapely.Polygon(ring))[0] == expected > 100


def test_crossings_with_a_hole_count():
    polygon = shapely.Polygon(shapely.box(0, 0, 4, 4).exterior, [shapely.box(3, 1, 6, 2).exterior])

    assert count_crossings(polygon)[0] == 2


def test_a_valid_outline_has_none():
    assert count_crossings(shapely.Point(0, 0).buffer(100, quad_segs=1000)) == (0, 0)


def test_counting_ends_at_the_limit():
    assert 1000 < count_crossings(shapely.Polygon(scattered(20_000)), 1000)[0] < 50_000_000


def test_a_scribble_of_hundreds_of_crossings_is_repaired():
    turn = np.cumsum(np.random.default_rng(0).normal(0, 0.3, 20_000))
    scribble = np.cumsum(np.stack([np.cos(turn), np.sin(turn)], axis=1), axis=0) * 5

    assert count_crossings(shapely.Polygon(scribble))[0] > 300
    assert Annotations.of(outlines_of(scribble)).repaired == 1


@pytest.mark.parametrize("vertices", [3000, 100_000])
def test_random_vertices_are_refused_at_once(vertices: int):
    begin = time.process_time()
    with pytest.raises(UnsupportedFormatError, match=r"outline \(number 2, 'tumor'\) that crosses itself \d{3},"):
        Annotations.of(outlines_of(star(5), scattered(vertices)))
    assert time.process_time() - begin < 2


def test_an_outline_that_runs_along_itself_for_ever_is_refused():
    at = 2 * np.pi * np.arange(100_000) / 1000

    with pytest.raises(UnsupportedFormatError, match=r"number 1, 'tumor'\) that runs along itself at 3,\d+,"):
        Annotations.of(outlines_of(np.round(np.stack([np.cos(at), np.sin(at)], axis=1) * 10_000)))


def test_the_limit_holds_for_all_outlines_of_a_file():
    each = star(301)
    fitting = MAX_CROSSINGS // (301 * 149)
    polygons = np.array([shapely.Polygon(each)] * (fitting + 1), dtype=np.object_)
    outline, labels = list(range(len(polygons))), ["tumor"] * len(polygons)

    require_repairable("a.json", polygons[:-1], outline, labels)
    with pytest.raises(
        UnsupportedFormatError, match=f"number {fitting + 1}.*; {fitting} outlines before it do so often"
    ):
        require_repairable("a.json", polygons, outline, labels)


def test_any_number_of_outlines_may_cross_themselves_a_little():
    polygons = np.full(MAX_CROSSINGS // FEW_CROSSINGS * 2, shapely.Polygon(star(99)))  # 4,752 crossings each

    require_repairable("a.json", polygons, np.zeros(len(polygons), dtype=np.int64), ["tumor"])
