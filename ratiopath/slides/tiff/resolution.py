"""The resolution of a TIFF from its OME metadata or resolution tags."""

import math
import warnings
from xml.etree import ElementTree as ET

from tifffile import TiffFile, TiffPage

from ratiopath.errors import InvalidMppError
from ratiopath.geometry import Mpp
from ratiopath.slides.reader import MPP_HINT

_UM_PER_TAG_UNIT = {2: 25_400.0, 3: 10_000.0, 4: 1_000.0, 5: 1.0}
"""µm per ResolutionUnit: inch and centimetre (TIFF 6.0, page 38), millimetre and micrometre (common extension)."""
_UM_PER_OME_UNIT = {
    "pm": 1e-6, "Å": 1e-4, "nm": 1e-3, "µm": 1.0, "μm": 1.0, "um": 1.0, "mm": 1e3, "cm": 1e4, "dm": 1e5, "m": 1e6,
    "in": 25_400.0, "ft": 304_800.0, "pt": 25_400.0 / 72, "thou": 25.4, "mil": 25.4,
}  # fmt: skip
"""µm per UnitsLength of the OME schema; µ occurs as the micro sign and as the Greek letter."""
_DISAGREEMENT = 0.01  # relative; tags are rationals of limited precision


def tiff_mpp(tiff: TiffFile, page: TiffPage, path: str) -> Mpp | None:
    """Read the resolution of the finest level.

    If OME metadata and resolution tags disagree, OME is used and a warning issued.

    Returns:
        µm per pixel; None if neither is present.

    Raises:
        InvalidMppError: The resolution found is zero, negative or not finite.
    """
    ome = _ome_mpp(tiff.ome_metadata) if tiff.is_ome and tiff.ome_metadata else None
    tags = _tag_mpp(page)
    if ome is None:
        return None if tags is None else _checked(tags, path, "resolution tags")
    mpp = _checked(ome, path, "OME PhysicalSize")
    if tags is not None and not all(math.isclose(a, b, rel_tol=_DISAGREEMENT) for a, b in zip(tags, ome, strict=True)):
        warnings.warn(
            f"resolutions in {path!r} disagree: tags {tags}, OME PhysicalSize {ome} µm/px; OME is used",
            stacklevel=2,
        )
    return mpp


def _checked(found: tuple[float, float], path: str, source: str) -> Mpp:
    if not all(math.isfinite(value) and value > 0 for value in found):
        problem = f"{path!r} has an invalid resolution ({source} {found[0]} x {found[1]} µm/px)"
        raise InvalidMppError(problem, path=path, hint=MPP_HINT)
    return Mpp(*found)


def _tag_mpp(page: TiffPage) -> tuple[float, float] | None:
    unit = page.tags.valueof("ResolutionUnit", default=2)  # TIFF 6.0: inch is the default
    resolution = page.tags.valueof("XResolution"), page.tags.valueof("YResolution")
    if unit not in _UM_PER_TAG_UNIT or None in resolution:
        return None
    x, y = (_micrometres(_UM_PER_TAG_UNIT[unit], *pixels) for pixels in resolution)
    return x, y


def _micrometres(um_per_unit: float, pixels: int, units: int) -> float:
    """Convert the rational `pixels / units` to µm per pixel; infinite for 0 pixels per unit."""
    if units == 0:
        return 0.0
    return um_per_unit * units / pixels if pixels else math.inf


def _ome_mpp(xml: str) -> tuple[float, float] | None:
    try:
        root = ET.fromstring(xml)  # noqa: S314 - Python's expat is built with the entity-expansion limit
    except ET.ParseError:
        return None
    pixels = root.find(".//{*}Pixels")
    if pixels is None:
        return None
    sizes = []
    for axis in "XY":
        size = pixels.get(f"PhysicalSize{axis}")
        um_per_unit = _UM_PER_OME_UNIT.get(pixels.get(f"PhysicalSize{axis}Unit", "µm"))
        if size is None or um_per_unit is None:  # "pixel" and "reference frame" are units of OME, but no lengths
            return None
        sizes.append(_number(size) * um_per_unit)
    return sizes[0], sizes[1]


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
