"""The choice of an annotation reader by a file's content, never by its name."""

import zlib
from collections.abc import Callable, Mapping
from functools import partial
from typing import BinaryIO

from ratiopath.annotations.formats.darwin import read_darwin
from ratiopath.annotations.formats.dsa import read_dsa
from ratiopath.annotations.formats.empaia import read_empaia
from ratiopath.annotations.formats.geojson import read_geojson
from ratiopath.annotations.formats.hdf5 import read_hdf5
from ratiopath.annotations.formats.json_text import json_format, paused_collection, strict_json
from ratiopath.annotations.formats.tables import parquet_format, read_csv, read_parquet
from ratiopath.annotations.formats.xml_formats import read_xml
from ratiopath.annotations.outlines import Format, Outlines, ReadOptions
from ratiopath.annotations.packed import unpack
from ratiopath.errors import TruncatedError, UnsupportedFormatError
from ratiopath.files import (
    GZIP_MAGIC,
    HDF5_MAGIC,
    HEAD,
    IMAGE_SUFFIXES,
    JAVA_MAGIC,
    NUMPY_MAGIC,
    PARQUET_MAGIC,
    PICKLE_MAGIC,
    SQLITE_MAGIC,
    ZIP_MAGIC,
    as_utf8,
    format_of,
    is_archive_of_arrays,
    is_text,
    open_binary,
    read_at,
    read_head,
    size_of,
    start_of_text,
    store_errors,
)
from ratiopath.remote.names import name_of
from ratiopath.remote.uri import is_uri

MAX_BYTES = 4 << 30
"""Bytes of text, unpacked, that are read at once."""
_DEFAULTS = ReadOptions()
_REMEDIES = {
    JAVA_MAGIC: "in QuPath, export the objects: File > Export objects as GeoJSON",
    SQLITE_MAGIC: "export the annotations as GeoJSON from the program that wrote it",
    HDF5_MAGIC: "unpack it",
    NUMPY_MAGIC: "write the outlines as GeoParquet or GeoJSON, or a label image as TIFF",
} | dict.fromkeys(PICKLE_MAGIC, "pickles may run code when read; write the outlines as GeoParquet or GeoJSON")
"""Remedy for each format that is refused, by its first bytes."""
_JSON_STARTS = (b"", *(bytes([byte]) for byte in b'{[]"-0123456789tfn'))
"""Bytes after the bracket of a list in JSON."""
_JSON_READERS: Mapping[Format, Callable[[bytes, Outlines, ReadOptions], None]] = {
    "geojson": read_geojson,
    "darwin": read_darwin,
    "empaia": read_empaia,
    "dsa": read_dsa,
}


def is_annotation(path: str) -> bool:
    """Return True if a file is to be read by `read_outlines`, which then may refuse it, and not as an image.

    On a store, a file whose name ends like an image is none, which saves requests.

    Raises:
        SlideNotFoundError: The file does not exist or is not readable.
    """
    if is_uri(path) and name_of(path).lower().endswith(IMAGE_SUFFIXES):
        return False
    return _begins_annotation(read_head(path)[0])


def _begins_annotation(head: bytes) -> bool:
    if head.startswith(GZIP_MAGIC):
        try:
            head = zlib.decompressobj(wbits=31).decompress(head, HEAD)
        except zlib.error:
            return True
        if not head or head.startswith(GZIP_MAGIC):
            return True
    if head.startswith(ZIP_MAGIC):
        return not is_archive_of_arrays(head)
    if head.startswith((PARQUET_MAGIC, HDF5_MAGIC, JAVA_MAGIC, SQLITE_MAGIC, *PICKLE_MAGIC)):
        return True
    start = start_of_text(head)
    if start.startswith(b"["):  # JSON, in contrast to the sections of Hamamatsu's VMS
        return start[1:].lstrip(b"\0 \t\r\n")[:1] in _JSON_STARTS
    return start.startswith((b"{", b"<")) or (bool(head) and is_text(head))  # even with a NUL: no image begins so


def read_outlines(path: str, options: ReadOptions = _DEFAULTS) -> Outlines:
    """Read the outlines of an annotation file.

    Args:
        path: The file, or its URI.
        options: Options of reading.

    Raises:
        ParameterError: A URI may hold a credential.
        SlideNotFoundError: The file does not exist or is not readable.
        UnsupportedFormatError: The file is in no supported format, or not in the one insisted on.
        TruncatedError: The file is damaged.
    """
    if not is_uri(path):
        return _read(path, path, *read_head(path), options)
    with open_binary(path) as file, store_errors(file):
        return _read(file, path, read_at(file, 0, HEAD), size_of(file), options)


