"""Regions of labels: negative outlines, overlaps, and what exists."""

import numpy as np
import pytest
import shapely
from shapely import box

from ratiopath.counting.wanted import LabelPattern
from ratiopath.errors import TooManyValuesError
from ratiopath.geometry import Extent
from ratiopath.overlays.polygons.regions import MAX_LABELS, RegionOptions, Regions
from tests.support.shapes import annotations


def regions(*items, **options) -> Regions:
    return Regions.of(annotations(*items), Extent(100, 100), RegionOptions(**options))


def label_areas(*items, **options) -> dict[str, float]:
    found = regions(*items, **options).labels
    return {label: float(shapely.area(polygons).sum()) for label, polygons in found.items()}


def test_a_negative_outline_is_subtracted_from_its_own_layer():
    items = [
        ("a", box(0, 0, 10, 10), 0, False),
        ("a", box(20, 0, 30, 10), 0, False),
        ("b", box(0, 0, 10, 10), 1, False),
        ("a", box(5, 0, 25, 10), 0, True),
        ("b", box(0, 0, 10, 1), 1, True),
        ("b", box(0, 0, 3, 3), 1, True),
    ]
    assert label_areas(*items) == {"a": 100, "b": 100 - 16}


def test_a_negative_outline_is_no_label_of_its_own():
    assert label_areas(("a", box(0, 0, 2, 2)), ("hole", box(0, 0, 1, 1), 0, True)) == {"a": 3}


def test_a_negative_outline_is_subtracted_before_outlines_are_united():
    items = [("a", box(0, 0, 4, 4), 0, False), ("a", box(0, 0, 4, 4), 1, False), ("a", box(0, 0, 2, 2), 0, True)]
    assert label_areas(*items) == {"a": 16}


@pytest.mark.parametrize(("fill", "area"), [("union", 100), ("evenodd", 64)])
def test_fill_decides_what_overlaps_mean(fill, area):
    assert label_areas(("a", box(0, 0, 10, 10)), ("a", box(2, 2, 8, 8)), fill=fill) == {"a": area}


def test_labels_are_in_alphabetical_order_and_outlines_without_one_are_unclassified():
    items = [("b", box(0, 0, 1, 1)), ("", box(0, 0, 1, 1)), (None, box(5, 5, 6, 6)), ("a", box(0, 0, 1, 1))]
    assert list(label_areas(*items).items()) == [("<unclassified>", 2), ("a", 1), ("b", 1)]


def test_labels_that_end_in_a_star_do_not_exist_unless_they_are_named():
    items = [("Ignore*", box(0, 0, 5, 5)), ("Region*", box(0, 0, 9, 9)), ("Tumor*", box(0, 0, 2, 2)),
             ("a", box(0, 0, 3, 3))]  # fmt: skip
    found = regions(*items, within=("Region*",), named=(LabelPattern("Tum.*"), "a"))
    assert list(found.labels) == ["Tumor*", "a"]
    assert [one.bounds for one in found.ignored] == [(0, 0, 5, 5)]
    assert [one.bounds for one in found.within] == [(0, 0, 9, 9)]


def test_a_list_of_ignored_labels_replaces_the_default():
    found = regions(("x*", box(0, 0, 1, 1)), ("a", box(0, 0, 2, 2)), ignore=("a",))
    assert list(found.labels) == ["x*"]
    assert [one.area for one in found.ignored] == [4]


def test_a_label_within_is_a_value_only_if_a_class_names_it():
    items = [("roi", box(0, 0, 5, 5)), ("a", box(0, 0, 2, 2))]
    assert list(regions(*items, within=("roi",)).labels) == ["a"]
    assert list(regions(*items, within=("roi",), named=("roi",)).labels) == ["a", "roi"]


def test_several_labels_within_are_united():
    found = regions(("x", box(0, 0, 5, 5)), ("y", box(3, 0, 8, 5)), within=("x", "y"))
    assert shapely.area(found.within).tolist() == [40]


def test_the_frame_ends_at_the_slide():
    assert shapely.area(regions(("x", box(-5, 0, 5, 5)), ("x", box(200, 0, 300, 5)), within=("x",)).frame).sum() == 25
    assert regions(("x", box(-5, 0, 5, 5))).frame[0].bounds == (0, 0, 100, 100)


def test_as_many_labels_as_a_table_can_have_are_accepted():
    boxes = [(f"{n}", box(n, 0, n + 1, 1)) for n in range(MAX_LABELS)]
    assert len(regions(*boxes).labels) == MAX_LABELS
    with pytest.raises(TooManyValuesError, match="257 labels"):
        regions(*boxes, ("more", box(0, 0, 1, 1)))


def test_an_annotation_without_an_area_has_no_labels():
    found = regions()
    assert found.labels == {}
    assert len(found.ignored) == 0
    assert isinstance(found.frame, np.ndarray)
