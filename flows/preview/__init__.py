"""A picture of each slide: what lies over it, what each tile holds of every class, and which tiles are kept."""

from flows.preview.picture import drawn
from flows.preview.scene import Scene

__all__ = ["Scene", "drawn"]
