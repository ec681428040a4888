"""GeoJSON in the dialects of QuPath."""

import json
from typing import Any

import numpy as np
import pytest
import shapely

from ratiopath.annotations import Annotations, ReadOptions, read_outlines
from ratiopath.annotations.formats.geojson import BATCH_BYTES
from ratiopath.errors import TruncatedError

RING = [[0, 0], [4, 0], [4, 4], [0, 4], [0, 0]]
SMALL = [[1, 1], [2, 1], [2, 2], [1, 2], [1, 1]]
POLYGON = {"type": "Polygon", "coordinates": [RING]}
TUMOR = {"classification": {"name": "Tumor", "color": [200, 0, 0]}}


def feature(geometry: Any = POLYGON, /, **members: Any) -> dict:
    return {"type": "Feature", "geometry": geometry, "properties": TUMOR} | members


def classified(classification: Any, **properties: Any) -> dict:
    return feature(properties={"classification": classification, **properties})


@pytest.fixture
def read(tmp_path):
    """Read JSON, or its text, into annotations."""

    def call(content: Any, **options: Any) -> Annotations:
        path = tmp_path / "a.geojson"
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        return Annotations.of(read_outlines(str(path), ReadOptions(**options)))

    return call


def labels(found: Annotations) -> list[str]:
    return [found.labels[index] for index in found.label_index]


def total(found: Annotations) -> float:
    return float(shapely.area(found.polygons).sum())


@pytest.mark.parametrize(
    "content",
    [
        {"type": "FeatureCollection", "features": [feature()]},
        [feature()],
        feature(),
        [[feature()]],
        [[], [{"type": "FeatureCollection", "features": [feature()]}]],
    ],
    ids=["collection", "list", "feature", "nested list", "collection in a list"],
)
def test_every_top_level_is_read(read, content):
    found = read(content)

    assert (labels(found), total(found)) == (["Tumor"], 16)


def test_a_bare_geometry_has_no_label(read):
    found = read(POLYGON)

    assert (labels(found), total(found)) == ([""], 16)


@pytest.mark.parametrize("content", [[], [[]], {"type": "FeatureCollection", "features": []}], ids=str)
def test_a_file_without_features_has_no_outlines(read, content):
    assert len(read(content)) == 0


@pytest.mark.parametrize(
    ("classification", "label"),
    [
        ({"name": "Tumor", "color": [1, 2, 3, 4]}, "Tumor"),
        ({"name": "Tumor", "colorRGB": -3670016}, "Tumor"),
        ({"names": ["CD3", "CD8"], "color": [1, 2, 3]}, "CD3: CD8"),
        ({"parentClass": {"name": "CD3", "colorRGB": -1}, "name": "CD8"}, "CD3: CD8"),
        ({"parentClass": {"parentClass": {"name": "a"}, "name": "b"}, "name": "c"}, "a: b: c"),
        ({"parentClass": None, "name": "Tumor"}, "Tumor"),
        ("Tumor ", "Tumor"),
        ("a/b", "a/b"),
        (None, ""),
        ({}, ""),
        ("", ""),
        ({"name": None, "color": [1, 2, 3]}, ""),
    ],
)
def test_the_label_is_the_class(read, classification, label):
    assert labels(read([classified(classification)])) == [label]


def test_a_class_of_another_type_is_damage(read):
    with pytest.raises(TruncatedError, match="feature 1"):
        read([classified({"name": 5})])


def test_a_class_that_is_no_text_is_damage(read):
    with pytest.raises(TruncatedError, match="damaged JSON"):
        read(json.dumps([classified("Tumor", name="I")]).encode().replace(b'"I"', b'"\xff"'))


def test_names_stand_for_classes_where_no_object_has_one(read):
    found = read([feature(properties={"name": " I "}), feature(properties={"name": "UT", "objectType": "annotation"})])

    assert labels(found) == ["I", "UT"]


def test_names_are_no_labels_where_an_object_has_a_class(read):
    found = read([feature(properties={"name": "I"}), classified("Tumor")])

    assert labels(found) == ["", "Tumor"]


def test_a_class_of_a_point_is_a_class_too(read):
    point = feature({"type": "Point", "coordinates": [1, 2]})

    assert labels(read([point, feature(properties={"name": "I"})])) == [""]


def test_the_name_of_a_detection_is_no_label(read):
    assert labels(read([feature(properties={"name": "I", "objectType": "detection"})])) == [""]


def test_each_part_of_a_multipolygon_has_the_name(read):
    parts = {"type": "MultiPolygon", "coordinates": [[RING], [[[9, 9], [10, 9], [10, 10]]]]}

    assert labels(read([feature(parts, properties={"name": "I"})])) == ["I", "I"]


@pytest.mark.parametrize(
    "members",
    [
        {"properties": {"objectType": "root"}},
        {"properties": {"object_type": "root"}},
        {"properties": {"type": "root"}},
        {"properties": {}, "id": "PathRootObject"},
    ],
    ids=["objectType", "object_type", "type", "id"],
)
def test_the_root_has_no_outline(read, members):
    assert len(read([feature(**members)])) == 0


