"""Annotations written in the formats that are no XML: JSON and tables."""

import gzip
import io
import json
import zipfile
from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import shapely

Ring = Sequence[tuple[float, float]]
Shape = tuple[str, Sequence[Ring]]
"""Label and rings of an outline: the shell, then holes."""
POLYGON = {"type": "Polygon", "coordinates": [[[0, 0], [4, 0], [4, 4], [0, 4], [0, 0]]]}
GEOJSON = json.dumps([{"type": "Feature", "geometry": POLYGON, "properties": {"classification": "a"}}]).encode()
CSV = b'label,geometry\nb,"POLYGON ((0 0, 4 0, 4 4, 0 0))"\n'


def zipped(*contents: bytes, **named: bytes) -> bytes:
    """Return a zip archive of files, named by their place or by keyword."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in ({str(place): content for place, content in enumerate(contents)} | named).items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def geojson(shapes: Sequence[Shape]) -> bytes:
    features = [
        {
            "type": "Feature",
            "id": "PathAnnotationObject",
            "geometry": {"type": "Polygon", "coordinates": [[*ring, ring[0]] for ring in rings]},
            "properties": {"objectType": "annotation", "classification": {"name": label, "color": [200, 0, 0]}},
        }
        for label, rings in shapes
    ]
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()


def geojson_list(shapes: Sequence[Shape]) -> bytes:
    return json.dumps(json.loads(geojson(shapes))["features"], indent=2).encode()


def geojson_gz(shapes: Sequence[Shape]) -> bytes:
    return gzip.compress(geojson(shapes), mtime=0)


def geojson_zip(shapes: Sequence[Shape]) -> bytes:
    return zipped(geojson(shapes))


def darwin(shapes: Sequence[Shape]) -> bytes:
    annotations = [
        {"name": label, "polygon": {"paths": [[{"x": x, "y": y} for x, y in ring] for ring in rings]}}
        for label, rings in shapes
    ]
    return json.dumps({"version": "2.0", "item": {"name": "a"}, "annotations": annotations}).encode()


def dsa(shapes: Sequence[Shape]) -> bytes:
    elements = [
        {"type": "polyline", "closed": True, "group": label}
        | {"points": [(*vertex, 0) for vertex in shell], "holes": [[(*vertex, 0) for vertex in hole] for hole in holes]}
        for label, (shell, *holes) in shapes
    ]
    return json.dumps({"annotation": {"name": "a", "elements": elements}}).encode()


def empaia(shapes: Sequence[Shape]) -> bytes:
    """Write shells; the format has no holes."""
    items = [{"type": "polygon", "name": label, "coordinates": rings[0]} for label, rings in shapes]
    return json.dumps({"item_count": len(items), "items": items}).encode()


def slideflow(shapes: Sequence[Shape]) -> bytes:
    """Write shells; the format has no holes."""
    rows = [f"ROI_{index},{x!r},{y!r},{label}" for index, (label, rings) in enumerate(shapes) for x, y in rings[0]]
    return "\n".join(["roi_name,x_base,y_base,label", *rows]).encode()


def wkt_csv(shapes: Sequence[Shape]) -> bytes:
    rows = [f'{label},"{_wkt(rings)}"' for label, rings in shapes]
    return "\n".join(["label,geometry", *rows]).encode()


def wkt_parquet(shapes: Sequence[Shape]) -> bytes:
    return _parquet(shapes, [_wkt(rings) for _, rings in shapes])


def geoparquet(shapes: Sequence[Shape]) -> bytes:
    return _parquet(shapes, [shapely.to_wkb(_polygon(rings)) for _, rings in shapes], _geo("WKB"))


def geoarrow(shapes: Sequence[Shape]) -> bytes:
    vertex = pa.struct([("x", pa.float64()), ("y", pa.float64())])
    column = [[[{"x": x, "y": y} for x, y in [*ring, ring[0]]] for ring in rings] for _, rings in shapes]
    return _parquet(shapes, pa.array(column, pa.list_(pa.list_(vertex))), _geo("polygon"))


WRITERS: dict[str, Callable[[Sequence[Shape]], bytes]] = {
    writer.__name__: writer
    for writer in (
        geojson, geojson_list, geojson_gz, geojson_zip, darwin, dsa, wkt_csv, wkt_parquet, geoparquet, geoarrow,
    )
}  # fmt: skip
"""A writer of each format by name."""
WITHOUT_HOLES = {"empaia": empaia, "slideflow": slideflow}
"""Writers of the formats without holes."""


def _polygon(rings: Sequence[Ring]) -> shapely.Polygon:
    return shapely.Polygon(rings[0], rings[1:])


def _wkt(rings: Sequence[Ring]) -> str:
    """Write all digits: those of shapely are rounded."""
    return f"POLYGON ({', '.join('(' + ', '.join(f'{x!r} {y!r}' for x, y in [*r, r[0]]) + ')' for r in rings)})"


def _geo(encoding: str) -> dict[str, Any]:
    columns = {"geometry": {"encoding": encoding, "geometry_types": ["Polygon"]}}
    return {"geo": json.dumps({"version": "1.1.0", "primary_column": "geometry", "columns": columns})}


def _parquet(shapes: Sequence[Shape], geometry: Any, metadata: dict[str, Any] | None = None) -> bytes:
    table = pa.table({"label": pa.array([label for label, _ in shapes], pa.string()), "geometry": geometry})
    buffer = io.BytesIO()
    pq.write_table(table.replace_schema_metadata(metadata), buffer)
    return buffer.getvalue()
