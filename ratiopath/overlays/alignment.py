"""Alignment of a raster overlay with its slide, and the refusal of one that cannot be right.

The question: which pixels of level 0 does a pixel of the overlay cover? `auto` takes the first case that holds
(docs/decisions/0018-alignment.md; the terms are those of `ratiopath.overlays.fit`):

    fits                  by resolution
    in the box            fits the scanned bounding box: refused
    either                compatible with slide and box, which differ: refused
    imprecise resolution  compatible, and the factors differ by 5 % at most: by size, with a remark
    no resolution         compatible: by size
    in the box            compatible with the scanned bounding box, not the slide: refused
    wrong resolution      compatible: refused
    part of the slide     ends within the slide by resolution: by resolution from the corner, with a warning
    other slide           refused

Pure arithmetic: nothing here opens a file.
"""

from dataclasses import dataclass
from typing import Literal

from ratiopath.errors import MisalignedError, MissingMppError
from ratiopath.frame import SlideFrame
from ratiopath.geometry import Extent, Mpp
from ratiopath.overlays.fit import Fit, Pair, RasterFrame
from ratiopath.slides.reader import NO_MPP

Align = Literal["auto", "mpp", "extent", "bounds"]
"""Rule: `mpp` goes by the resolutions, unchecked; `extent` lays the overlay over the whole slide; `bounds` over its
scanned bounding box; `auto` decides between the first two, and refuses what cannot be right."""
Case = Literal["fits", "imprecise resolution", "no resolution", "part of the slide", "mpp", "extent", "bounds"]
"""Reason of an alignment: a case of `auto`, or the setting."""
MAX_DIFFERENCE, MAX_DIFFERENCE_PX = 0.02, 2.0
"""Largest drift without a remark where nothing is refused: the larger of a share of the slide, and overlay pixels."""

MIN_WHOLE = 1000
"""Smallest number that is shown without decimals."""


@dataclass(frozen=True, slots=True)
class Alignment:
    """Place of a raster overlay on its slide."""

    case: Case
    """Reason."""
    mpp: Mpp
    """Resolution of level 0 of the overlay, µm/px; px of level 0 of a slide without resolution per px."""
    origin: Pair
    """Corner of the overlay, px of level 0 of the slide."""
    scale: Pair | None
    """Factor s by resolution, px of level 0 per px of the overlay; None if a resolution is unknown."""
    downsample: Pair
    """Factor by size, of the slide or of its bounding box."""
    drift: Pair | None
    """Distance between the far edges by resolution, px of level 0; None if a resolution is unknown."""
    remark: str | None = None
    """Finding, a sentence without its subject; None if there is none."""
    is_suspicious: bool = False
    """True if a person should look at the remark."""


def align_raster(overlay: RasterFrame, slide: SlideFrame, align: Align = "auto") -> Alignment:
    """Lay a raster overlay over its slide.

    Args:
        overlay: Level 0 of the overlay.
        slide: Level 0 of the slide. Without a resolution, its pixel is the unit of length.
        align: The rule.

    Raises:
        MisalignedError: Under `auto`, sizes and resolutions contradict each other, or the overlay lies elsewhere.
        MissingMppError: The rule needs a resolution, or the size of the slide, and it is unknown.
    """
    if slide.extent is None:
        problem = f"{overlay.path!r} cannot be aligned with a slide of unknown size"
        raise MissingMppError(problem, path=overlay.path, hint="pass slide_path=")
    whole = Fit.of(overlay, slide, slide.extent)
    if align == "mpp":
        return _by_resolution(overlay, slide, whole, "mpp")
    if align == "extent":
        remark = None if whole.is_compatible else f"is stretched: {_pair(whole.downsample)} px of level 0 per px"
        return _by_size(slide, whole, "extent", remark, is_suspicious=True)
    if align == "bounds":
        box = _box(overlay, slide) or whole
        if box.is_compatible and not box.fits:
            return _by_size(slide, box, "bounds")
        return _by_resolution(overlay, slide, box, "bounds")
    return _decide(overlay, slide, whole)


