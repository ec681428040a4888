"""Annotations in tables: WKT or WKB columns in CSV and Parquet, GeoParquet, and ROI tables of slideflow."""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq
import shapely

from ratiopath.annotations.outlines import Format, Outlines, ReadOptions, unit_circle
from ratiopath.annotations.packed import MAX_RATIO, MIN_LIMIT
from ratiopath.errors import TruncatedError, UnsupportedFormatError
from ratiopath.geometry import Float64s, Int64s

CIRCLE_VERTICES = 128
"""Vertices of the polygon for a point with a radius: its area is the circle's, its outline is off by 0.02 %."""
BATCH_ROWS = 16_384
"""Rows of Parquet that are converted at a time."""
MAX_ROWS = 100_000_000
"""Rows of a Parquet file: a few kB may claim billions of equal ones."""
MAX_NESTED = 1000
"""Collections in a geometry of WKT or WKB, at most."""
_COLLECTION_BYTES = 9
_WKB_COLLECTION = re.compile(
    rb"\x01(?:\x07\0\0|\xef\x03\0|\xd7\x07\0|\xbf\x0b\0)|\0(?:[\0\x20-\xff]\0\0\x07|\0\0(?:\x03\xef|\x07\xd7|\x0b\xbf))"
)
"""Begin of a collection in either byte order, without and with z, m and SRID."""
_DEFAULTS = ReadOptions()
_SLIDEFLOW = ("roi_name", "x_base", "y_base")
_POLYGON_DEPTH, _MULTIPOLYGON_DEPTH = 2, 3
"""Levels of lists of GeoArrow."""
_SRID = re.compile(r"SRID\s*=\s*-?\d+\s*;\s*", re.IGNORECASE | re.ASCII)
"""Begin of EWKT, as PostGIS writes it."""
_HEX = frozenset("0123456789abcdefABCDEF")


def read_csv(content: bytes, outlines: Outlines, options: ReadOptions) -> None:
    """Add the polygons of a CSV file with a header: WKT or hexadecimal WKB, or a vertex per row as slideflow writes.

    Args:
        content: The text in UTF-8, separated by commas, semicolons or tabs.
        outlines: Outlines to add to.
        options: Names of the columns of geometries and of labels.

    Raises:
        UnsupportedFormatError: The columns are missing.
        TruncatedError: A row is damaged; names it.
    """
    with _translated_errors(outlines.path, "is neither XML nor JSON nor CSV with a header"):
        table = _table_of(content, options)
        if options.geometry not in table.column_names and (names := _slideflow_names(table.column_names)):
            _add_vertices(outlines, table, names, options)
            return
        if table.column_names != [options.geometry] and len(table.column_names) == 1:
            problem = f"{outlines.path!r} is a text file of one column, {table.column_names[0]!r}"
            hint = "give an image, an annotation, or a CSV file with a column of WKT"
            raise UnsupportedFormatError(problem, path=outlines.path, hint=hint)
        _require_one(outlines.path, options.geometry, table.column_names, "geometry")
        geometries = _parse_text(table.column(options.geometry).to_pylist(), outlines.path)
        _add(outlines, geometries, _labels(table, options, outlines.path), None)


def parquet_format(source: str | IO[bytes], path: str) -> Format:
    """Return the format of a Parquet file.

    Args:
        source: The file, or its path.
        path: Path for messages.

    Raises:
        TruncatedError: The file is damaged.
    """
    with _translated_errors(path, "is damaged Parquet"), pq.ParquetFile(source) as file:
        return "geoparquet" if b"geo" in (file.metadata.metadata or {}) else "wkt"


def read_parquet(source: str | IO[bytes], size: int, outlines: Outlines, options: ReadOptions) -> None:
    """Add the polygons of a Parquet file: GeoParquet, or a column of WKT or WKB. Points with a `radius` are circles.

    Args:
        source: The file, or its path.
        size: Its size in bytes.
        outlines: Outlines to add to.
        options: Names of the columns of geometries and of labels.

    Raises:
        UnsupportedFormatError: The columns are missing, or of another type.
        TruncatedError: The file or a row is damaged.
    """
    path = outlines.path
    with _translated_errors(path, "is damaged Parquet"), pq.ParquetFile(source) as file:
        geometry = _geometry_column(file, options, path)
        names = [name for name in (geometry, options.label, "radius") if name in file.schema_arrow.names]
        _require_bounded(file, size, path)
        rows = 0
        for batch in file.iter_batches(BATCH_ROWS, columns=names):
            table = pa.Table.from_batches([batch])
            radii = table.column("radius").cast(pa.float64()).to_numpy() if "radius" in names else None
            _add_column(outlines, table.column(geometry), _labels(table, options, path), radii)
            rows += len(table)
        if rows != file.metadata.num_rows:
            raise _damaged(path, f"is damaged Parquet ({rows:,} of {file.metadata.num_rows:,} rows)")


