"""The overlap column on Arrow arrays, computed at once: no Ray is imported or started."""

from ratiopath.arrow.overlap import tile_overlay_overlap

__all__ = ["tile_overlay_overlap"]
