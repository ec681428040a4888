"""The resolution of a TIFF from its OME metadata or resolution tags."""

import math
import warnings

from tifffile import TiffPage

from ratiopath.errors import InvalidMppError
from ratiopath.geometry import Mpp
from ratiopath.slides.reader import MPP_HINT

_RESOLUTION, _UNIT = (282, 283), 296
"""Codes of the tags XResolution and YResolution, and of ResolutionUnit."""
_UM_PER_TAG_UNIT = {2: 25_400.0, 3: 10_000.0, 4: 1_000.0, 5: 1.0}
"""µm per ResolutionUnit: inch and centimetre (TIFF 6.0, page 38), millimetre and micrometre (common extension)."""
_DISAGREEMENT = 0.01  # relative; tags are rationals of limited precision


def tiff_mpp(ome: tuple[float, float] | None, page: TiffPage, path: str) -> Mpp | None:
    """Read the resolution of the finest level.

    If OME metadata and resolution tags disagree, OME is used and a warning issued.

    Args:
        ome: PhysicalSize in µm/px of the OME image that the page belongs to.
        page: The page of the finest level.
        path: The file.

    Returns:
        µm per pixel; None if neither is present.

    Raises:
        InvalidMppError: The resolution found is zero, negative or not finite.
    """
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
    unit = page.tags.valueof(_UNIT, default=2)  # TIFF 6.0: inch is the default
    per_unit = [_number(page.tags.valueof(code)) for code in _RESOLUTION]
    if unit not in _UM_PER_TAG_UNIT or None in per_unit:
        return None
    x, y = (_micrometres(_UM_PER_TAG_UNIT[unit], *pixels) for pixels in per_unit if pixels is not None)
    return x, y


def _number(value: object) -> tuple[float, float] | None:
    """Read a resolution as a fraction: a rational, or a number of any other type; None for what is neither."""
    match value:
        case (int() as pixels, int() as units):
            return pixels, units
        case (int() | float() as pixels,) | (int() | float() as pixels):
            return pixels, 1
    return None


def _micrometres(um_per_unit: float, pixels: float, units: float) -> float:
    """Convert `pixels / units` to µm per pixel; infinite for 0 pixels per unit."""
    if units == 0:
        return 0.0
    return um_per_unit * units / pixels if pixels else math.inf
