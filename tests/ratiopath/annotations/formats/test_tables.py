"""WKT and WKB in tables, GeoParquet, and ROI tables of slideflow."""

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely

from ratiopath.annotations import Annotations, ReadOptions, read_outlines
from ratiopath.annotations.formats.tables import BATCH_ROWS
from ratiopath.errors import SlideError, TruncatedError, UnsupportedFormatError

BOX, DONUT = shapely.box(0, 0, 4, 4), shapely.box(0, 0, 4, 4).difference(shapely.box(1, 1, 2, 2))
PAIR = shapely.MultiPolygon([BOX, shapely.box(10, 10, 11, 12)])
GEO = {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": {"encoding": "WKB"}}}


@pytest.fixture
def read_csv(tmp_path):
    def call(text: str | bytes, **options: Any) -> Annotations:
        path = tmp_path / "a.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return Annotations.of(read_outlines(str(path), ReadOptions(**options)))

    return call


@pytest.fixture
def read_table(tmp_path):
    def call(geo: Any = None, options: ReadOptions = ReadOptions(), **columns: Any) -> Annotations:  # noqa: B008
        table = pa.table(columns)
        if geo is not None:
            table = table.replace_schema_metadata({"geo": geo if isinstance(geo, str) else json.dumps(geo)})
        pq.write_table(table, tmp_path / "a.parquet")
        return Annotations.of(read_outlines(str(tmp_path / "a.parquet"), options))

    return call


def total(found: Annotations) -> float:
    return float(shapely.area(found.polygons).sum())


def labels(found: Annotations) -> list[str]:
    return [found.labels[index] for index in found.label_index]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_wkt_is_read_with_every_delimiter(read_csv, delimiter, end):
    rows = [["label", "geometry"], ["Tumor", f'"{DONUT.wkt}"'], [" Stroma", f'"{PAIR.wkt}"']]

    found = read_csv(end.join(delimiter.join(row) for row in rows) + end)

    assert (labels(found), total(found)) == (["Tumor", "Stroma", "Stroma"], 33)


def test_the_columns_are_named_by_the_options(read_csv):
    found = read_csv(f'class,wkt,geometry\nTumor,"{BOX.wkt}",no\n', geometry="wkt", label="class")

    assert (labels(found), total(found)) == (["Tumor"], 16)


@pytest.mark.parametrize("head", ["SRID=4326;", "srid = 0 ; "])
def test_the_srid_of_ewkt_is_passed_over(read_csv, head):
    assert total(read_csv(f'geometry\n"{head}{DONUT.wkt}"\n"{shapely.box(0, 0, 1, 1).wkt}"\n')) == 16


def test_an_srid_within_a_geometry_is_damage(read_csv):
    with pytest.raises(TruncatedError, match="row 1"):
        read_csv(f'geometry\n"SRID=1;SRID=1;{DONUT.wkt}"\n')


def test_hexadecimal_wkb_is_read(read_csv):
    assert total(read_csv(f"geometry\n{shapely.to_wkb(DONUT, hex=True)}\n")) == 15


def test_a_table_without_labels_has_none(read_csv):
    assert labels(read_csv(f'id,geometry\n1,"{BOX.wkt}"\n')) == [""]


def test_a_header_alone_has_no_outlines(read_csv):
    assert len(read_csv("label,geometry\n")) == 0


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_other_encodings_are_read(read_csv, encoding):
    assert labels(read_csv(f'label;geometry\nTumör;"{BOX.wkt}"\n'.encode(encoding))) == ["Tumör"]


def test_a_field_may_be_longer_than_a_block(read_csv):
    circle = shapely.Point(0, 0).buffer(100, quad_segs=20_000)

    assert total(read_csv(f'geometry\n"{circle.wkt}"\n')) == pytest.approx(np.pi * 1e4, rel=1e-6)


def test_a_row_without_geometry_is_counted(read_csv):
    assert read_csv('label,geometry\na,\nb,"POINT (1 2)"\n').ignored == {"row without geometry": 1, "Point": 1}


def test_an_open_ring_is_closed(read_csv):
    assert total(read_csv('geometry\n"POLYGON ((0 0, 4 0, 4 4, 0 4), (1 1, 2 1, 2 2, 1 2))"\n')) == 15


def test_text_that_is_no_wkt_names_its_row(read_csv):
    with pytest.raises(TruncatedError, match="row 2"):
        read_csv(f'geometry\n"{BOX.wkt}"\n"{BOX.wkt[:-5]}"\n')


LEVELS = 200_000
LITTLE, BIG = b"\x01\x07\0\0\0\x01\0\0\0", b"\0\0\0\0\x07\0\0\0\x01"


@pytest.mark.parametrize(
    "geometry",
    [
        "GEOMETRYCOLLECTION (" * LEVELS + "POINT (1 1)" + ")" * LEVELS,
        " geometrycollection z (" * LEVELS,
        (LITTLE * LEVELS + shapely.to_wkb(shapely.Point(1, 1))).hex(),
        (BIG * LEVELS).hex(),
        (LITTLE * LEVELS).hex()[:-1],
    ],
    ids=["WKT", "cut WKT", "little endian", "big endian", "odd"],
)
def test_collections_that_are_nested_too_deep_are_refused(read_csv, geometry):
    with pytest.raises(TruncatedError, match="row 2"):
        read_csv(f'label,geometry\na,\nb,"{geometry}"\n')


def test_a_large_collection_is_read(read_csv):
    boxes = shapely.box(np.arange(2000), 0, np.arange(2000) + 1, 1)
    collection = shapely.GeometryCollection(boxes.tolist())

    assert total(read_csv(f'geometry\n"{collection.wkt}"\n')) == 2000
    assert total(read_csv(f"geometry\n{collection.wkb_hex}\n")) == 2000


def test_curves_are_refused(read_csv):
    with pytest.raises(UnsupportedFormatError, match="curved"):
        read_csv('geometry\n"CURVEPOLYGON (CIRCULARSTRING (0 0, 1 1, 2 0, 1 -1, 0 0))"\n')


def test_a_coordinate_that_is_not_finite_is_refused(read_csv):
    with pytest.raises(TruncatedError):
        read_csv('geometry\n"POLYGON ((0 0, nan 0, 1 1, 0 0))"\n')


def test_a_table_without_geometry_is_refused_with_its_columns(read_csv):
    with pytest.raises(UnsupportedFormatError, match="no column 'geometry' among 'a', 'b'"):
        read_csv("a,b\n1,2\n")


def test_a_text_file_is_called_one(read_csv):
    with pytest.raises(UnsupportedFormatError, match="is a text file of one column, 'hello'"):
        read_csv("hello\n")


def test_a_label_column_that_was_named_must_exist(read_csv):
    with pytest.raises(UnsupportedFormatError, match="set label"):
        read_csv(f'geometry\n"{BOX.wkt}"\n', label="class")


def test_a_column_that_exists_twice_is_refused(read_csv):
    with pytest.raises(UnsupportedFormatError, match="2 columns 'geometry'"):
        read_csv(f'geometry,geometry\n"{BOX.wkt}","{BOX.wkt}"\n')


def test_a_row_of_too_few_fields_is_refused(read_csv):
    with pytest.raises(TruncatedError, match="CSV"):
        read_csv(f'label,geometry\na,"{BOX.wkt}"\nb\n')


def test_the_vertices_of_slideflow_are_grouped_by_name_in_the_order_of_rows(read_csv):
    rows = ["ROI_0,0,0,a", "ROI_0,4,0,a", "ROI_1,9,9,b", "ROI_0,4,4,a", "ROI_0,0,4,a", "ROI_1,10,9,b", "ROI_1,10,10,b"]

    found = read_csv("\n".join(["roi_name,x_base,y_base,label", *rows]))

    assert (labels(found), shapely.area(found.polygons).tolist()) == (["a", "b"], [16, 0.5])


def test_the_columns_of_slideflow_may_be_in_upper_case(read_csv):
    found = read_csv("ROI_name,X_base,Y_base\n01,0,0\n01,4.5,0\n1,4,4\n01,4,4\n")

    assert (total(found), found.ignored) == (9, {"outline without area": 1})


def test_slideflow_without_labels_has_none(read_csv):
    assert labels(read_csv("roi_name,x_base,y_base\n1,0,0\n1,4.5,0\n1,4,4\n")) == [""]


def test_a_vertex_that_is_no_number_is_refused(read_csv):
    with pytest.raises(TruncatedError, match="x_base"):
        read_csv("roi_name,x_base,y_base\n1,0,0\n1,b,0\n1,4,4\n")


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary()], ids=str)
def test_wkb_is_read_from_parquet(read_table, kind):
    found = read_table(label=["a", "b"], geometry=pa.array([DONUT.wkb, PAIR.wkb], kind))

    assert (labels(found), total(found)) == (["a", "b", "b"], 33)


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()], ids=str)
def test_wkt_is_read_from_parquet(read_table, kind):
    assert total(read_table(geometry=pa.array([DONUT.wkt, None], kind))) == 15


