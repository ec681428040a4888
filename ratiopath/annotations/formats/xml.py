"""Parsing of XML annotations without entities, and their numbers."""

import re
from collections.abc import Iterable
from xml.etree.ElementTree import Element, ParseError, XMLParser

import numpy as np

from ratiopath.annotations.outlines import Format
from ratiopath.errors import TruncatedError, UnsupportedFormatError
from ratiopath.geometry import Float64s

MAX_DEPTH = 100
"""Depth of nested elements."""
_UNSET = {"", "0", "false", "no"}
_NUMBER = re.compile(r"\s*[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?\s*", re.ASCII)


class _Tree:
    """Target of the parser: builds elements without their namespaces, refuses a DOCTYPE and deep nesting."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.root: Element | None = None
        self.open: list[Element] = []
        self.text: list[str] = []

    def doctype(self, *_: object) -> None:
        problem = f"{self.path!r} has a DOCTYPE, which may define entities without end"
        raise UnsupportedFormatError(problem, path=self.path, hint="remove the DOCTYPE, or export the file again")

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        element = Element(tag.rpartition("}")[2], attributes)
        if self.open:
            self.open[-1].append(element)
        else:
            self.root = element
        self.open.append(element)
        self.text = []
        if len(self.open) > MAX_DEPTH:
            problem = f"{self.path!r} has XML elements nested more than {MAX_DEPTH} deep"
            raise UnsupportedFormatError(problem, path=self.path, hint="export the file again")

    def data(self, text: str) -> None:
        self.text.append(text)

    def end(self, _: str) -> None:
        element = self.open.pop()
        if not len(element):
            element.text = "".join(self.text)
        self.text = []

    def close(self) -> Element | None:
        return self.root


def parse_xml(content: bytes, path: str) -> Element:
    """Parse an XML file.

    Args:
        content: The file.
        path: Its path.

    Returns:
        The root element, its tags without namespaces; only elements without children keep their text.

    Raises:
        UnsupportedFormatError: The file has a DOCTYPE, or is nested more than MAX_DEPTH deep.
        TruncatedError: The file is not well-formed, such as one cut short.
    """
    parser = XMLParser(target=_Tree(path))  # noqa: S314 - entities need a DOCTYPE, which is refused
    try:
        parser.feed(content)
        root: Element = parser.close()
    except (ParseError, ValueError, LookupError) as error:  # not well-formed; of an unknown encoding
        reason = str(error)
        raise TruncatedError(
            f"{path!r} is damaged XML: {reason}", path=path, hint="copy or export the file again"
        ) from None
    return root


def xml_format(root: Element, wanted: Format | None = None) -> Format | None:
    """Recognise a format by its elements; None if it is none of those that are read.

    Args:
        root: The root element.
        wanted: Format of a file that has no outlines and may be of several formats.
    """
    if root.tag == "ASAP_Annotations" or root.find("./Annotation/Coordinates") is not None:
        return "asap"
    if root.tag == "Annotations":
        vertices = root.find("./Annotation/Regions/Region/Vertices/*")
        if vertices is None:
            return wanted if wanted in {"asap", "halo"} else "imagescope"
        return "halo" if vertices.tag == "V" else "imagescope"
    is_ndpa = root.tag == "annotations" and (not len(root) or root.find("ndpviewstate") is not None)
    return "ndpa" if is_ndpa else None


def number(text: str | None, path: str, element: str) -> float:
    """Read a decimal number with a point or a comma.

    Args:
        text: The text; None if it is missing.
        path: The file.
        element: Element in the message.

    Raises:
        TruncatedError: It is missing or no such number.
    """
    if text is None or not _NUMBER.fullmatch(text):
        found = "no number" if text is None else f"{text[:40]!r}"
        problem = f"{path!r} has {found} as a coordinate of {element}"
        raise TruncatedError(problem, path=path, hint="correct the file, or export it again")
    return float(text.replace(",", "."))


def points(pairs: Iterable[tuple[str | None, str | None]], path: str, element: str) -> Float64s:
    """Read coordinates.

    Args:
        pairs: Texts of x and y.
        path: The file.
        element: Element in the message.

    Returns:
        float64, shape (points, 2).

    Raises:
        TruncatedError: One is missing or no number.
    """
    found = [(number(x, path, element), number(y, path, element)) for x, y in pairs]
    return np.array(found, dtype=np.float64).reshape(len(found), 2)


def is_set(text: str | None) -> bool:
    """Return True for the text of a flag that is set, such as 1 or True."""
    return (text or "").strip().lower() not in _UNSET


def bgr_color(text: str) -> str:
    """Write a colour 0x00BBGGRR in decimal as #RRGGBB; another text stays as it is."""
    if not text.isdecimal() or int(text) >> 24:
        return text
    value = int(text)
    return f"#{value & 255:02X}{value >> 8 & 255:02X}{value >> 16 & 255:02X}"