def _decide(overlay: RasterFrame, slide: SlideFrame, whole: Fit) -> Alignment:
    if whole.fits:
        return _by_resolution(overlay, slide, whole, "fits")
    box = _box(overlay, slide)
    if box is not None and box.fits:
        raise _lies_in_box(overlay, slide, box, whole)
    is_unknown = whole.scale is None or whole.is_screen
    if whole.is_imprecise or (whole.is_compatible and is_unknown):
        if box is not None and (box.is_compatible if is_unknown else box.is_imprecise) and _differ(whole, box):
            raise _lies_in_either(overlay, slide, box, whole)
        if is_unknown:
            return _by_size(slide, whole, "no resolution")
        return _by_size(slide, whole, "imprecise resolution", _imprecise(whole))
    if box is not None and (box.is_imprecise or (box.is_compatible and not whole.is_compatible)):
        raise _lies_in_box(overlay, slide, box, whole)
    if whole.scale is None:
        raise _no_resolution(overlay, slide, whole)
    if whole.is_compatible:
        raise _wrong_resolution(overlay, slide, whole)
    if whole.is_within:
        return _by_resolution(overlay, slide, whole, "part of the slide")
    raise _no_image_of(overlay, slide, whole)


def _by_resolution(overlay: RasterFrame, slide: SlideFrame, fit: Fit, case: Case) -> Alignment:
    """Align by resolution from the corner of the box, with a remark if the overlay ends elsewhere."""
    if overlay.mpp is None or fit.scale is None or fit.spanned is None:
        raise _no_resolution(overlay, slide, fit)
    is_part = case == "part of the slide"
    remark = None
    if is_part or not fit.drifts_within(lambda s, length: max(MAX_DIFFERENCE * length, MAX_DIFFERENCE_PX * s)):
        found = "covers a part of the slide" if is_part else "differs in size"
        whole = "the slide" if fit.extent == slide.extent else "the scanned box"
        remark = f"{found}: {_pair(fit.spanned)} px of level 0, where {whole} has {_size(fit.extent)} px"
    return Alignment(case, overlay.mpp, fit.origin, fit.scale, fit.downsample, fit.drift, remark, remark is not None)


def _by_size(
    slide: SlideFrame, fit: Fit, case: Case, remark: str | None = None, *, is_suspicious: bool = False
) -> Alignment:
    level0 = slide.mpp or Mpp(1.0, 1.0)
    mpp = Mpp(level0.x * fit.downsample[0], level0.y * fit.downsample[1])
    is_suspicious = is_suspicious and remark is not None
    return Alignment(case, mpp, fit.origin, fit.scale, fit.downsample, fit.drift, remark, is_suspicious)


def _box(overlay: RasterFrame, slide: SlideFrame) -> Fit | None:
    """Compare the overlay with the scanned bounding box, if there is one."""
    if slide.bounds is None:
        return None
    left, top, width, height = slide.bounds
    return Fit.of(overlay, slide, Extent(width, height), (float(left), float(top)))


def _differ(whole: Fit, box: Fit) -> bool:
    """Return True if an edge of the slide lies more than a pixel of the overlay from that of the box."""
    ends = (
        whole.extent.width - box.origin[0] - box.extent.width,
        whole.extent.height - box.origin[1] - box.extent.height,
    )
    sides = zip((*box.origin, *map(abs, ends)), (*whole.downsample, *whole.downsample), strict=True)
    return any(off > pixel for off, pixel in sides)


def _imprecise(fit: Fit) -> str:
    return (
        f"is aligned by size: a pixel is {_pair(fit.downsample)} px of level 0, not {_pair(fit.scale)} as the "
        f"resolutions say, which would drift by {_pair(fit.drift)} px"
    )


