"""Placement of outlines on level 0 of a slide, and the check that they lie on it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import shapely

from ratiopath.annotations.annotations import Annotations
from ratiopath.annotations.outlines import Outlines
from ratiopath.errors import MisalignedError, MissingMppError
from ratiopath.frame import SlideFrame

MAX_OUTSIDE = 0.01
"""Largest share of the annotated area that may lie outside of the slide."""
HALO_BLOCK = 256
"""HALO counts from the bounding box's corner, rounded down to this many px."""
FACTORS = (2, 4, 8, 16, 32, 64)
"""Factors between levels that are tried on outlines outside of the slide."""
MIN_SPAN = 0.02
"""Share of the slide's width or height that outlines span at least in another unit: in nm anything would fit."""
_MICROMETRES = {"um": 1.0, "mm": 1000.0, "nm": 0.001}

Pair = tuple[float, float]
"""Numbers along x and y."""


@dataclass(frozen=True, slots=True)
class FrameOptions:
    """Frame in which annotations were drawn."""

    origin: Literal["level0", "bounds", "halo"] | Pair | None = None
    """Origin of the coordinates: the corner of level 0, of the scanned bounding box, HALO's, or a point in px of level
    0; None for the corner of level 0, unless the slide has a bounding box."""
    unit: Literal["px", "um", "mm", "nm"] = "px"
    """Unit of the coordinates."""
    level: int = 0
    """Level in whose pixels they are."""
    y: Literal["down", "up"] = "down"
    """Direction of y; with up, it counts from the bottom of the slide or of the bounding box."""


def place(outlines: Outlines, slide: SlideFrame, options: FrameOptions) -> Annotations:
    """Place outlines on level 0 of a slide, and check that they lie on it.

    Args:
        outlines: Outlines in the frame of their file.
        slide: Frame of the slide.
        options: Frame in which they were drawn.

    Raises:
        MisalignedError: The origin must be said, a part of the frame is not known, or more than MAX_OUTSIDE of the area
            lies outside of the slide.
        MissingMppError: The slide has no resolution and the unit needs it.
        TruncatedError: A coordinate is not finite.
    """
    if outlines.frame == "slide_centre":
        scale, offset = _from_slide_centre(outlines.path, slide)
    else:
        _require_origin(outlines, slide, options)
        scale, offset = _from_corner(outlines.path, slide, options)
    annotations = Annotations.of(outlines, scale, offset)
    _require_inside(annotations, slide, options if outlines.frame == "pixels" else None, offset)
    return annotations


def _from_slide_centre(path: str, slide: SlideFrame) -> tuple[Pair, Pair]:
    """Return the scale and offset of nm from the centre of the physical slide.

    px = (nm - centre_offset_nm) / (1000 mpp) + extent / 2, per axis; OpenSlide gives the offset of Hamamatsu's slides.
    """
    mpp, extent = _mpp_of(path, slide), slide.extent
    if extent is None or slide.centre_offset_nm is None:
        problem = (
            f"{path!r} counts from the centre of the physical slide, which {_named(slide)} does not tell "
            "(hamamatsu.XOffsetFromSlideCentre)"
        )
        raise MisalignedError(problem, path=path, hint="pass the .ndpi slide (slide_path=), or export it as GeoJSON")
    scale = 1 / (1000 * mpp[0]), 1 / (1000 * mpp[1])
    x, y = slide.centre_offset_nm
    return scale, (extent.width / 2 - x * scale[0], extent.height / 2 - y * scale[1])


def _from_corner(path: str, slide: SlideFrame, options: FrameOptions) -> tuple[Pair, Pair]:
    """Return the scale and offset of pixels or a physical unit from a corner."""
    x, y = _scale(path, slide, options)
    left, top = _origin(slide, options)
    if options.y == "down":
        return (x, y), (left, top)
    if slide.extent is None:
        raise MisalignedError(
            f"{path!r} counts y from the bottom of a slide that is not known", path=path, hint="pass slide_path="
        )
    height = slide.bounds[3] if options.origin == "bounds" and slide.bounds else slide.extent.height
    return (x, -y), (left, top + height)


def _scale(path: str, slide: SlideFrame, options: FrameOptions) -> Pair:
    if options.unit != "px":
        mpp, factor = _mpp_of(path, slide), _MICROMETRES[options.unit]
        return factor / mpp[0], factor / mpp[1]
    if options.level >= len(slide.downsamples):
        problem = (
            f"{path!r} is drawn on level {options.level}, but {_named(slide)} has {len(slide.downsamples)} level(s)"
        )
        raise MisalignedError(problem, path=path, hint="correct overlays.NAME.level (level=)")
    return slide.downsamples[options.level]


def _mpp_of(path: str, slide: SlideFrame) -> Pair:
    if slide.mpp is None:
        problem = f"{path!r} has coordinates in a physical unit, and {_named(slide)} no resolution"
        raise MissingMppError(problem, path=path, hint="set slide_mpp, or overlay_mpp=")
    return slide.mpp.x, slide.mpp.y


def _origin(slide: SlideFrame, options: FrameOptions) -> Pair:
    if isinstance(options.origin, tuple):
        return options.origin
    if slide.bounds is None or options.origin == "level0":
        return 0.0, 0.0
    left, top, _, _ = slide.bounds
    if options.origin == "bounds":
        return float(left), float(top)
    return float(left - left % HALO_BLOCK), float(top - top % HALO_BLOCK)


