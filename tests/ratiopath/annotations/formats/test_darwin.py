"""Darwin JSON of V7."""

import json
from typing import Any

import numpy as np
import pytest
import shapely

from ratiopath.annotations import Annotations, read_outlines
from ratiopath.errors import TruncatedError


def path_of(*box: float) -> list[dict]:
    return [{"x": x, "y": y} for x, y in shapely.box(*box).exterior.coords[:-1]]


OUTER, HOLE, ISLAND, APART = (path_of(*box) for box in [(0, 0, 10, 10), (2, 2, 8, 8), (4, 4, 6, 6), (20, 0, 25, 5)])


@pytest.fixture
def read(tmp_path):
    def call(*annotations: Any, **members: Any) -> Annotations:
        path = tmp_path / "a.json"
        item = {"version": "2.0", "item": {"name": "a.svs"}, "annotations": annotations}
        path.write_text(json.dumps(item | members))
        return Annotations.of(read_outlines(str(path)))

    return call


def total(found: Annotations) -> float:
    return float(shapely.area(found.polygons).sum())


def paths(*several: list[dict], name: str = "tumor") -> dict:
    return {"id": "1", "name": name, "polygon": {"paths": several}, "bounding_box": {"x": 0, "y": 0, "w": 9, "h": 9}}


def test_a_path_inside_another_is_a_hole(read):
    assert total(read(paths(OUTER, HOLE))) == 64


def test_a_path_inside_a_hole_is_an_island(read):
    assert total(read(paths(OUTER, HOLE, ISLAND))) == 68


def test_the_order_of_paths_does_not_matter(read):
    assert total(read(paths(ISLAND, HOLE, APART, OUTER))) == 93


def test_several_outer_paths_are_several_parts(read):
    assert len(read(paths(OUTER, APART))) == 2


def test_the_box_beside_a_polygon_is_not_read(read):
    assert total(read(paths(OUTER))) == 100


def test_the_label_is_the_name(read):
    assert read(paths(OUTER, name=" stroma")).labels == ("stroma",)


def test_a_bow_tie_among_paths_counts_as_repaired(read):
    bow_tie = [{"x": x, "y": y} for x, y in [(30, 0), (40, 10), (40, 0), (30, 10)]]

    found = read(paths(OUTER, bow_tie))

    assert (total(found), found.repaired, found.area_changed) == (150, 1, 50)


def test_a_path_of_two_points_among_others_has_no_area(read):
    assert total(read(paths(OUTER, HOLE[:2]))) == 100


def test_version_1_has_a_path(read):
    assert total(read({"name": "tumor", "polygon": {"path": OUTER, "additional_paths": [HOLE]}}, image={})) == 64


def test_version_1_has_complex_polygons(read):
    assert total(read({"name": "tumor", "complex_polygon": {"path": [OUTER, APART]}}, image={})) == 125


def test_a_box_alone_is_read(read):
    assert read({"name": "a", "bounding_box": {"x": 1, "y": 2, "w": 3, "h": 4}}).bounds.tolist() == [1, 2, 4, 6]


def test_an_ellipse_turns_by_its_angle(read):
    ellipse = {"center": {"x": 10, "y": 20}, "radius": {"x": 4, "y": 2}, "angle": np.pi / 2}

    found = read({"name": "a", "ellipse": ellipse})

    assert total(found) == pytest.approx(8 * np.pi, rel=1e-12)
    np.testing.assert_allclose(found.bounds, [8, 16, 12, 24], atol=1e-5)


def test_version_1_may_have_no_additional_paths(read):
    assert total(read({"name": "a", "polygon": {"path": path_of(0, 0, 4, 4), "additional_paths": None}})) == 16


def test_the_additional_path_of_a_complex_polygon_is_a_hole(read):
    complex_polygon = {"path": [path_of(0, 0, 4, 4)], "additional_paths": [path_of(1, 1, 2, 2)]}

    assert total(read({"name": "a", "complex_polygon": complex_polygon})) == 15


@pytest.mark.parametrize("kind", ["line", "skeleton", "mask", "raster_layer", "table"])
def test_the_box_beside_another_type_is_not_read(read, kind):
    found = read({"name": "a", kind: {}, "bounding_box": {"x": 1, "y": 2, "w": 3, "h": 4}})

    assert (len(found.polygons), found.ignored) == (0, {kind: 1})


@pytest.mark.parametrize("kind", ["keypoint", "tag", "line", "skeleton", "mask"])
def test_an_annotation_without_area_is_counted(read, kind):
    assert read({"name": "a", kind: {"x": 1, "y": 2}}).ignored == {kind: 1}


def test_an_unknown_annotation_is_counted(read):
    assert read({"name": "a"}).ignored == {"annotation of another type": 1}


def test_a_damaged_annotation_is_named(read):
    with pytest.raises(TruncatedError, match="annotation 2"):
        read(paths(OUTER), paths([{"x": 1}]))


def test_absurd_paths_are_refused(read):
    with pytest.raises(TruncatedError):
        read(paths(path_of(0, 0, 1e308, 1e308), path_of(0, 0, -1e308, 1e308)))