@contextmanager
def _translated_errors(path: str, finding: str) -> Iterator[None]:
    """Raise the errors of pyarrow, and text that is no UTF-8, as a damaged file."""
    try:
        yield
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        reason = str(error).split("\n", 1)[0][:200]
        raise _damaged(path, f"{finding} ({reason})") from error


def _require_bounded(file: pq.ParquetFile, size: int, path: str) -> None:
    """Raise if a file of some kB claims to hold gigabytes."""
    metadata, limit = file.metadata, max(MIN_LIMIT, MAX_RATIO * size)
    unpacked = sum(metadata.row_group(index).total_byte_size for index in range(metadata.num_row_groups))
    if metadata.num_rows > MAX_ROWS or unpacked > limit:
        problem = f"{path!r} claims {metadata.num_rows:,} rows and {unpacked:,} bytes in a file of {size:,} bytes"
        hint = f"write less than {MAX_ROWS:,} rows, without repeating geometries"
        raise UnsupportedFormatError(problem, path=path, hint=hint)


def _geometry_column(file: pq.ParquetFile, options: ReadOptions, path: str) -> str:
    """Return the name of the column of geometries; GeoParquet says it, unless the options do."""
    name, names = options.geometry, file.schema_arrow.names
    if name == _DEFAULTS.geometry and (text := (file.metadata.metadata or {}).get(b"geo")):
        try:
            name = str(json.loads(text)["primary_column"])
        except (ValueError, KeyError, TypeError, RecursionError):
            raise _damaged(path, "has damaged GeoParquet metadata") from None
    _require_one(path, name, names, "geometry")
    return name


def _table_of(content: bytes, options: ReadOptions) -> pa.Table:
    header = content.split(b"\n", 1)[0]
    delimiter = max(",", ";", "\t", key=lambda mark: header.count(mark.encode()))
    names = (one.strip(' "\r') for one in header.decode(errors="replace").split(delimiter))
    text = (options.geometry, options.label, *_slideflow_names(list(names)))
    if b"\n" not in content:
        content += b"\n"  # a header alone
    return pyarrow.csv.read_csv(
        pa.py_buffer(content),
        read_options=pyarrow.csv.ReadOptions(block_size=max(len(content), 1 << 20), use_threads=False),
        parse_options=pyarrow.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
        convert_options=pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(text, pa.string())),
    )


def _labels(table: pa.Table, options: ReadOptions, path: str) -> list[str | None]:
    if options.label not in table.column_names and options.label == _DEFAULTS.label:
        return [None] * len(table)
    _require_one(path, options.label, table.column_names, "label")
    try:
        labels: list[str | None] = table.column(options.label).cast(pa.string()).to_pylist()
    except pa.ArrowException:
        problem = f"{path!r} has no text in column {options.label!r} but {table.schema.field(options.label).type}"
        raise UnsupportedFormatError(problem, path=path, hint="set label to a column of text") from None
    return labels


def _add_column(outlines: Outlines, column: pa.ChunkedArray, labels: list[str | None], radii: Float64s | None) -> None:
    """Add the polygons of a column of WKB, WKT or GeoArrow."""
    kind = column.type
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_null(kind):
        _add(outlines, _parse(shapely.from_wkb, column.to_pylist(), outlines.path), labels, radii)
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind):
        _add(outlines, _parse_text(column.to_pylist(), outlines.path), labels, radii)
    else:
        counts, vertices = _from_arrow(column.combine_chunks(), outlines.path)
        if not counts:
            _add(outlines, shapely.points(vertices), labels, radii)
        elif len(counts) == _POLYGON_DEPTH:
            outlines.add_many(labels, vertices, counts[1].tolist(), counts[0].tolist())
        elif len(counts) == _MULTIPOLYGON_DEPTH:
            repeated = np.repeat(np.array(labels, dtype=np.object_), counts[0]).tolist()
            outlines.add_many(repeated, vertices, counts[2].tolist(), counts[1].tolist())
        else:
            outlines.ignored["line or points"] += len(labels)


def _from_arrow(array: pa.Array, path: str) -> tuple[list[Int64s], Float64s]:
    """Return the counts of each level of nested lists, the outermost first, and the vertices in them."""
    kind, counts = array.type, []
    while pa.types.is_list(array.type) or pa.types.is_large_list(array.type):
        counts.append(pc.list_value_length(array).fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64))
        array = array.flatten()
    try:
        if pa.types.is_struct(array.type):
            axes = [array.field(name).cast(pa.float64()) for name in ("x", "y")]
            vertices = np.stack([axis.to_numpy(zero_copy_only=False) for axis in axes], axis=1)
        else:
            flat = array.flatten().cast(pa.float64()).to_numpy(zero_copy_only=False)
            vertices = flat.reshape(-1, array.type.list_size)[:, :2]
    except (pa.ArrowException, AttributeError, KeyError):
        problem = f"{path!r} has no geometries in its column of {kind}"
        raise UnsupportedFormatError(problem, path=path, hint="set geometry to a column of WKB or WKT") from None
    return counts, vertices


