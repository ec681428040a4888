"""Darwin JSON of V7, versions 1 and 2."""

from functools import reduce

import msgspec
import numpy as np
import numpy.typing as npt
import shapely

from ratiopath.annotations.crossings import require_repairable
from ratiopath.annotations.formats.json_text import decode
from ratiopath.annotations.outlines import MIN_VERTICES, Outlines, ReadOptions, placed, unit_circle
from ratiopath.geometry import MAX_PIXEL

_WITHOUT_OUTLINE = (
    "keypoint", "tag", "line", "skeleton", "string", "link", "cuboid", "eye", "mask", "raster_layer", "graph", "table",
    "simple_table", "directional_vector",
)  # fmt: skip
"""Types of annotations that hold no outline, in the order in which they name one."""


class _Point(msgspec.Struct):
    x: float
    y: float


class _Polygon(msgspec.Struct):
    paths: list[list[_Point]] | None = None
    path: list[_Point] | None = None
    additional_paths: list[list[_Point]] | None = None


class _ComplexPolygon(msgspec.Struct):
    path: list[list[_Point]]
    additional_paths: list[list[_Point]] | None = None


class _Box(_Point):
    w: float
    h: float


class _Ellipse(msgspec.Struct):
    center: _Point
    radius: _Point
    angle: float = 0.0


class _Annotation(msgspec.Struct):
    name: str | None = None
    polygon: _Polygon | None = None
    complex_polygon: _ComplexPolygon | None = None
    ellipse: _Ellipse | None = None
    bounding_box: _Box | None = None


class _File(msgspec.Struct):
    annotations: list[msgspec.Raw]


def read_darwin(content: bytes, outlines: Outlines, options: ReadOptions) -> None:  # noqa: ARG001 - as all readers
    """Add the areas of Darwin JSON.

    The paths of a polygon enclose by the even-odd rule: several outer paths are several parts, a path inside another
    is a hole. A box counts only if the annotation is of no other type: exports add it to polygons, ellipses, lines and
    masks. The angle of an ellipse is in radians, from x towards y.

    Raises:
        TruncatedError: It is no Darwin JSON.
    """
    for number, raw in enumerate(decode(content, _File, outlines.path).annotations, 1):
        found = decode(raw, _Annotation, outlines.path, f"annotation {number}")
        if found.polygon or found.complex_polygon:
            _add_paths(outlines, found.name, _paths(found))
        elif found.ellipse:
            ellipse = found.ellipse
            half, centre = (ellipse.radius.x, ellipse.radius.y), (ellipse.center.x, ellipse.center.y)
            outlines.add(found.name, [placed(unit_circle(), half, centre, ellipse.angle)])
        elif found.bounding_box and not _kind(raw, outlines.path):
            box = found.bounding_box
            outlines.add_box(found.name, [(box.x, box.y), (box.x + box.w, box.y + box.h)])
        else:
            outlines.ignore(_kind(raw, outlines.path) or "annotation of another type")


def _paths(annotation: _Annotation) -> list[npt.NDArray[np.float64]]:
    paths: list[list[_Point]] = []
    if several := annotation.complex_polygon:
        paths += several.path + (several.additional_paths or [])
    if polygon := annotation.polygon:
        paths += (polygon.paths or []) + ([polygon.path] if polygon.path else []) + (polygon.additional_paths or [])
    return [np.array([(point.x, point.y) for point in path]).reshape(-1, 2) for path in paths]


def _add_paths(outlines: Outlines, label: str | None, paths: list[npt.NDArray[np.float64]]) -> None:
    """Add what paths enclose; a single one, and absurd ones, which are refused later, as they were drawn."""
    if len(paths) < 2 or max(np.abs(path).max(initial=0) for path in paths) > MAX_PIXEL:  # noqa: PLR2004
        outlines.add(label, paths)
        return
    drawn = np.array([shapely.Polygon(path) for path in paths if len(path) >= MIN_VERTICES], dtype=np.object_)
    number = len(outlines.labels)
    require_repairable(
        outlines.path, drawn[~shapely.is_valid(drawn)], [number] * len(drawn), [*outlines.labels, label or ""]
    )
    valid = shapely.make_valid(drawn, method="structure", keep_collapsed=False)
    if not shapely.is_valid(drawn).all():
        outlines.repaired += 1
        outlines.area_changed += float(np.abs(shapely.area(valid) - shapely.area(drawn)).sum())
    outlines.add_geometry(label, reduce(shapely.symmetric_difference, valid.tolist(), shapely.Polygon()))


def _kind(raw: msgspec.Raw, path: str) -> str:
    """Name the type of an annotation without an outline; empty if it is of none that is known."""
    keys = decode(raw, dict[str, msgspec.Raw], path)
    return next((kind for kind in _WITHOUT_OUTLINE if kind in keys), "")
