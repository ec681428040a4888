"""Names of the columns of tile tables: the fixed ones, and those of an overlay. Imports neither pandera nor pyarrow."""

from dataclasses import dataclass
from typing import Literal

TILE_COLUMNS = (
    "slide_id", "path", "level", "tile_x", "tile_y", "tile_extent_x", "tile_extent_y", "mpp_x", "mpp_y",
)  # fmt: skip
"""Columns of every tile table; no overlay or class may have one of these names."""
LEVEL0_COLUMNS = ("level0_x", "level0_y", "level0_extent_x", "level0_extent_y")
"""Box of a tile in pixels of level 0, in tiles/ only; these names are taken too."""
SLIDE_COLUMNS = (
    *("extent_x", "extent_y", "stride_x", "stride_y", "downsample"),
    *("level0_extent_x", "level0_extent_y", "level0_mpp_x", "level0_mpp_y"),
)  # fmt: skip
"""Columns of slides.parquet that tile tables lack; no column of a manifest may have one of these names."""


@dataclass(frozen=True, slots=True)
class OverlayColumns:
    """Columns of one overlay."""

    name: str
    """Name of the overlay."""
    classes: tuple[str, ...]
    """Names of its classes, a column each."""
    missing: Literal["fail", "null", "zero"]
    """Treatment of a slide without this overlay: it fails, or its classes are null, or zero."""
    is_counted: bool = False
    """True if outlines are counted: the overlay's, and those of each class."""
    statistics: tuple[str, ...] = ()
    """Ends of the names of its statistics, such as mean or share_ge_0_5."""
    has_uncertainty: bool = False
    """True if the error of the shares is bounded."""
    has_dominant: bool = False
    """True if the class with the greatest share is named."""

    @property
    def path(self) -> str:
        """Column of the overlay's file, null if the slide has none."""
        return f"{self.name}_path"

    @property
    def overlap(self) -> str:
        """Column of the share of each value among the ROI's pixels that exist in the overlay, 0 to 1."""
        return f"{self.name}_overlap"

    @property
    def inside(self) -> str:
        """Column of the share of the ROI's pixels that exist in the overlay, 0 to 1."""
        return f"{self.name}_inside"

    @property
    def uncertainty(self) -> tuple[str, ...]:
        """Column of the bound of the error of a tile's shares, 0 to 1; null where nothing is known."""
        return (f"{self.name}_uncertainty",) if self.has_uncertainty else ()

    @property
    def counts(self) -> tuple[str, ...]:
        """Columns of the number of outlines whose centroid lies in the tile: of the overlay, and of each class."""
        return tuple(f"{name}_count" for name in (self.name, *self.classes)) if self.is_counted else ()

    @property
    def dominant(self) -> tuple[str, ...]:
        """Column of the class with the greatest share, if it is asked for."""
        return (f"{self.name}_dominant",) if self.has_dominant else ()

    @property
    def has_overlap(self) -> bool:
        """Return True if it has a column of overlaps: a map of numbers without classes has none."""
        return bool(self.classes) or not self.statistics

    @property
    def numbers(self) -> tuple[str, ...]:
        """Columns of statistics that may be any number: mean, min, max, std and quantiles."""
        return tuple(f"{self.name}_{end}" for end in self.statistics if not end.startswith("share_"))

    @property
    def measured(self) -> tuple[str, ...]:
        """Columns of all statistics."""
        return tuple(f"{self.name}_{end}" for end in self.statistics)

    @property
    def own(self) -> tuple[str, ...]:
        """Columns of the overlay besides its classes."""
        overlap = (self.overlap,) if self.has_overlap else ()
        return (self.path, *overlap, self.inside, *self.uncertainty, *self.dominant, *self.counts, *self.measured)
