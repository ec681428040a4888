"""A slide as a typed row of the tables that tasks hand on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

from ratiopath.geometry import Extent, Mpp

Status = Literal["new", "changed", "recomputed", "unchanged", "gone"]
"""State of a slide's coverage in this run: measured for the first time, again because an input or a setting differs,
again because of `force`, kept, or kept although the slide was not found."""


@dataclass(frozen=True, slots=True)
class Slide:
    """A row of the slides table: the level that is tiled, and its grid."""

    slide_id: str
    """Name of the slide's files, derived from path and tiling."""
    path: str
    """Absolute path."""
    extent: Extent
    """Size of the level, px."""
    tile_extent: Extent
    """Size of a tile, px of the level."""
    stride: Extent
    """Distance between tile origins, px of the level."""
    mpp: Mpp | None
    """Resolution of the level, µm/px; None if unknown."""
    level: int
    """Index of the level, 0 = finest."""
    downsample: float
    """Level-0 pixels per pixel of the level, mean of both axes."""

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """Read a row of `schemas.slides`; other columns are ignored."""
        names = ("extent", "tile_extent", "stride")
        extent, tile_extent, stride = (Extent(row[f"{name}_x"], row[f"{name}_y"]) for name in names)
        mpp = None if None in (row["mpp_x"], row["mpp_y"]) else Mpp(row["mpp_x"], row["mpp_y"])
        return cls(row["slide_id"], row["path"], extent, tile_extent, stride, mpp, row["level"], row["downsample"])

    def to_row(self) -> dict[str, Any]:
        """Return the row of `schemas.slides`."""
        return {
            "slide_id": self.slide_id,
            "path": self.path,
            "extent_x": self.extent.width,
            "extent_y": self.extent.height,
            "tile_extent_x": self.tile_extent.width,
            "tile_extent_y": self.tile_extent.height,
            "stride_x": self.stride.width,
            "stride_y": self.stride.height,
            "mpp_x": self.mpp and self.mpp.x,
            "mpp_y": self.mpp and self.mpp.y,
            "level": self.level,
            "downsample": self.downsample,
        }

    def in_file(self, file: str, rows: int) -> dict[str, Any]:
        """Return the row of `schemas.intermediate` for a file of the slide in a folder that is one table.

        Args:
            file: Parquet file.
            rows: Number of rows in it.
        """
        return {"slide_id": self.slide_id, "path": self.path, "file": file, "rows": rows}