@pytest.mark.parametrize("kind", ["tmaCore", "tma_core"])
def test_a_missing_core_is_counted(read, kind):
    found = read([feature(properties={"objectType": kind, "isMissing": True})])

    assert (len(found), found.ignored) == (0, {"missing TMA core": 1})


def test_a_core_that_is_there_is_read(read):
    assert len(read([feature(properties={"objectType": "tmaCore", "isMissing": False})])) == 1


@pytest.mark.parametrize("key", ["childObjects", "children"])
@pytest.mark.parametrize("owner", ["feature", "properties"])
def test_children_are_read_beside_their_parents(read, key, owner):
    child = feature({"type": "Polygon", "coordinates": [SMALL]})
    inside = {key: [child]}
    parent = feature(**inside) if owner == "feature" else feature(properties=TUMOR | inside)

    assert total(read([parent])) == 17


def test_children_may_be_null(read):
    assert total(read([feature(children=None, properties=TUMOR | {"childObjects": None})])) == 16


def test_white_space_may_precede_a_list(read):
    assert total(read(b"\n" * 5000 + json.dumps([feature()]).encode())) == 16


def test_the_children_of_the_root_are_read(read):
    assert len(read([feature(properties={"objectType": "root", "childObjects": [feature()]})])) == 1


def test_a_cell_is_its_outer_outline(read):
    cell = feature(nucleusGeometry={"type": "Polygon", "coordinates": [SMALL]})

    assert total(read([cell])) == 16


def test_the_nucleus_of_a_cell_is_read_on_demand(read):
    cell = feature(nucleusGeometry={"type": "Polygon", "coordinates": [SMALL]})

    assert total(read([cell], part="nucleus")) == 1


def test_a_cell_without_nucleus_is_counted(read):
    found = read([feature(properties={"objectType": "cell"})], part="nucleus")

    assert found.ignored == {"cell without nucleus": 1}


def test_an_annotation_beside_nuclei_keeps_its_outline(read):
    assert total(read([feature()], part="nucleus")) == 16


def test_holes_are_left_out_at_any_winding(read):
    found = read([feature({"type": "Polygon", "coordinates": [RING, hole]}) for hole in (SMALL, SMALL[::-1])])

    assert total(found) == 30


@pytest.mark.parametrize("z", ["NaN", "null", '"a"'])
def test_a_third_coordinate_may_be_anything(read, z):
    text = json.dumps([feature({"type": "Polygon", "coordinates": [[[*vertex, "z"] for vertex in RING]]})])

    assert total(read(text.replace('"z"', z).encode())) == 16


def test_a_third_coordinate_is_dropped(read):
    assert total(read([feature({"type": "Polygon", "coordinates": [[[*vertex, 3] for vertex in RING]]})])) == 16


@pytest.mark.parametrize(
    "members", [{"plane": {"c": -1, "z": 3, "t": 0}}, {"bbox": [0, 0, 4, 4], "crs": None}], ids=str
)
def test_foreign_members_are_passed_over(read, members):
    assert total(read([feature(POLYGON | members, bbox=[1, 2], isLocked=True)])) == 16


def test_an_ellipse_has_the_area_of_its_axes(read):
    ring = [[10 + 4 * np.cos(angle), 10 + 2 * np.sin(angle)] for angle in np.arange(0, 2 * np.pi, np.pi / 8)]
    ellipse = {"type": "Polygon", "coordinates": [ring], "isEllipse": True}

    assert total(read([feature(ellipse)])) == pytest.approx(np.pi * 8, rel=1e-12)


def test_an_ellipse_keeps_its_place_among_the_outlines(read):
    ellipse = {"type": "Polygon", "coordinates": [SMALL], "isEllipse": True}

    found = read([classified("a"), feature(ellipse, properties={"classification": "b"}), classified("c")])

    assert labels(found) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("kind", "coordinates"),
    [
        ("Point", [1, 2]),
        ("MultiPoint", [[1, 2]]),
        ("LineString", [[1, 2], [3, 4]]),
        ("MultiLineString", [[[1, 2], [3, 4]]]),
    ],
)
def test_a_geometry_without_area_is_counted(read, kind, coordinates):
    assert read([feature({"type": kind, "coordinates": coordinates})]).ignored == {kind: 1}


def test_the_polygons_of_nested_collections_are_read(read):
    point = {"type": "Point", "coordinates": [1, 2]}
    inner = {"type": "GeometryCollection", "geometries": [POLYGON, point]}
    found = read([feature({"type": "GeometryCollection", "geometries": [inner, POLYGON]})])

    assert (total(found), found.ignored) == (32, {"Point": 1})


def test_a_feature_without_geometry_is_counted(read):
    assert read([feature(None)]).ignored == {"feature without geometry": 1}


