"""The only place that opens overlays."""

import warnings
from dataclasses import replace

from ratiopath.annotations import is_annotation, read_outlines
from ratiopath.annotations.placement import place
from ratiopath.errors import MissingMppError, ParameterError, SlideError
from ratiopath.frame import SlideFrame
from ratiopath.geometry import Mpp
from ratiopath.overlays.alignment import align_raster
from ratiopath.overlays.fit import RasterFrame
from ratiopath.overlays.overlay import AnnotationOptions, Overlay, OverlaySettings
from ratiopath.overlays.raster import RasterOverlay
from ratiopath.overlays.vector import VectorOverlay
from ratiopath.slides import open_slide
from ratiopath.slides.frame import read_frame
from ratiopath.slides.reader import NO_MPP

_DEFAULTS = OverlaySettings()


def open_overlay(source: str, settings: OverlaySettings = _DEFAULTS, slide: str | None = None) -> Overlay:
    """Open an overlay: an image, or an annotation, by its content.

    Args:
        source: The file, or its URI.
        settings: Options of the overlay.
        slide: The slide, whose headers are read: an image is aligned with it by `settings.align`, and it is the frame
            of an annotation. Without it nothing is known of the slide's edges and bounding box: an image lies at its
            corner, and `settings.mpp` is the resolution of an annotation's slide.

    Returns:
        An open overlay; use it in a `with` block.

    Warns:
        UserWarning: The resolution of an image is imprecise, or its size differs from that of the slide.

    Raises:
        ParameterError: `settings.align` needs a slide.
        SlideError: See `open_slide`, `align_raster`, `read_outlines` and `place`.
    """
    if not is_annotation(source):
        return _open_image(source, settings, slide)
    frame = SlideFrame(mpp=settings.mpp) if slide is None else read_frame(slide, settings.mpp)
    return open_annotation(source, frame, settings.annotation)


def _open_image(source: str, settings: OverlaySettings, slide: str | None) -> RasterOverlay:
    if slide is None:
        if settings.align in {"extent", "bounds"}:
            raise ParameterError(f"align {settings.align!r} without a slide to align with; pass slide_path=")
        return RasterOverlay(open_slide(source, settings.mpp), counting=settings.counting)
    frame = read_frame(slide)
    if frame.mpp is None:
        if settings.align in {"extent", "bounds"}:
            problem = f"slide {slide!r} has no resolution ({NO_MPP}): {source!r} cannot be aligned by size"
            raise MissingMppError(problem, path=slide, hint="write the tags, or pass align='mpp' and overlay_mpp=")
        return RasterOverlay(
            open_slide(source, settings.mpp), counting=settings.counting
        )  # the tiles were given a resolution, but which?
    opened = open_raster(source, settings, frame)
    if opened.alignment is not None and opened.alignment.remark is not None:
        warnings.warn(f"{source!r} {opened.alignment.remark}", stacklevel=3)
    return opened


def open_raster(source: str, settings: OverlaySettings, frame: SlideFrame) -> RasterOverlay:
    """Open an image aligned with a slide.

    Args:
        source: The file.
        settings: Options of the overlay.
        frame: Frame of the slide. If it has no resolution, that of tiles counts in px of level 0 per px.

    Raises:
        SlideError: See `open_slide` and `align_raster`.
    """
    reader = open_slide(source, settings.mpp)
    try:
        level0 = reader.pyramid.levels[0]
        raster = RasterFrame(source, level0.extent, level0.mpp, is_given=settings.mpp is not None)
        return RasterOverlay(reader, align_raster(raster, frame, settings.align), frame, settings.counting)
    except SlideError:
        reader.close()
        raise


def open_annotation(
    source: str, frame: SlideFrame, options: AnnotationOptions | None = None, *, in_pixels: bool = False
) -> VectorOverlay:
    """Open an annotation in the frame of a slide.

    Args:
        source: The file.
        frame: Frame of the slide.
        options: Options of the annotation; None for the defaults.
        in_pixels: True if the resolution of tiles is in px of level 0 per px, as that of a slide without one.

    Raises:
        SlideError: See `read_outlines` and `place`.
    """
    options = options or AnnotationOptions()
    outlines = read_outlines(source, options.reading)
    placed = place(outlines, frame, options.frame)
    return VectorOverlay(placed, replace(frame, mpp=Mpp(1.0, 1.0)) if in_pixels else frame, options.regions)
