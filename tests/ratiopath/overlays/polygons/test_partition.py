"""The area of each set of labels, against exact arithmetic and against the geometry of shapely."""

from itertools import combinations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import box

from ratiopath.geometry import Extent
from ratiopath.overlays.polygons import partition
from ratiopath.overlays.polygons.areas import RoiWindows
from ratiopath.overlays.polygons.partition import Partition
from ratiopath.overlays.polygons.regions import RegionOptions, Regions
from ratiopath.roi import Roi
from tests.support import polygon_oracles as oracles
from tests.support.shapes import annotations, convex, dense, regular, stars

CORNERS = [(x, y) for y in range(0, 96, 16) for x in range(0, 96, 16)]
EXTENT = Extent(90, 80)


def areas(*items, corners=CORNERS, extent=EXTENT, **options) -> list[dict[frozenset[str], float]]:
    """Area of each set of labels in each window, above the rounding of coordinates."""
    found = Partition.of(Regions.of(annotations(*items), extent, RegionOptions(**options)))
    x, y = np.array(corners, dtype=float).T
    table = dense(found.areas(RoiWindows.of(x, y, Roi(box(0, 0, 16, 16)))), len(corners), len(found.keys))
    return [dict(zip(found.keys, row.tolist(), strict=True)) for row in table]


def geometry(items, labels, every, extent) -> shapely.Geometry:
    """The area that some labels cover and no other one does."""
    place = box(0, 0, extent.width, extent.height)
    for label in every:
        union = shapely.union_all([polygon for name, polygon in items if name == label])
        place = place.intersection(union) if label in labels else place.difference(union)
    return place


def check(items, corners=CORNERS, **options) -> None:
    every = sorted({label for label, _ in items})
    found = areas(*items, corners=corners, **options)
    for size in range(len(every) + 1):
        for labels in combinations(every, size):
            place = geometry(items, labels, every, EXTENT)
            expected = [shapely.area(place.intersection(box(x, y, x + 16, y + 16))) for x, y in corners]
            assert [row.get(frozenset(labels), 0) for row in found] == pytest.approx(expected, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(st.lists(convex(), min_size=1, max_size=3))
def test_up_to_three_convex_labels_are_those_of_exact_arithmetic(polygons):
    labels = dict(zip("abc", polygons, strict=False))
    corners = CORNERS[::3]
    found = areas(*labels.items(), corners=corners)
    for (x, y), row in zip(corners, found, strict=True):
        window = oracles.box(x, y, min(90, x + 16), min(80, y + 16))
        for key, expected in oracles.areas_of_sets(labels, window).items():
            assert row.get(key, 0) == pytest.approx(float(expected), abs=1e-12 * 256)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), stars()), min_size=1, max_size=8))
def test_any_labels_are_those_of_the_geometry(items):
    check(items, CORNERS[::5])


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), stars()), min_size=3, max_size=8))
def test_polygons_that_stay_whole_count_the_same_as_those_that_are_cut(items):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(partition, "MAX_CUTS", 0)
        check(items, CORNERS[::5])


def test_a_region_with_many_cells_stays_whole():
    cells = [("cell", regular(9, 1, (x, y))) for x in range(10, 70, 3) for y in range(11, 70, 3)]
    items = [("tumor", regular(40, 35, (40, 40))), *cells]
    check(items)
    parts = Partition.of(Regions.of(annotations(*items), EXTENT, RegionOptions()))
    assert max(shapely.get_num_interior_rings(parts.polygons)) == 0


def test_twelve_readers_of_one_lesion_are_told_apart():
    items = [(f"reader {index}", regular(24, 30 + index, (40 + index % 5, 40), index)) for index in range(12)]
    found = areas(*items)
    lesion = shapely.union_all([polygon for _, polygon in items]).intersection(box(0, 0, 90, 80))
    assert sum(sum(area for key, area in row.items() if key) for row in found) == pytest.approx(lesion.area, rel=1e-9)
    for label, polygon in items:
        own = sum(sum(area for key, area in row.items() if label in key) for row in found)
        assert own == pytest.approx(polygon.intersection(box(0, 0, 90, 80)).area, rel=1e-9)


def test_equal_outlines_under_many_labels_are_one_set():
    outline = regular(9, 20, (40, 40))
    items = [(f"{index:02}", outline) for index in range(40)]
    found = Partition.of(Regions.of(annotations(*items), EXTENT, RegionOptions())).totals()
    expected = {frozenset(): 90 * 80 - outline.area, frozenset(label for label, _ in items): outline.area}
    assert found == pytest.approx(expected)


def test_totals_leave_out_sets_that_overlap_only_where_nothing_exists():
    items = [("a", box(0, 0, 10, 10)), ("b", box(5, 0, 15, 10)), ("dirt*", box(4, 0, 11, 10))]
    found = Partition.of(Regions.of(annotations(*items), EXTENT, RegionOptions())).totals()
    assert found == {frozenset(): 90 * 80 - 150, frozenset("a"): 40, frozenset("b"): 40}


def test_nothing_exists_beyond_the_slide():
    assert areas(("a", box(-50, -50, 200, 200)), corners=[(80, 0), (90, 0)])[0][frozenset("a")] == 160
    assert sum(areas(("a", box(-50, -50, 200, 200)), corners=[(80, 0), (90, 0)])[1].values()) == 0


def test_without_an_extent_the_plane_has_no_end():
    found = areas(("a", box(-50, -50, 8, 200)), corners=[(-16, -16), (0, 0), (10**7, 0)], extent=None)
    assert [row[frozenset("a")] for row in found] == [256, 128, 0]
    assert [row[frozenset()] for row in found] == [0, 128, 256]


def test_ignored_places_do_not_exist_under_any_label():
    items = [
        ("a", box(0, 0, 16, 10)),
        ("dirt*", box(4, 0, 8, 16)),
        ("dirt*", box(6, 0, 9, 16)),
        ("b", box(0, 5, 16, 16)),
    ]
    [row] = areas(*items, corners=[(0, 0)])
    assert row == {frozenset(): 0, frozenset("a"): 55, frozenset("ab"): 55, frozenset("b"): 66}


def test_only_places_within_exist():
    items = [("a", box(0, 0, 16, 10)), ("roi", box(2, 2, 14, 14)), ("roi", box(30, 0, 40, 10))]
    [first, second, third] = areas(*items, corners=[(0, 0), (32, 0), (48, 48)], within=("roi",))
    assert first == {frozenset(): 48, frozenset("a"): 96}
    assert second == {frozenset(): 80, frozenset("a"): 0}
    assert sum(third.values()) == 0


def test_of_a_file_without_what_is_within_nothing_exists():
    assert [sum(row.values()) for row in areas(("a", box(0, 0, 16, 10)), within=("roi",))] == [0] * len(CORNERS)