def _read(source: str | BinaryIO, path: str, head: bytes, size: int, options: ReadOptions) -> Outlines:
    """Read a path, or an open file."""
    if head.startswith(PARQUET_MAGIC):
        outlines = _outlines(path, options, parquet_format(source, path))
        read_parquet(source, size, outlines, options)
        return outlines
    if head.startswith(HDF5_MAGIC):
        outlines = _outlines(path, options, "hdf5")
        read_hdf5(source, outlines, options)
        return outlines
    if size > MAX_BYTES:
        problem = f"{path!r} has {size:,} bytes, more than {MAX_BYTES:,}"
        raise UnsupportedFormatError(problem, path=path, hint="export detections as GeoParquet")
    if isinstance(source, str):
        with open(source, "rb") as file:
            content = file.read()
    else:
        content = read_at(source, 0, size)
    return _read_content(content, path, options)


def _read_content(content: bytes, path: str, options: ReadOptions) -> Outlines:
    if not content.startswith((GZIP_MAGIC, *ZIP_MAGIC)):
        return _read_text(content, path, options)
    parts = [_read_text(part, path, options) for part in unpack(content, path, MAX_BYTES)]
    if not parts:
        raise TruncatedError(f"{path!r} is an empty zip archive", path=path, hint="export or copy it again")
    for part in parts[1:]:
        if part.format != parts[0].format:
            problem = f"{path!r} holds files of two formats, {parts[0].format} and {part.format}"
            raise UnsupportedFormatError(problem, path=path, hint="unpack it")
        parts[0].extend(part)
    return parts[0]


def _read_text(content: bytes, path: str, options: ReadOptions) -> Outlines:
    """Read XML, JSON or CSV."""
    start = start_of_text(content[:HEAD]) or start_of_text(content)
    if not start:
        finding = "holds nothing but white space" if content else "is empty"
        raise TruncatedError(f"{path!r} {finding}", path=path, hint="export or copy it again")
    for magic, remedy in _REMEDIES.items():
        if content.startswith(magic):
            raise UnsupportedFormatError(f"{path!r} is {format_of(content[:HEAD])}", path=path, hint=remedy)
    if start.startswith(b"<"):
        return read_xml(content, path, options, partial(_outlines, path, options))
    is_json = start.startswith((b"{", b"["))
    if not is_json and not is_text(content[:HEAD]):
        problem = f"{path!r} is {format_of(content[:HEAD])}, which holds no outlines that can be read"
        raise UnsupportedFormatError(problem, path=path, hint="export the annotations as GeoJSON or XML")
    try:
        content = as_utf8(content)
    except UnicodeDecodeError as error:
        raise TruncatedError(f"{path!r} is damaged text ({error})", path=path, hint="export it as UTF-8") from None
    if is_json:
        return _read_json(content, path, options)
    outlines = _outlines(path, options, "wkt")
    read_csv(content, outlines, options)
    return outlines


def _read_json(content: bytes, path: str, options: ReadOptions) -> Outlines:
    content = strict_json(content, path)
    found, keys = json_format(content, path)
    if found is None:
        problem = f"{path!r} is JSON in no supported format (its keys: {', '.join(keys[:8]) or 'none'})"
        hint = "convert it to GeoJSON"
        if b'"cytomine' in content[:HEAD] or b".cytomine." in content[:HEAD]:
            problem = f"{path!r} is an annotation of Cytomine, whose y points up"
            hint = "write its location into a column geometry of a CSV file, and set y: up"
        raise UnsupportedFormatError(problem, path=path, hint=hint)
    outlines = _outlines(path, options, found)
    with paused_collection():
        _JSON_READERS[found](content, outlines, options)
    return outlines


def _outlines(path: str, options: ReadOptions, found: Format) -> Outlines:
    """Return no outlines yet, of a file in a format.

    Raises:
        UnsupportedFormatError: It is not the one insisted on, or has no measurements.
    """
    if options.format not in (None, found):
        problem = f"{path!r} is in format {found}, not {options.format}"
        raise UnsupportedFormatError(problem, path=path, hint=f"set format: {found}, or remove format")
    if options.measurement and found not in {"geojson", "hdf5"}:
        problem = f"{path!r} is in format {found}, which has no measurements such as {options.measurement!r}"
        raise UnsupportedFormatError(problem, path=path, hint="remove measurement; labels that are numbers need none")
    return Outlines(path, found, "slide_centre" if found == "ndpa" else "pixels")
