"""JSON text of annotation files: strict decoding, bare NaN, and the formats by their keys."""

import gc
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeVar

import msgspec

from ratiopath.annotations.outlines import Format
from ratiopath.errors import TruncatedError

T = TypeVar("T")
DECODE_ERRORS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""Errors of decoding text that is damaged, of another type, or nested too deep."""
MAX_DEPTH = 64
"""Levels of objects inside objects."""
GEOJSON_TYPES = frozenset({
    "FeatureCollection", "Feature", "GeometryCollection", "Polygon", "MultiPolygon", "LineString", "MultiLineString",
    "Point", "MultiPoint",
})  # fmt: skip
_EMPAIA_TYPES = frozenset({"polygon", "rectangle", "circle", "point", "line", "arrow", "collection"})
_UP_TO_TOKEN = re.compile(
    rb'(?:[^"NI]++|"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|N(?!aN)|I(?!nfinity))*+(NaN|Infinity)', re.DOTALL
)
"""Text and strings, possessively, so that it is scanned once, up to a token that JSON does not have."""


@cache
def decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    """Return the decoder for a type; to make one costs more than to decode a feature."""
    return msgspec.json.Decoder(kind)


@contextmanager
def paused_collection() -> Iterator[None]:
    """Pause Python's cycle collector: it would search millions of lists of coordinates, which have no cycles."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def decode(content: bytes | msgspec.Raw, kind: type[T], path: str, name: str = "") -> T:
    """Decode JSON.

    Args:
        content: The text in UTF-8.
        kind: Type of the result.
        path: The file.
        name: Name of the part that is decoded; empty for the file itself.

    Raises:
        TruncatedError: It is no JSON, or not of this type.
    """
    where = f" in {name}" if name else ""
    try:
        found: T = decoder(kind).decode(content)  # type: ignore[arg-type]  # a type is hashable
    except msgspec.ValidationError as error:
        problem = f"{path!r} has unexpected JSON{where} ({error})"
        raise TruncatedError(problem, path=path, hint="export it again, or convert it to GeoJSON") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        problem = f"{path!r} is damaged JSON{where} ({error})"
        raise TruncatedError(problem, path=path, hint="export or copy it again") from None
    except RecursionError:
        raise too_deep(path) from None
    return found


def too_deep(path: str) -> TruncatedError:
    """Return the error about objects inside objects inside objects."""
    problem = f"{path!r} is damaged JSON (its objects are nested more than {MAX_DEPTH} deep)"
    return TruncatedError(problem, path=path, hint="export it again")


def strict_json(content: bytes, path: str) -> bytes:
    """Return JSON with empty strings for the tokens NaN and Infinity, which some exports hold as measurements.

    Raises:
        TruncatedError: It is damaged.
    """
    try:
        decode(content, msgspec.Raw, path)
    except TruncatedError:
        replaced = _without_tokens(content)
        if replaced is None:
            raise
        decode(replaced, msgspec.Raw, path)
        return replaced
    return content


def _without_tokens(content: bytes) -> bytes | None:
    """Return the text with a string of the same length for each token that is no number; None if there is none."""
    replaced, at = bytearray(content), 0
    while found := _UP_TO_TOKEN.match(content, at):
        start, at = found.span(1)
        start -= content[start - 1 : start] == b"-"
        replaced[start:at] = b'""'.ljust(at - start)
    return bytes(replaced) if at else None


def json_format(content: bytes, path: str) -> tuple[Format | None, tuple[str, ...]]:
    """Return the format of strict JSON, None if it is in none that is supported, and the keys that it begins with."""
    if is_list(content):
        elements = decode(content, list[msgspec.Raw], path)
        depth = 1
        while elements and is_list(elements[0]):  # QuPath: lists of lists
            if depth == MAX_DEPTH:
                raise too_deep(path)
            elements = decode(elements[0], list[msgspec.Raw], path)
            depth += 1
        if not elements:
            return "geojson", ()
        content = elements[0]
    keys = decode(content, dict[str, msgspec.Raw], path)
    return _format_of(keys), tuple(keys)


def is_list(content: bytes | msgspec.Raw) -> bool:
    """Return True if JSON is a list."""
    head = bytes(memoryview(content)[:256])
    return (head.lstrip() or bytes(content).lstrip()).startswith(b"[")


def _format_of(keys: dict[str, msgspec.Raw]) -> Format | None:
    kind = bytes(keys.get("type", b"")).strip(b'"').decode(errors="replace")
    if kind in GEOJSON_TYPES or "geometry" in keys:
        return "geojson"
    if "items" in keys or kind in _EMPAIA_TYPES:
        return "empaia"
    if "elements" in keys or b'"elements"' in bytes(keys.get("annotation", b"")):
        return "dsa"
    is_darwin = "annotations" in keys and ("item" in keys or "image" in keys or "dataset" in keys)
    return "darwin" if is_darwin else None
