"""The choice of a reader of XML annotations by the elements of the file."""

from collections.abc import Callable, Mapping
from xml.etree.ElementTree import Element

from ratiopath.annotations.formats.asap import read_asap
from ratiopath.annotations.formats.halo import read_halo
from ratiopath.annotations.formats.imagescope import read_imagescope
from ratiopath.annotations.formats.ndpa import read_ndpa
from ratiopath.annotations.formats.xml import parse_xml, xml_format
from ratiopath.annotations.outlines import Format, Outlines, ReadOptions
from ratiopath.errors import UnsupportedFormatError

_OBJECTS: Mapping[Format, str] = {"asap": "Annotation", "imagescope": "Region", "halo": "Region", "ndpa": "annotation"}
"""Element of each object that is read or counted."""
_READERS: Mapping[Format, Callable[[Element, Outlines, ReadOptions], None]] = {
    "asap": read_asap,
    "imagescope": read_imagescope,
    "halo": read_halo,
    "ndpa": read_ndpa,
}


def read_xml(content: bytes, path: str, options: ReadOptions, begin: Callable[[Format], Outlines]) -> Outlines:
    """Read XML annotations.

    Args:
        content: The file.
        path: Its path.
        options: Options of reading.
        begin: Returns no outlines yet of a format; raises if it is not the one insisted on.

    Raises:
        UnsupportedFormatError: The elements are those of no supported format, or objects stand in other places.
        TruncatedError: The file is damaged.
    """
    root = parse_xml(content, path)
    found = xml_format(root, options.format)
    if found is None:
        problem = f"{path!r} is XML in no supported format (its root element is {root.tag!r})"
        raise UnsupportedFormatError(problem, path=path, hint="export it as XML of ASAP, ImageScope or HALO")
    outlines = begin(found)
    _READERS[found](root, outlines, options)
    _require_all(root, _OBJECTS[found], outlines)
    return outlines


def _require_all(root: Element, tag: str, outlines: Outlines) -> None:
    """Raise if objects stand where the format has none: they would be dropped in silence."""
    passed_over = sum(1 for _ in root.iter(tag)) - len(outlines.labels) - outlines.ignored.total()
    if passed_over:
        problem = f"{outlines.path!r} has {passed_over} element(s) {tag} in places where {outlines.format} has none"
        raise UnsupportedFormatError(problem, path=outlines.path, hint="export it again, or as GeoJSON")
