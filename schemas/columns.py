"""Names of columns that depend on the configuration, and those that no overlay or class may take. Imports nothing."""

from dataclasses import dataclass
from typing import Literal

TILE_COLUMNS = (
    "slide_id", "path", "level", "tile_x", "tile_y", "tile_extent_x", "tile_extent_y", "mpp_x", "mpp_y",
)  # fmt: skip
"""Columns of every table of tiles."""


@dataclass(frozen=True, slots=True)
class OverlayColumns:
    """What the tables hold of one overlay."""

    name: str
    """The overlay."""
    classes: tuple[str, ...]
    """Its classes: a column each."""
    missing: Literal["fail", "null", "zero"]
    """What its classes are where a slide has no such overlay."""

    @property
    def path(self) -> str:
        """The overlay's file; null where the slide has none."""
        return f"{self.name}_path"

    @property
    def overlap(self) -> str:
        """Share of each value among the ROI's pixels that exist in the overlay."""
        return f"{self.name}_overlap"

    @property
    def inside(self) -> str:
        """Share of the ROI's pixels that exist in the overlay."""
        return f"{self.name}_inside"

    @property
    def own(self) -> tuple[str, str, str]:
        """The columns besides its classes."""
        return (self.path, self.overlap, self.inside)
