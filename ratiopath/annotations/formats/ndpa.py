"""Hamamatsu NDPA: closed freehand outlines in nm from the centre of the physical slide."""

from xml.etree.ElementTree import Element

from ratiopath.annotations.formats.xml import is_set, points
from ratiopath.annotations.outlines import Outlines, ReadOptions
from ratiopath.errors import UnsupportedFormatError

_UNIT = "nanometers"


def read_ndpa(root: Element, outlines: Outlines, _: ReadOptions) -> None:
    """Read the view states of NDP.view in the order of the file; the label is the title.

    Raises:
        UnsupportedFormatError: The coordinates are not in nm.
        TruncatedError: A coordinate is no number.
    """
    outlines.frame = "slide_centre"
    for state in root.findall("./ndpviewstate"):
        label = (state.findtext("title") or "").strip()
        unit = (state.findtext("coordformat") or _UNIT).strip()
        if unit.lower() != _UNIT:
            problem = f"{outlines.path!r} has coordinates in {unit[:40]!r}, not in {_UNIT}"
            raise UnsupportedFormatError(problem, path=outlines.path, hint="export it as GeoJSON")
        for annotation in state.findall("./annotation"):
            kind = annotation.get("type", "unknown").strip()
            if kind != "freehand":
                outlines.ignore(kind)
            elif not is_set(annotation.findtext("closed")):
                outlines.ignore("open freehand")
            else:
                found = annotation.findall("./pointlist/point")
                pairs = ((point.findtext("x"), point.findtext("y")) for point in found)
                outlines.add(label, [points(pairs, outlines.path, "point")])
