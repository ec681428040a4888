"""JSON of the Digital Slide Archive."""

import json
from typing import Any

import numpy as np
import pytest
import shapely

from ratiopath.annotations import Annotations, read_outlines
from ratiopath.errors import TruncatedError

SQUARE = [[0, 0, 0], [4, 0, 0], [4, 4, 0], [0, 4, 0]]
HOLE = [[1, 1, 0], [2, 1, 0], [2, 2, 0]]
POLYLINE = {"type": "polyline", "points": SQUARE, "closed": True, "group": "tumor", "lineColor": "rgb(0,0,0)"}


@pytest.fixture
def read(tmp_path):
    def call(*elements: Any) -> Annotations:
        return read_file({"annotation": {"name": "a", "elements": elements}})

    def read_file(content: Any) -> Annotations:
        path = tmp_path / "a.json"
        path.write_text(json.dumps(content))
        return Annotations.of(read_outlines(str(path)))

    call.file = read_file
    return call


def total(found: Annotations) -> float:
    return float(shapely.area(found.polygons).sum())


@pytest.mark.parametrize(
    "content",
    [
        {"_id": "1", "annotation": {"name": "a", "elements": [POLYLINE]}},
        {"name": "a", "elements": [POLYLINE]},
        [{"annotation": {"elements": [POLYLINE]}}, {"annotation": {"elements": []}}],
    ],
    ids=["annotation", "elements", "list"],
)
def test_every_top_level_is_read(read, content):
    assert total(read.file(content)) == 16


def test_the_holes_of_a_polyline_are_left_out(read):
    assert total(read(POLYLINE | {"holes": [HOLE]})) == 15.5


def test_an_open_polyline_is_counted(read):
    assert read(POLYLINE | {"closed": False}).ignored == {"open polyline": 1}


def test_a_rectangle_turns_from_x_towards_y(read):
    element = {"type": "rectangle", "center": [100, 50, 0], "width": 8, "height": 2, "rotation": np.pi / 4}

    corner = shapely.Point(100 + (4 - 1) / np.sqrt(2), 50 + (4 + 1) / np.sqrt(2))
    found = read(element)
    assert total(found) == pytest.approx(16)
    assert found.polygons[0].exterior.distance(corner) < 1e-9


def test_an_ellipse_has_full_axes(read):
    found = read({"type": "ellipse", "center": [10, 10, 0], "width": 8, "height": 2, "rotation": 0.3})

    assert total(found) == pytest.approx(4 * np.pi, rel=1e-12)


def test_a_circle_has_a_radius(read):
    assert total(read({"type": "circle", "center": [1, 1, 0], "radius": 2})) == pytest.approx(4 * np.pi, rel=1e-12)


@pytest.mark.parametrize(
    ("members", "label"),
    [
        ({"group": "a", "label": {"value": "b"}}, "a"),
        ({"label": {"value": "b", "visibility": "hidden"}}, "b"),
        ({"label": None}, ""),
        ({}, ""),
    ],
)
def test_the_label_is_the_group_else_the_label(read, members, label):
    element = {"type": "circle", "center": [1, 1, 0], "radius": 2}

    assert read(element | members).labels == (label,)


@pytest.mark.parametrize(
    "element",
    [
        {"type": "heatmap", "points": [[1, 2, 3, 0.5]], "group": "a"},
        {"type": "pixelmap", "values": [1, 2]},
        {"type": "griddata", "values": [1.5]},
        {"type": "point", "center": [1, 2, 3]},
        {"type": "arrow", "points": [[1, 2, 3], [2, 3, 4]]},
        {"type": "image", "girderId": "1"},
    ],
    ids=lambda element: element["type"],
)
def test_an_element_without_area_is_counted(read, element):
    assert read(element).ignored == {element["type"]: 1}


@pytest.mark.parametrize(
    "element",
    [{"type": "circle", "radius": 2}, {"type": "star"}, {"type": "circle", "radius": 2, "center": [1]}],
    ids=str,
)
def test_an_element_without_its_measures_is_named(read, element):
    with pytest.raises(TruncatedError, match="number 2"):
        read(POLYLINE, element)