def _add(
    outlines: Outlines, geometries: npt.NDArray[np.object_], labels: Sequence[str | None], radii: Float64s | None
) -> None:
    """Add geometries, points with a radius as circles."""
    if radii is not None:
        is_circle = (shapely.get_type_id(geometries) == shapely.GeometryType.POINT) & (radii > 0)
        centres = shapely.get_coordinates(geometries[is_circle])[:, np.newaxis]
        circles = centres + unit_circle(CIRCLE_VERTICES) * radii[is_circle, np.newaxis, np.newaxis]
        geometries[is_circle] = shapely.polygons(circles)
    is_missing = shapely.is_missing(geometries)
    outlines.ignored.update({"row without geometry": int(is_missing.sum())} if is_missing.any() else {})
    kept = np.flatnonzero(~is_missing)
    outlines.add_geometries([labels[row] for row in kept.tolist()], geometries[kept])


def _slideflow_names(names: Sequence[str]) -> list[str]:
    """Return the columns of slideflow's name, x and y, in upper or lower case; empty if they are not there."""
    lower = [name.lower() for name in names]
    return [names[lower.index(name)] for name in _SLIDEFLOW] if set(_SLIDEFLOW) <= set(lower) else []


def _add_vertices(outlines: Outlines, table: pa.Table, columns: Sequence[str], options: ReadOptions) -> None:
    """Add the outlines of a table with a vertex per row."""
    names = table.column(columns[0]).to_pylist()
    labels = _labels(table, options, outlines.path)
    try:
        x, y = (table.column(name).cast(pa.float64()).to_numpy() for name in columns[1:])
    except pa.ArrowException:
        raise _damaged(outlines.path, "has a vertex whose x_base or y_base is no number") from None
    rows_of: dict[str, list[int]] = {}
    for row, name in enumerate(names):
        rows_of.setdefault(name, []).append(row)
    for rows in rows_of.values():
        outlines.add(labels[rows[0]], [np.stack([x[rows], y[rows]], axis=1)])


def _parse_text(texts: Sequence[str | None], path: str) -> npt.NDArray[np.object_]:
    """Return the geometries of WKT, or of WKB in hexadecimal; the SRID of EWKT is passed over."""
    texts = [_SRID.sub("", text.strip(), count=1) if text else None for text in texts]
    is_hex = next((_HEX.issuperset(text) for text in texts if text), False)
    return _parse(shapely.from_wkb if is_hex else shapely.from_wkt, [text or None for text in texts], path)


def _parse(parse: Any, values: Sequence[str | bytes | None], path: str) -> npt.NDArray[np.object_]:
    column = np.empty(len(values), dtype=np.object_)
    column[:] = [None if value and _is_deep(value) else value for value in values]
    try:
        with np.errstate(all="ignore"):  # what is not finite is refused later; rings are closed
            geometries: npt.NDArray[np.object_] = parse(column, on_invalid="fix")
    except NotImplementedError:
        problem = f"{path!r} has curved geometries, such as CIRCULARSTRING"
        raise UnsupportedFormatError(problem, path=path, hint="convert them to polygons") from None
    is_bad = np.array([value is not None for value in values], dtype=np.bool_) & shapely.is_missing(geometries)
    if is_bad.any():
        raise _damaged(path, f"has a geometry (row {is_bad.argmax() + 1}) that is neither WKT nor WKB")
    return geometries


def _is_deep(value: str | bytes) -> bool:
    """Return True if collections may be nested so deep that GEOS, which reads them recursively, would crash."""
    if len(value) < MAX_NESTED * _COLLECTION_BYTES:
        return False
    if isinstance(value, str) and value[:1].isdigit():
        try:
            value = bytes.fromhex(value)
        except ValueError:
            return True
    if isinstance(value, str):
        return value[:20].lstrip().upper().startswith("GEOMETRYC") and value.upper().count("GEOMETRYC") > MAX_NESTED
    return bool(_WKB_COLLECTION.match(value)) and len(_WKB_COLLECTION.findall(value)) > MAX_NESTED


def _require_one(path: str, name: str, names: Sequence[str], option: str) -> None:
    """Raise if not exactly one column has a name."""
    if (count := names.count(name)) != 1:
        found = ", ".join(map(repr, names[:8])) + (", ..." if len(names) > 8 else "")  # noqa: PLR2004 - fits a line
        counted = f"{count} columns" if count else "no column"
        problem = f"{path!r} has {counted} {name!r} among {found}"
        raise UnsupportedFormatError(problem, path=path, hint=f"set {option} to the name of a column")


def _damaged(path: str, finding: str) -> TruncatedError:
    return TruncatedError(f"{path!r} {finding}", path=path, hint="export or copy it again")
