"""Writers of small annotation files: one annotation in the XML of each program.

An annotation is a list of pairs of a label and the vertices of its shell, in pixels of level 0.
"""

from collections.abc import Sequence
from xml.sax.saxutils import quoteattr

Outline = tuple[str, Sequence[tuple[float, float]]]
"""Label and vertices."""


def asap(outlines: Sequence[Outline], kind: str = "Polygon") -> bytes:
    parts = [
        f'<Annotation Name="Annotation {number}" Type="{kind}" PartOfGroup={quoteattr(label or "None")}>'
        "<Coordinates>"
        + "".join(f'<Coordinate Order="{order}" X="{x!r}" Y="{y!r}" />' for order, (x, y) in enumerate(ring))
        + "</Coordinates></Annotation>"
        for number, (label, ring) in enumerate(outlines)
    ]
    groups = "".join(f'<Group Name={quoteattr(label)} PartOfGroup="None" />' for label in {one for one, _ in outlines})
    body = f"<Annotations>{''.join(parts)}</Annotations><AnnotationGroups>{groups}</AnnotationGroups>"
    return f'<?xml version="1.0"?>\n<ASAP_Annotations>{body}</ASAP_Annotations>\n'.encode()


def imagescope(outlines: Sequence[Outline], kind: str = "0") -> bytes:
    parts = [
        f'<Annotation Id="{number}" Name={quoteattr(label)} LineColor="65280"><Regions>'
        + region(ring, kind)
        + "</Regions></Annotation>"
        for number, (label, ring) in enumerate(outlines, start=1)
    ]
    return f'<Annotations MicronsPerPixel="0.25">{"".join(parts)}</Annotations>'.encode()


def region(ring: Sequence[tuple[float, float]], kind: str = "0", *, is_negative: bool = False, text: str = "") -> str:
    """Return a region of ImageScope."""
    vertices = "".join(f'<Vertex X="{x!r}" Y="{y!r}" Z="0"/>' for x, y in ring)
    head = f'<Region Id="1" Type="{kind}" NegativeROA="{int(is_negative)}" Text={quoteattr(text)}>'
    return f"{head}<Vertices>{vertices}</Vertices></Region>"


def halo(outlines: Sequence[Outline], kind: str = "Polygon", attributes: str = "") -> bytes:
    parts = [
        f'<Annotation LineColor="65280" Name={quoteattr(label)} Visible="True"><Regions>'
        f'<Region Type="{kind}" HasEndcaps="0" NegativeROA="0" {attributes}><Vertices>'
        + "".join(f'<V X="{x!r}" Y="{y!r}" />' for x, y in ring)
        + "</Vertices></Region></Regions></Annotation>"
        for label, ring in outlines
    ]
    return f"<Annotations>{''.join(parts)}</Annotations>".encode()


def ndpa(
    outlines: Sequence[Outline], nm: tuple[float, float] = (1.0, 1.0), centre: tuple[float, float] = (0.0, 0.0)
) -> bytes:
    """Write NDPA at `(pixel - centre) * nm`."""
    parts = [
        f'<ndpviewstate id="{number}"><title>{label}</title><annotation type="freehand" displayname="AnnotateFreehand">'
        "<closed>1</closed><pointlist>"
        + "".join(
            f"<point><x>{(x - centre[0]) * nm[0]!r}</x><y>{(y - centre[1]) * nm[1]!r}</y></point>" for x, y in ring
        )
        + "</pointlist></annotation></ndpviewstate>"
        for number, (label, ring) in enumerate(outlines)
    ]
    return f'<?xml version="1.0" encoding="utf-8"?><annotations>{"".join(parts)}</annotations>'.encode()
