"""The choice of a reader of XML annotations by the elements of the file."""

from collections.abc import Callable, Mapping
from xml.etree.ElementTree import Element

from ratiopath.annotations.asap import read_asap
from ratiopath.annotations.halo import read_halo
from ratiopath.annotations.imagescope import read_imagescope
from ratiopath.annotations.ndpa import read_ndpa
from ratiopath.annotations.outlines import Format, Outlines, ReadOptions
from ratiopath.annotations.xml import parse_xml, xml_format
from ratiopath.errors import UnsupportedFormatError

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
        UnsupportedFormatError: The elements are those of no supported format.
        TruncatedError: The file is damaged.
    """
    root = parse_xml(content, path)
    found = xml_format(root, options.format)
    if found is None:
        problem = f"{path!r} is XML in no supported format (its root element is {root.tag!r})"
        raise UnsupportedFormatError(problem, path=path, hint="export it as XML of ASAP, ImageScope or HALO")
    outlines = begin(found)
    _READERS[found](root, outlines, options)
    return outlines
