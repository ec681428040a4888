"""ASAP XML: polygons, splines and rectangles, with the group as their label."""

from xml.etree.ElementTree import Element

from ratiopath.annotations.formats.xml import number, points
from ratiopath.annotations.outlines import Outlines, ReadOptions

_UNGROUPED = "None"
_AREAS = {"Polygon", "Spline", "Rectangle"}
"""Types with an area; a spline is the polygon of its control points, as in ASAP's own masks."""
_CORNERS = 2
"""Points of a rectangle of which two opposite corners are stored."""


def read_asap(root: Element, outlines: Outlines, _: ReadOptions) -> None:
    """Read the annotations of ASAP in the order of the file.

    The label is the annotation's own group; the group above it is not looked at. Coordinates are sorted by `Order`,
    wherever they stand.

    Raises:
        TruncatedError: A coordinate or its order is no number.
    """
    for annotation in root.iter("Annotation"):
        kind = annotation.get("Type", "Polygon").strip()
        if kind not in _AREAS:
            outlines.ignore(kind)
            continue
        group = annotation.get("PartOfGroup", _UNGROUPED).strip()
        label = "" if group == _UNGROUPED else group
        found = annotation.findall("./Coordinates/Coordinate")
        order = [number(one.get("Order", str(place)), outlines.path, "Coordinate") for place, one in enumerate(found)]
        ordered = [found[place] for place in sorted(range(len(found)), key=lambda place: order[place])]
        ring = points(((one.get("X"), one.get("Y")) for one in ordered), outlines.path, "Coordinate")
        if kind == "Rectangle" and len(ring) == _CORNERS:
            outlines.add_box(label, ring)
        else:
            outlines.add(label, [ring])
