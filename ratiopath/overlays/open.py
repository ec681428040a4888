"""The only place that opens overlays."""

from ratiopath.annotations import is_annotation, read_outlines
from ratiopath.annotations.placement import place
from ratiopath.frame import SlideFrame
from ratiopath.overlays.overlay import AnnotationOptions, Overlay, OverlaySettings
from ratiopath.overlays.raster import RasterOverlay
from ratiopath.overlays.vector import VectorOverlay
from ratiopath.slides import open_slide
from ratiopath.slides.frame import read_frame

_DEFAULTS = OverlaySettings()


def open_overlay(source: str, settings: OverlaySettings = _DEFAULTS, slide: str | None = None) -> Overlay:
    """Open an overlay: an image, or an annotation, by its content.

    Args:
        source: The file.
        settings: Options of the overlay.
        slide: The slide, for the frame of an annotation; its headers are read. Without it nothing is known of the
            slide's edges and bounding box, and `settings.mpp` is its resolution.

    Returns:
        An open overlay; use it in a `with` block.

    Raises:
        SlideError: See `open_slide`, `read_outlines` and `place`.
    """
    if not is_annotation(source):
        return RasterOverlay(open_slide(source, settings.mpp), settings.counting)
    frame = SlideFrame(mpp=settings.mpp) if slide is None else read_frame(slide, settings.mpp)
    return open_annotation(source, frame, settings.annotation)


def open_annotation(source: str, frame: SlideFrame, options: AnnotationOptions | None = None) -> VectorOverlay:
    """Open an annotation in the frame of a slide.

    Args:
        source: The file.
        frame: Frame of the slide.
        options: Options of the annotation; None for the defaults.

    Raises:
        SlideError: See `read_outlines` and `place`.
    """
    options = options or AnnotationOptions()
    outlines = read_outlines(source, options.reading)
    return VectorOverlay(place(outlines, frame, options.frame), frame, options.regions)
