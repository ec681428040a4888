"""HALO .annotations: regions by layer, with negative regions."""

from xml.etree.ElementTree import Element

from ratiopath.annotations.formats.xml import is_set, points
from ratiopath.annotations.outlines import Outlines, ReadOptions

_CORNERS = 2


def read_halo(root: Element, outlines: Outlines, _: ReadOptions) -> None:
    """Read the regions of HALO in the order of the file; the label is the name of the layer, which may repeat.

    A rectangle is the box between two corners; one of more vertices may be turned, and is the polygon they draw.

    Raises:
        TruncatedError: A coordinate is no number.
    """
    for layer, annotation in enumerate(root.findall("./Annotation")):
        label = annotation.get("Name", "").strip()
        for region in annotation.findall("./Regions/Region"):
            kind = region.get("Type", "Polygon").strip()
            if kind not in {"Polygon", "Rectangle", "Ellipse"} or is_set(region.get("HasEndcaps")):
                outlines.ignore(kind if kind in {"Ruler", "Pin"} else f"open {kind}")
                continue
            is_negative = is_set(region.get("NegativeROA"))
            vertices = region.findall("./Vertices/V")
            ring = points(((one.get("X"), one.get("Y")) for one in vertices), outlines.path, "V")
            if kind == "Ellipse" and len(ring) >= _CORNERS:
                outlines.add_ellipse(label, ring, layer=layer, is_negative=is_negative)
            elif kind == "Rectangle" and len(ring) == _CORNERS:
                outlines.add_box(label, ring, layer=layer, is_negative=is_negative)
            else:
                outlines.add(label, [ring], layer=layer, is_negative=is_negative)
