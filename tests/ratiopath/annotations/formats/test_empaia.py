"""JSON of EMPAIA."""

import json
from typing import Any

import numpy as np
import pytest
import shapely

from ratiopath.annotations import Annotations, read_outlines
from ratiopath.errors import TruncatedError

SQUARE = {"type": "polygon", "name": "tumor", "coordinates": [[0, 0], [4, 0], [4, 4], [0, 4]], "npp_created": 499}


@pytest.fixture
def read(tmp_path):
    def call(content: Any) -> Annotations:
        path = tmp_path / "a.json"
        path.write_text(json.dumps(content))
        return Annotations.of(read_outlines(str(path)))

    return call


@pytest.mark.parametrize(
    "content",
    [
        {"item_count": 1, "items": [SQUARE]},
        [SQUARE],
        SQUARE,
        {"items": [{"type": "collection", "item_type": "polygon", "items": [SQUARE]}]},
    ],
    ids=["items", "list", "one", "collection"],
)
def test_every_top_level_is_read(read, content):
    found = read(content)

    assert (found.labels, shapely.area(found.polygons).tolist()) == (("tumor",), [16])


def test_a_rectangle_lies_right_and_below_its_corner(read):
    rectangle = {"type": "rectangle", "name": "a", "upper_left": [10, 20], "width": 3, "height": 4}

    assert read({"items": [rectangle]}).bounds.tolist() == [10, 20, 13, 24]


def test_a_circle_lies_around_its_center(read):
    found = read({"items": [{"type": "circle", "name": "a", "center": [10, 20], "radius": 3}]})

    assert shapely.area(found.polygons).sum() == pytest.approx(9 * np.pi, rel=1e-12)
    assert shapely.centroid(found.polygons[0]).coords[0] == pytest.approx((10, 20))


@pytest.mark.parametrize("kind", ["point", "line", "arrow"])
def test_an_item_without_area_is_counted(read, kind):
    assert read({"items": [{"type": kind, "coordinates": [1, 2]}]}).ignored == {kind: 1}


@pytest.mark.parametrize("item", [{"type": "circle", "radius": 3}, {"type": "star"}, {}], ids=str)
def test_an_item_without_its_measures_is_named(read, item):
    with pytest.raises(TruncatedError, match="number 2"):
        read({"items": [SQUARE, item]})


def test_no_items_are_no_outlines(read):
    assert len(read({"item_count": 0, "items": []})) == 0


def test_deep_collections_are_refused(read):
    content: Any = SQUARE
    for _ in range(100):
        content = {"type": "collection", "items": [content]}

    with pytest.raises(TruncatedError, match="nested"):
        read(content)