def test_a_ring_of_two_vertices_is_counted(read):
    assert read([feature({"type": "Polygon", "coordinates": [RING[:2]]})]).ignored == {"outline without area": 1}


@pytest.mark.parametrize("token", ["NaN", "Infinity", "-Infinity"])
def test_a_measurement_that_is_no_number_is_passed_over(read, token):
    text = json.dumps([feature(properties=TUMOR | {"measurements": {"NaN or Infinity": 0}})])

    assert total(read(text.replace(": 0}", f": {token}}}").encode())) == 16


def test_such_a_word_in_a_class_stays(read):
    text = json.dumps([classified('say \\"NaN\\" or Infinity', measurements=[{"value": "x"}])]).replace('"x"', "NaN")

    assert labels(read(text.encode())) == ['say \\"NaN\\" or Infinity']


@pytest.mark.parametrize("token", ["NaN", "-Infinity", "null", '"1"', "1e999", "true", "[1]"])
def test_a_coordinate_that_is_no_number_names_its_feature(read, token):
    broken = feature({"type": "Polygon", "coordinates": [[[0, 0], [1, "x"], [1, 1]]]})
    text = json.dumps([feature(), broken]).replace('"x"', token)

    with pytest.raises(TruncatedError, match=r"feature \(number 2\)"):
        read(text.encode())


def test_a_vertex_without_y_names_its_feature(read):
    with pytest.raises(TruncatedError, match=r"feature \(number 1\)"):
        read([feature({"type": "Polygon", "coordinates": [[[0, 0], [1], [1, 1]]]})])


@pytest.mark.parametrize(
    "geometry", [{"type": "Polygon"}, {"type": "Circle", "coordinates": []}, {"coordinates": [RING]}], ids=str
)
def test_an_unknown_geometry_is_not_dropped(read, geometry):
    with pytest.raises(TruncatedError, match="number 1"):
        read([feature(geometry)])


@pytest.mark.parametrize("name", ["utf-8-sig", "utf-16", "utf-16-le"])
def test_other_encodings_are_read(read, name):
    assert labels(read(json.dumps([classified("Tumör")], ensure_ascii=False).encode(name))) == ["Tumör"]


@pytest.mark.parametrize("part", range(1, 10))
def test_a_file_that_is_cut_short_is_refused(read, part):
    content = json.dumps([feature()] * 5).encode()

    with pytest.raises(TruncatedError):
        read(content[: len(content) * part // 10])


@pytest.mark.parametrize(
    "content",
    [
        b"[" * 100_000,
        b"[" * 200 + b"]" * 200,
        b"[" * 200 + json.dumps(feature()).encode() + b"]" * 200,
        b'{"type":"Feature","geometry":null,"children":[' * 200 + b"]}" * 200,
        b'{"type":"Feature","geometry":null,"children":[' * 5000 + b"]}" * 5000,
        b'{"type":"GeometryCollection","geometries":[' * 200 + b"]}" * 200,
        b'{"type":"Feature","geometry":' * 2 + b'{"type":"GeometryCollection","geometries":[' * 200,
        b'[{"type":"Feature","geometry":null,"properties":{"classification":'
        + b'{"parentClass":' * 5000
        + b"1"
        + b"}" * 5000
        + b"}}]",
    ],
    ids=["open", "lists", "feature in lists", "children", "many children", "collections", "cut", "classes"],
)
def test_deep_nesting_ends_in_an_error_or_nothing(read, content):
    try:
        found = read(content)
    except TruncatedError:
        return
    assert len(found) == 0


def test_a_multipolygon_of_many_batches_is_read_in_parts(read):
    cells = [[[[x, 0], [x + 1, 0], [x + 1, 1], [x, 1], [x, 0]]] for x in range(0, 24_000, 2)]
    text = json.dumps([feature({"type": "MultiPolygon", "coordinates": [*cells, [RING, SMALL]]}), feature()])
    assert len(text) > 2 * BATCH_BYTES

    found = read(text.encode())

    assert (len(found.polygons), total(found)) == (12_002, 12_000 + 15 + 16)
    assert found.polygons[11_999].bounds == (23_998, 0, 23_999, 1)


def test_a_large_multipolygon_that_is_damaged_is_refused(read):
    broken = feature({"type": "MultiPolygon", "coordinates": [[RING]] * 9000 + [[[[0, 0], [1, None]]]]})

    with pytest.raises(TruncatedError, match=r"feature \(number 1\)"):
        read([broken])


def test_features_of_many_batches_keep_their_order(read):
    count = 3 * BATCH_BYTES // len(json.dumps(RING))
    content = [
        feature(
            {"type": "Polygon", "coordinates": [[[x + index, y] for x, y in RING]]}, properties={"name": str(index)}
        )
        for index in range(count)
    ]

    found = read(content)

    assert labels(found) == [str(index) for index in range(count)]
    assert (shapely.bounds(found.polygons)[:, 0] == np.arange(count)).all()
