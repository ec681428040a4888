"""The only place that opens overlays."""

from ratiopath.overlays.overlay import Overlay, OverlaySettings
from ratiopath.overlays.raster import RasterOverlay
from ratiopath.slides import open_slide

_DEFAULTS = OverlaySettings()


def open_overlay(source: str, settings: OverlaySettings = _DEFAULTS) -> Overlay:
    """Open an overlay.

    Args:
        source: The file.
        settings: Options of the overlay.

    Returns:
        An open overlay; use it in a `with` block.

    Raises:
        SlideError: See `open_slide`.
    """
    return RasterOverlay(open_slide(source, settings.mpp))
