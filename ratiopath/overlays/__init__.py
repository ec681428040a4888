"""Overlays of a slide behind one protocol.

open_overlay       opens an overlay of any kind
open_annotation    opens an annotation
Overlay            the protocol: shares and patches of tiles
OverlaySettings    options of an overlay
AnnotationOptions  options of an overlay that is an annotation
TileWindows        the tiles to measure, in tile space
detect_tissue      finds the tissue of a slide without a mask; TissueSettings are its options, TissueMask its result
"""

from ratiopath.overlays.open import open_annotation, open_overlay
from ratiopath.overlays.overlay import AnnotationOptions, Overlay, OverlaySettings, TileWindows
from ratiopath.tissue import TissueMask, TissueSettings, detect_tissue

__all__ = [
    "AnnotationOptions",
    "Overlay",
    "OverlaySettings",
    "TileWindows",
    "TissueMask",
    "TissueSettings",
    "detect_tissue",
    "open_annotation",
    "open_overlay",
]