def _require_origin(outlines: Outlines, slide: SlideFrame, options: FrameOptions) -> None:
    """Raise if outlines lie on a slide with a bounding box and no origin is set; says where by each reading."""
    if slide.bounds is None or options.origin is not None:
        return
    left, top, width, height = slide.bounds
    path, places = outlines.path, []
    origins: tuple[Literal["level0", "bounds", "halo"], ...] = "level0", "bounds", "halo"
    if len({_from_corner(path, slide, replace(options, origin=origin)) for origin in origins}) == 1:
        return  # the box begins where the slide does
    for origin in origins[:2]:
        scale, offset = _from_corner(path, slide, replace(options, origin=origin))
        polygons, _ = outlines.polygons(scale, offset)
        if not len(polygons):
            return
        box = shapely.total_bounds(polygons)
        places.append(f"{_span(box[:2], box[2:])} with {origin}")
    problem = (
        f"{path!r} may count from the corner of {_named(slide)} or, as QuPath and HALO do, from that of its scanned "
        f"box of {width} x {height} px, {_span((left, top), (left + width, top + height))}; the outlines "
        f"would span {' and '.join(places)}"
    )
    raise MisalignedError(problem, path=path, hint="set overlays.NAME.origin (origin=) to level0, bounds or halo")


def _span(low: Sequence[float] | np.ndarray, high: Sequence[float] | np.ndarray) -> str:
    return f"({low[0]:.0f}, {low[1]:.0f}) to ({high[0]:.0f}, {high[1]:.0f})"


def _require_inside(annotations: Annotations, slide: SlideFrame, options: FrameOptions | None, origin: Pair) -> None:
    """Raise if too much lies outside; the options are None if the file says its frame itself."""
    positive = annotations.polygons[~annotations.is_negative]
    if slide.extent is None or not len(positive):
        return
    width, height = slide.extent.width, slide.extent.height
    total, inside = float(shapely.area(positive).sum()), 0.0
    bounds = shapely.bounds(positive)
    is_inside = (bounds[:, :2] >= 0).all(axis=1) & (bounds[:, 2] <= width) & (bounds[:, 3] <= height)
    inside += float(shapely.area(positive[is_inside]).sum())
    inside += float(shapely.area(shapely.clip_by_rect(positive[~is_inside], 0, 0, width, height)).sum())
    outside = 1 - inside / total
    if outside > MAX_OUTSIDE:
        low, high = bounds[:, :2].min(axis=0), bounds[:, 2:].max(axis=0)
        problem = (
            f"{outside:.0%} of the area of {annotations.path!r} lies outside of {_named(slide)}: the outlines "
            f"span {_span(low, high)}, the slide has {width} x {height} px"
        )
        raise MisalignedError(problem, path=annotations.path, hint=_remedy(low, high, slide, options, origin))


def _other_scales(slide: SlideFrame, options: FrameOptions) -> dict[str, np.ndarray]:
    """Return the factor of each other unit or level of the coordinates against the one that was set."""
    factors: dict[str, np.ndarray] = {}
    if options.unit != "px" and slide.mpp is not None:
        factors["unit: px"] = np.array([slide.mpp.x, slide.mpp.y]) / _MICROMETRES[options.unit]
    elif options.level:
        factors["level: 0"] = 1 / np.array(slide.downsamples[options.level])
    elif slide.mpp is not None:
        for unit in ("um", "nm"):
            factors[f"unit: {unit}"] = _MICROMETRES[unit] / np.array([slide.mpp.x, slide.mpp.y])
    return factors


def _named(slide: SlideFrame) -> str:
    return "the slide" if slide.path is None else f"the slide {slide.path!r}"


def _remedy(low: np.ndarray, high: np.ndarray, slide: SlideFrame, options: FrameOptions | None, origin: Pair) -> str:
    """Name the settings with which the outlines would lie on the slide; a factor leaves the origin where it is."""
    extent, fitting = slide.extent, []
    if extent is None or options is None:
        return "check that the annotation belongs to this slide"
    size = np.array([extent.width, extent.height])

    def fits(factor: np.ndarray | float, offset: np.ndarray | float = 0.0) -> bool:
        begin, end = ((corner - origin) * factor + origin + offset for corner in (low, high))
        return bool((begin >= 0).all() and (end <= size).all())

    if slide.bounds is not None:
        corner = np.array(slide.bounds[:2])
        name, by = ("level0", -corner) if options.origin == "bounds" else ("bounds", corner)
        fitting += [f"origin: {name}"] if fits(1.0, by) else []
    scales = _other_scales(slide, options).items()
    fitting += [name for name, factor in scales if fits(factor) and ((high - low) * factor >= MIN_SPAN * size).any()]
    divisor = next((factor for factor in FACTORS if fits(1 / factor)), None)
    if divisor:
        fitting.append(f"coordinates divided by {divisor}")
    found = f"; these would fit: {', '.join(fitting)}" if fitting else ""
    return f"check that the annotation belongs to this slide, and overlays.NAME.origin, unit and level{found}"
