"""Annotation files that are refused, and the options of reading them."""

import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import pyarrow as pa
import pyarrow.parquet as pq
import shapely

from ratiopath.annotations import Annotations, ReadOptions, read_outlines
from tests.support.annotation_tables import wkt_csv, zipped

WKB = shapely.to_wkb(shapely.box(0, 0, 4, 4))
SQUARE = [[0, 0], [4, 0], [4, 4], [0, 4]]
SCRIBBLE = [[at * 7919 % 9973, at * at * 31 % 9973] for at in range(1500)]
DEEP = 70
"""Levels that are too many."""
Maker = Callable[[Path], object]
Case = tuple[Maker, Callable[[str], object]]


def holding(content: bytes) -> Maker:
    return lambda path: path.write_bytes(content)


def text(content: Any) -> Maker:
    return holding(json.dumps(content).encode())


def feature(kind: str | None, **geometry: Any) -> Maker:
    return text([{"type": "Feature", "geometry": ({"type": kind} if kind else {}) | geometry}])


def nested(head: str, core: str, tail: str, depth: int = DEEP) -> Maker:
    return holding((head * depth + core + tail * depth).encode())


def table(metadata: dict[str, Any] | None = None, **columns: Any) -> Maker:
    return lambda path: pq.write_table(pa.table(columns).replace_schema_metadata(metadata), path)


def cut_table(share: float) -> Maker:
    """Write a Parquet file whose first page is damaged, up to a share of its length."""

    def make(path: Path) -> None:
        buffer = io.BytesIO()
        pq.write_table(pa.table({"geometry": [WKB] * 9}), buffer, compression="gzip", use_dictionary=False)
        content = bytearray(buffer.getvalue())
        content[4:60] = bytes(56)
        path.write_bytes(content[: int(len(content) * share)])

    return make


def of_more_rows(path: Path) -> None:
    """Write a Parquet file whose footer claims ten rows instead of nine, in its zigzag number."""
    pq.write_table(pa.table({"geometry": [WKB] * 9}), path)
    path.write_bytes(path.read_bytes().replace(b"\x16\x12\x19\x1c", b"\x16\x14\x19\x1c", 1))


def of_zeros(size: int) -> Maker:
    def make(path: Path) -> None:
        with open(path, "wb") as file:
            file.write(b"[")
            file.truncate(size)

    return make


def archive(*contents: bytes, is_encrypted: bool = False) -> Maker:
    packed = bytearray(zipped(*contents))
    if is_encrypted:
        packed[packed.index(b"PK\1\2") + 8] |= 1
    return holding(bytes(packed))


def measured(*measurements: Any) -> Maker:
    """Write squares with measurements."""
    square = {"type": "Polygon", "coordinates": [[*SQUARE, SQUARE[0]]]}
    return text([{"type": "Feature", "geometry": square, "properties": {"measurements": one}} for one in measurements])


def scored(**arrays: Any) -> Maker:
    """Write arrays to HDF5."""

    def make(path: Path) -> None:
        with h5py.File(path, "w") as file:
            for name, array in arrays.items():
                file[name] = array

    return make


def read(**options: Any) -> Callable[[str], object]:
    return lambda path: read_outlines(path, ReadOptions(**options))


def place(path: str) -> object:
    return Annotations.of(read_outlines(path))