def test_a_missing_geometry_is_counted(read_table):
    assert read_table(geometry=[BOX.wkb, None]).ignored == {"row without geometry": 1}


@pytest.mark.parametrize(
    ("column", "label"),
    [(pa.array(["a"]).dictionary_encode(), "a"), (pa.array([7]), "7"), (pa.array([None], pa.string()), "")],
    ids=["categories", "numbers", "null"],
)
def test_labels_are_text_categories_or_numbers(read_table, column, label):
    assert labels(read_table(geometry=[BOX.wkb], label=column)) == [label]


def test_labels_of_another_type_are_refused(read_table):
    with pytest.raises(UnsupportedFormatError, match="list"):
        read_table(geometry=[BOX.wkb], label=[["a"]])


def test_geoparquet_names_its_column(read_table):
    found = read_table(GEO | {"primary_column": "shape"}, shape=[BOX.wkb], geometry=["no"])

    assert total(found) == 16


def test_the_options_name_another_column_of_geoparquet(read_table):
    found = read_table(GEO, ReadOptions(geometry="nucleus"), geometry=[PAIR.wkb], nucleus=[BOX.wkb])

    assert total(found) == 16


def test_the_format_of_a_table_depends_on_its_metadata(tmp_path):
    table = pa.table({"geometry": [BOX.wkb]})
    pq.write_table(table, tmp_path / "a")
    pq.write_table(table.replace_schema_metadata({"geo": json.dumps(GEO)}), tmp_path / "b")

    assert [read_outlines(str(tmp_path / name)).format for name in "ab"] == ["wkt", "geoparquet"]