def _lies_in_box(overlay: RasterFrame, slide: SlideFrame, box: Fit, whole: Fit) -> MisalignedError:
    left, top = box.origin
    problem = (
        f"{overlay.path!r} of {_size(overlay.extent)} px fits the scanned box of {_size(box.extent)} px at "
        f"({left:.0f}, {top:.0f}) of {slide.path!r}, not all of its {_size(whole.extent)} px"
    )
    return MisalignedError(problem, path=overlay.path, hint="set overlays.NAME.align: bounds (align=)")


def _lies_in_either(overlay: RasterFrame, slide: SlideFrame, box: Fit, whole: Fit) -> MisalignedError:
    left, top = box.origin
    problem = (
        f"{overlay.path!r} of {_size(overlay.extent)} px may lie over all of the {_size(whole.extent)} px of "
        f"{slide.path!r} or over its scanned box of {_size(box.extent)} px at ({left:.0f}, {top:.0f}): the size goes "
        "with both"
    )
    return MisalignedError(problem, path=overlay.path, hint="set overlays.NAME.align: extent or bounds (align=)")


def _wrong_resolution(overlay: RasterFrame, slide: SlideFrame, fit: Fit) -> MisalignedError:
    problem = (
        f"{overlay.path!r} or its slide {slide.path!r} has a wrong resolution: a pixel of the overlay is "
        f"{_pair(fit.scale)} px of level 0 by the resolutions {_resolutions(overlay, slide)}, but "
        f"{_pair(fit.downsample)} px by the sizes {_size(overlay.extent)} and {_size(fit.extent)} px"
    )
    hint = (
        "set overlays.NAME.align: extent (align=) to go by the sizes, or correct overlays.NAME.mpp (overlay_mpp=) or "
        "slide_mpp"
    )
    return MisalignedError(problem, path=overlay.path, hint=hint)


def _no_image_of(overlay: RasterFrame, slide: SlideFrame, fit: Fit) -> MisalignedError:
    problem = (
        f"{overlay.path!r} is no image of the slide {slide.path!r}: its {_size(overlay.extent)} px span "
        f"{_pair(fit.spanned)} px of level 0 by the resolutions {_resolutions(overlay, slide)}, and the slide has "
        f"{_size(fit.extent)} px"
    )
    hint = (
        "check that it belongs to this slide; correct overlays.NAME.mpp (overlay_mpp=), or set overlays.NAME.align: "
        "mpp (align=) to lay it at the corner as it is"
    )
    return MisalignedError(problem, path=overlay.path, hint=hint)


def _no_resolution(overlay: RasterFrame, slide: SlideFrame, fit: Fit) -> MissingMppError:
    sizes = f"the overlay has {_size(overlay.extent)} px, the slide {_size(fit.extent)} px"
    if overlay.mpp is None:
        problem = f"{overlay.path!r} has no resolution ({NO_MPP}), and is not aligned by size: {sizes}"
        hint = "set overlays.NAME.mpp (overlay_mpp=) or write the tags" + (
            ", or remove overlays.NAME.align (align=)"
            if fit.is_compatible
            else "; add overlays.NAME.align: mpp (align=) if it reaches beyond the slide"
        )
        return MissingMppError(problem, path=overlay.path, hint=hint)
    problem = f"slide {slide.path!r} has no resolution ({NO_MPP}), and {overlay.path!r} is not aligned by size: {sizes}"
    hint = "set slide_mpp, or a column mpp in the manifest"
    return MissingMppError(problem, path=slide.path or overlay.path, hint=hint)


def _resolutions(overlay: RasterFrame, slide: SlideFrame) -> str:
    found = [f"{mpp.x:.4g} x {mpp.y:.4g}" for mpp in (overlay.mpp, slide.mpp) if mpp is not None]
    return f"{' and '.join(found)} µm/px"


def _size(extent: Extent) -> str:
    return f"{extent.width:,} x {extent.height:,}"


def _pair(numbers: Pair | None) -> str:
    return " x ".join(f"{number:,.0f}" if number >= MIN_WHOLE else f"{number:.5g}" for number in numbers or ())
