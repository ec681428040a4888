"""Overlays of a slide behind one protocol.

open_overlay     opens an overlay of any kind
Overlay          the protocol: value counts and patches of tiles
OverlaySettings  options of an overlay
TileWindows      the tiles to measure, in tile space
"""

from ratiopath.overlays.open import open_overlay
from ratiopath.overlays.overlay import Overlay, OverlaySettings, TileWindows

__all__ = ["Overlay", "OverlaySettings", "TileWindows", "open_overlay"]