@pytest.mark.parametrize("geo", ["{", "{}", "[]", "1", "[" * 100_000], ids=["cut", "empty", "list", "number", "deep"])
def test_damaged_metadata_is_refused(read_table, geo):
    with pytest.raises(TruncatedError, match="metadata"):
        read_table(geo, geometry=[BOX.wkb])


def rings_of(polygon: shapely.Polygon) -> list[Any]:
    return [[{"x": x, "y": y} for x, y in ring.coords] for ring in (polygon.exterior, *polygon.interiors)]


def pairs_of(polygon: shapely.Polygon) -> list[Any]:
    return [[list(vertex) for vertex in ring.coords] for ring in (polygon.exterior, *polygon.interiors)]


XY = pa.struct([("x", pa.float64()), ("y", pa.float64())])
INTERLEAVED = pa.list_(pa.float64(), 2)


@pytest.mark.parametrize(("vertex", "convert"), [(XY, rings_of), (INTERLEAVED, pairs_of)], ids=["struct", "pairs"])
def test_geoarrow_polygons_are_read(read_table, vertex, convert):
    column = pa.array([convert(DONUT), None, convert(BOX)], pa.list_(pa.list_(vertex)))

    found = read_table(GEO, geometry=column, label=["a", "b", "c"])

    assert (labels(found), shapely.area(found.polygons).tolist()) == (["a", "c"], [15, 16])


@pytest.mark.parametrize(("vertex", "convert"), [(XY, rings_of), (INTERLEAVED, pairs_of)], ids=["struct", "pairs"])
def test_geoarrow_multipolygons_are_read(read_table, vertex, convert):
    column = pa.array([[convert(part) for part in PAIR.geoms], [convert(DONUT)]], pa.list_(pa.list_(pa.list_(vertex))))

    found = read_table(GEO, geometry=column, label=["a", "b"])

    assert (labels(found), shapely.area(found.polygons).tolist()) == (["a", "a", "b"], [16, 2, 15])


def test_geoarrow_lines_are_counted(read_table):
    column = pa.array([[[0, 0], [1, 1]]], pa.list_(INTERLEAVED))

    assert read_table(GEO, geometry=column).ignored == {"line or points": 1}


def test_points_with_a_radius_are_circles(read_table):
    points = shapely.to_wkb(shapely.points([(10, 10), (50, 50)])).tolist()

    found = read_table(GEO, geometry=points, radius=[2.0, 3.0])

    assert shapely.area(found.polygons) == pytest.approx([4 * np.pi, 9 * np.pi], rel=1e-12)
    assert shapely.centroid(found.polygons[1]).x == pytest.approx(50)


def test_geoarrow_points_with_a_radius_are_circles(read_table):
    found = read_table(GEO, geometry=pa.array([{"x": 1, "y": 2}], XY), radius=[2])

    assert total(found) == pytest.approx(4 * np.pi, rel=1e-12)


def test_a_point_without_a_radius_is_counted(read_table):
    points = shapely.to_wkb(shapely.points([(10, 10), (50, 50)])).tolist()

    assert read_table(GEO, geometry=points, radius=[2.0, None]).ignored == {"Point": 1}


def test_a_column_of_numbers_is_refused(read_table):
    with pytest.raises(UnsupportedFormatError, match="int64"):
        read_table(geometry=[1])


def test_a_parquet_file_without_geometry_is_refused_with_its_columns(read_table):
    with pytest.raises(UnsupportedFormatError, match="among 'a'"):
        read_table(a=[1])


def test_wkb_that_is_damaged_is_refused(read_table):
    with pytest.raises(TruncatedError, match="row 2"):
        read_table(geometry=[BOX.wkb, BOX.wkb[:-9]])


def test_rows_of_all_batches_are_read(read_table):
    count = 2 * BATCH_ROWS + 5
    boxes = shapely.box(np.arange(count), 0, np.arange(count) + 1, 1)

    found = read_table(GEO, geometry=shapely.to_wkb(boxes).tolist())

    assert shapely.equals(found.polygons, boxes).all()


def test_a_parquet_file_that_is_cut_short_is_refused(read_table, tmp_path):
    read_table(geometry=[BOX.wkb])
    content = (tmp_path / "a.parquet").read_bytes()
    for part in range(1, 10):
        (tmp_path / "a.parquet").write_bytes(content[: len(content) * part // 10])
        with pytest.raises(SlideError):
            read_outlines(str(tmp_path / "a.parquet"))
