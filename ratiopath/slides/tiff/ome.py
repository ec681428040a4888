"""The images of an OME-TIFF and the pages that hold each of them."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from xml.etree import ElementTree as ET

_UM_PER_UNIT = {
    "pm": 1e-6, "Å": 1e-4, "nm": 1e-3, "µm": 1.0, "μm": 1.0, "um": 1.0, "mm": 1e3, "cm": 1e4, "dm": 1e5, "m": 1e6,
    "in": 25_400.0, "ft": 304_800.0, "pt": 25_400.0 / 72, "thou": 25.4, "mil": 25.4,
}  # fmt: skip
"""UnitsLength of the OME schema that a scanner can mean; µ comes as the micro sign and as the Greek letter."""


@dataclass(frozen=True, slots=True)
class OmeImage:
    """One Image of OME-XML."""

    sizes: dict[str, int]
    """Planes along each of the axes Z, C and T; C counts samples."""
    pages: dict[int, int]
    """Page of each plane that lies in this file."""
    elsewhere: int
    """Planes in other files."""
    mpp: tuple[float, float] | None
    """PhysicalSize in µm, along x and y, unchecked; None where it is no length."""


def ome_images(xml: str, name: str, pages: int) -> tuple[OmeImage, ...]:
    """Read the images that OME-XML describes.

    Args:
        xml: The description of the first page.
        name: The file's own name, as TiffData elements of several files mention it.
        pages: Number of pages in the file.

    Returns:
        Those with at least one plane in this file, in their order; none where the XML cannot be read.
    """
    try:
        root = ET.fromstring(xml)  # noqa: S314 - Python's expat is built with the entity-expansion limit
        found = list(root.iterfind(".//{*}Pixels"))
        images = [_image(pixels, root.get("UUID"), name.lower(), pages) for pixels in found]
    except (ET.ParseError, ValueError):
        return ()
    if len(found) == 1 and found[0].find("{*}TiffData") is None and found[0].find("{*}MetadataOnly") is None:
        return (replace(images[0], pages=dict(enumerate(range(pages)))),)  # as many tools leave it out
    return tuple(image for image in images if image.pages)


def _image(pixels: ET.Element, own: str | None, name: str, pages: int) -> OmeImage:
    sizes = {axis: int(pixels.get(f"Size{axis}", "1")) for axis in "ZCT"}
    axes = [axis for axis in pixels.get("DimensionOrder", "XYZCT") if axis in sizes]
    here: dict[int, int] = {}
    elsewhere = 0
    for data in pixels.iterfind("{*}TiffData"):
        first, planes = int(data.get("IFD", "0")), _planes_of(data, pages)
        uuid = data.find("{*}UUID")
        if uuid is not None and uuid.text != own and uuid.get("FileName", "").lower() != name:
            elsewhere += planes or 1
            continue
        plane, step = 0, 1
        for axis in axes:
            plane += step * int(data.get(f"First{axis}", "0"))
            step *= sizes[axis]
        here |= {plane + index: first + index for index in range(planes) if 0 <= first + index < pages}
    return OmeImage(sizes, here, elsewhere, _mpp(pixels))


def _planes_of(data: ET.Element, pages: int) -> int:
    """Count the planes that follow one another: one where a page is named, else all pages."""
    count = data.get("PlaneCount", data.get("NumPlanes", "1" if "IFD" in data.attrib else str(pages)))
    return min(int(count), pages)


def _mpp(pixels: ET.Element) -> tuple[float, float] | None:
    x, y = _lengths(pixels)
    return None if x is None or y is None else (x, y)


def _lengths(pixels: ET.Element) -> Iterator[float | None]:
    for axis in "XY":
        size = pixels.get(f"PhysicalSize{axis}")
        um_per_unit = _UM_PER_UNIT.get(pixels.get(f"PhysicalSize{axis}Unit", "µm"))
        # "pixel" and "reference frame" are units of OME, but no lengths
        yield None if size is None or um_per_unit is None else _number(size) * um_per_unit


def _number(text: str) -> float:
    try:
        return math.nan if "_" in text else float(text)  # Python reads 0_5 as 5
    except ValueError:
        return math.nan
