"""JSON of the Digital Slide Archive and HistomicsTK: the elements of large_image annotations."""

import msgspec
import numpy as np

from ratiopath.annotations.formats.json_text import decode, is_list
from ratiopath.annotations.outlines import Outlines, ReadOptions, placed, unit_circle
from ratiopath.errors import TruncatedError

_Points = list[list[float]]
_WITHOUT_AREA = frozenset({"arrow", "point", "heatmap", "griddata", "image", "pixelmap", "rectanglegrid"})
_UNIT_SQUARE = np.array([(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)])


class _Label(msgspec.Struct):
    value: str | None = None


class _Element(msgspec.Struct):
    type: str = ""
    group: str | None = None
    label: _Label | None = None
    points: _Points | None = None
    closed: bool = False
    holes: list[_Points] | None = None
    center: list[float] | None = None
    width: float | None = None
    height: float | None = None
    radius: float | None = None
    rotation: float | None = None


class _Elements(msgspec.Struct):
    elements: list[msgspec.Raw] = []


class _File(_Elements):
    annotation: _Elements | None = None


def read_dsa(content: bytes, outlines: Outlines, options: ReadOptions) -> None:  # noqa: ARG001 - as all readers
    """Add the areas of DSA annotations: one, or a list of them.

    The label is the `group` of an element, else the value of its label. Rotations are in radians, from x towards y.

    Raises:
        TruncatedError: It is no such JSON.
    """
    files = decode(content, list[_File], outlines.path) if is_list(content) else [decode(content, _File, outlines.path)]
    raws = [raw for file in files for raw in (file.annotation or file).elements]
    for number, raw in enumerate(raws, 1):
        _add(_without_its_values(raw, outlines.path, number), number, outlines)


class _Kind(msgspec.Struct):
    type: str = ""


def _without_its_values(raw: msgspec.Raw, path: str, number: int) -> _Element:
    """Decode an element; of those without an area only the type, since their points have other shapes."""
    kind = decode(raw, _Kind, path, f"element {number}").type
    return _Element(kind) if kind in _WITHOUT_AREA else decode(raw, _Element, path, f"element {number}")


def _add(element: _Element, number: int, outlines: Outlines) -> None:
    label = element.group or (element.label.value if element.label else None)
    half = None
    if element.type == "circle" and element.radius is not None:
        half = (element.radius, element.radius)
    elif element.type in ("rectangle", "ellipse") and element.width is not None and element.height is not None:
        half = (element.width / 2, element.height / 2)
    if element.type in _WITHOUT_AREA:
        outlines.ignore(element.type)
    elif element.type == "polyline" and element.points is not None:
        if element.closed:
            outlines.add(label, [element.points, *(element.holes or [])])
        else:
            outlines.ignore("open polyline")
    elif half and element.center and len(element.center) >= 2:  # noqa: PLR2004 - x and y
        shape = _UNIT_SQUARE if element.type == "rectangle" else unit_circle()
        outlines.add(label, [placed(shape, half, element.center[:2], element.rotation or 0.0)])
    else:
        problem = (
            f"{outlines.path!r} has an element (number {number}) of type {element.type!r}, unknown or without its sizes"
        )
        raise TruncatedError(problem, path=outlines.path, hint="correct the file, or export it again")
