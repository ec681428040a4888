"""Aperio ImageScope XML: regions by layer, with negative regions."""

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from ratiopath.annotations.formats.xml import bgr_color, is_set, points
from ratiopath.annotations.outlines import LabelFrom, Outlines, ReadOptions

_BOX, _ELLIPSE = "1", "2"
_WITHOUT_AREA = {"3": "Arrow", "4": "Ruler"}
_CORNERS = 2
_SOURCES: tuple[LabelFrom, ...] = ("name", "attribute", "color", "text")


def read_imagescope(root: Element, outlines: Outlines, options: ReadOptions) -> None:
    """Read the regions of ImageScope in the order of the file.

    Types are not reliable: a region of three vertices or more is a polygon unless it is an arrow or a ruler; one of two
    is the box or the ellipse between these corners.

    Raises:
        TruncatedError: A coordinate is no number.
    """
    for layer, annotation in enumerate(root.iter("Annotation")):
        for region in annotation.findall("./Regions/Region"):
            kind = region.get("Type", "0").strip()
            if kind in _WITHOUT_AREA:
                outlines.ignore(_WITHOUT_AREA[kind])
                continue
            vertices = region.findall("./Vertices/Vertex")
            ring = points(((one.get("X"), one.get("Y")) for one in vertices), outlines.path, "Vertex")
            label, is_negative = _label(annotation, region, options), is_set(region.get("NegativeROA"))
            if len(ring) == _CORNERS and kind == _ELLIPSE:
                outlines.add_ellipse(label, ring, layer=layer, is_negative=is_negative)
            elif len(ring) == _CORNERS and kind == _BOX:
                outlines.add_box(label, ring, layer=layer, is_negative=is_negative)
            else:
                outlines.add(label, [ring], layer=layer, is_negative=is_negative)


def _label(annotation: Element, region: Element, options: ReadOptions) -> str:
    wanted = _SOURCES if options.label_from == "auto" else (options.label_from,)
    return next(filter(None, (text for source in wanted for text in _texts(source, annotation, region))), "")


def _texts(source: LabelFrom, annotation: Element, region: Element) -> Iterator[str]:
    """Yield the texts that a label may be taken from."""
    if source == "name":
        yield annotation.get("Name", "").strip()
    elif source == "attribute":
        for attribute in annotation.findall("./Attributes/Attribute"):
            yield attribute.get("Name", "").strip()
    elif source == "color":
        yield bgr_color(annotation.get("LineColor", "").strip())
    else:
        yield region.get("Text", "").strip()