READ = read()
COLLECTION = '{"type": "GeometryCollection", "geometries": ['
CYTOMINE = {"annotation": {"class": "be.cytomine.ontology.UserAnnotation", "location": "POLYGON EMPTY"}}
PIXELS = b"<annotations><ndpviewstate><coordformat>pixels</coordformat></ndpviewstate></annotations>"
ELEMENT = {"type": "polyline", "closed": True, "points": SQUARE}
BAD_ANNOTATIONS: dict[str, Case] = {
    "gone.geojson": (lambda path: None, READ),
    "empty.geojson": (holding(b""), READ),
    "blank.xml": (holding(b" \n"), READ),
    "drawing.svg": (holding(b'<svg width="5"/>'), READ),
    "moved.xml": (holding(b"<Annotations><Annotation><Region/></Annotation></Annotations>"), READ),
    "pixels.ndpa": (holding(PIXELS), READ),
    "cut.geojson": (holding(b'[{"type": "Feature"'), READ),
    "nan.geojson": (holding(b'[{"type": "Feature", "geometry": NaN'), READ),
    "numbers.geojson": (holding(b"[1, 2]"), READ),
    "open.geojson": (holding(b"[" * 5000), READ),
    "deep-lists.geojson": (nested("[", "", "]"), READ),
    "deep-children.geojson": (nested('{"type": "Feature", "children": [', "", "]}"), READ),
    "deep-geometry.geojson": (nested(COLLECTION, "", "]}"), READ),
    "no-features.geojson": (text({"type": "FeatureCollection"}), READ),
    "no-type.geojson": (feature(None), READ),
    "circle.geojson": (feature("Circle"), READ),
    "no-geometries.geojson": (feature("GeometryCollection"), READ),
    "no-coordinates.geojson": (feature("Polygon"), READ),
    "null.geojson": (feature("Polygon", coordinates=[[[0, 0], [1, None]]]), READ),
    "text.geojson": (feature("Polygon", coordinates=[[["1", "2"]]]), READ),
    "shallow.geojson": (feature("Polygon", coordinates=[[1, 2]]), READ),
    "no-y.geojson": (feature("Polygon", coordinates=[[[0, 0], [1]]]), READ),
    "far.geojson": (feature("Polygon", coordinates=[[[0, 0], [1e300, 0], [1, 1]]]), place),
    "scribble.geojson": (feature("Polygon", coordinates=[SCRIBBLE]), place),
    "keys.json": (text({"images": [], "annotations": [], "categories": []}), READ),
    "cytomine.txt": (text(CYTOMINE), READ),
    "insisted.geojson": (text([]), read(format="asap")),
    "utf-16.csv": (holding(b"\xff\xfe\x00\xd8a\0"), READ),
    "star.json": (text({"items": [{"type": "star"}]}), READ),
    "deep-items.json": (nested('{"items": [', "", "]}"), READ),
    "no-radius.json": (text({"elements": [{"type": "circle", "center": [1, 2]}]}), READ),
    "text.json": (text({"elements": [ELEMENT | {"points": [[1, 2], [3]]}]}), READ),
    "vertices.json": (text({"elements": [ELEMENT | {"points": [[1], [2]]}]}), READ),
    "huge.json": (of_zeros(5 << 30), READ),
    "objects.qpdata": (holding(b"\xac\xed\0\x05sr"), READ),
    "contours.pkl": (holding(b"\x80\x04}."), READ),
    "seg.npy": (holding(b"\x93NUMPY\x01\0"), READ),
    "annotations.db": (holding(b"SQLite format 3\0"), READ),
    "no-measurement.geojson": (measured({"a": 1}, {"b": 1}), read(measurement="score")),
    "measurement.geojson": (measured({"score": "high"}), read(measurement="score")),
    "measurement.csv": (holding(b"geometry,label\n"), read(measurement="score")),
    "no-scores.h5": (scored(coords=[[0, 0]], features=[1.0]), READ),
    "shapes.h5": (scored(coords=[[0, 0]], scores=[[1.0, 2.0]]), READ),
    "no-size.h5": (scored(coords=[[0, 0]], scores=[1.0]), READ),
    "cells.h5": (holding(b"\x89HDF\r\n\x1a\n\0"), READ),
    "mask.png": (holding(b"\x89PNG\r\n\x1a\n\0"), READ),
    "a.geojson.gz": (holding(gzip.compress(b"[]", mtime=0)[:-3]), READ),
    "bomb.gz": (holding(gzip.compress(bytes(70 << 20), mtime=0)), READ),
    "encrypted.zip": (archive(b"[]", is_encrypted=True), READ),
    "nothing.zip": (archive(), READ),
    "two.zip": (archive(b"[]", wkt_csv([])), READ),
    "notes.txt": (holding(b"a,b\n1\n"), READ),
    "columns.csv": (holding(b"a,b,c,d,e,f,g,h,i\n"), READ),
    "twice.csv": (holding(b"geometry,geometry\n"), READ),
    "row.csv": (holding(b'geometry\n"POINT (1 2)"\n"POLYGON ((1 2"\n'), READ),
    "curves.csv": (holding(b'geometry\n"CIRCULARSTRING (0 0, 1 1, 2 0)"\n'), READ),
    "slideflow.csv": (holding(b"roi_name,x_base,y_base\n1,a,2\n"), READ),
    "no-label.csv": (holding(b"geometry\n"), read(label="class")),
    "labels.parquet": (table(geometry=[WKB], label=[["a"]]), READ),
    "geometry.parquet": (table(geometry=[1]), READ),
    "geo.parquet": (table({"geo": "{}"}, geometry=[WKB]), READ),
    "rows.parquet": (table(geometry=pa.nulls(100_000_001)), READ),
    "cut.parquet": (cut_table(0.9), READ),
    "corrupt.parquet": (cut_table(1), READ),
    "footer.parquet": (of_more_rows, READ),
}
"""A bad file by name, and the call that refuses it."""
