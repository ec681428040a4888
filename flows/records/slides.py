"""A slide as a typed row of the tables that tasks hand on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

from ratiopath.geometry import Extent, Mpp, round_half_up
from ratiopath.pyramid import axis_downsample

Status = Literal["new", "changed", "recomputed", "unchanged", "gone"]
"""State of a slide's coverage in this run: measured for the first time, again because an input or a setting differs,
again because of `force`, kept, or kept although the slide was not found."""


@dataclass(frozen=True, slots=True)
class Slide:
    """A row of the slides table: the level that is tiled, and its grid."""

    slide_id: str
    """Name of the slide's files, derived from path and tiling, or given by a manifest."""
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
    level0_extent: Extent
    """Size of level 0, px."""
    level0_mpp: Mpp | None
    """Resolution of level 0, µm/px; None if unknown."""

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """Read a row of `schemas.slides`; other columns are ignored."""
        extent, tile_extent, stride, level0 = (
            Extent(row[f"{name}_x"], row[f"{name}_y"]) for name in ("extent", "tile_extent", "stride", "level0_extent")
        )
        mpp, level0_mpp = (
            None if row[f"{name}_x"] is None or row[f"{name}_y"] is None else Mpp(row[f"{name}_x"], row[f"{name}_y"])
            for name in ("mpp", "level0_mpp")
        )
        slide_id, path, level, downsample = (row[name] for name in ("slide_id", "path", "level", "downsample"))
        return cls(slide_id, path, extent, tile_extent, stride, mpp, level, downsample, level0, level0_mpp)

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
            "level0_extent_x": self.level0_extent.width,
            "level0_extent_y": self.level0_extent.height,
            "level0_mpp_x": self.level0_mpp and self.level0_mpp.x,
            "level0_mpp_y": self.level0_mpp and self.level0_mpp.y,
        }

    @property
    def downsamples(self) -> tuple[float, float]:
        """Level-0 pixels per pixel of the level, along x and y."""
        return (
            axis_downsample(self.level0_extent.width, self.extent.width),
            axis_downsample(self.level0_extent.height, self.extent.height),
        )

    @property
    def level0_tile_extent(self) -> Extent:
        """Size of a tile, px of level 0, rounded."""
        x, y = self.downsamples
        width, height = round_half_up([self.tile_extent.width * x, self.tile_extent.height * y])
        return Extent(max(1, int(width)), max(1, int(height)))


@dataclass(frozen=True, slots=True)
class SlideFile:
    """A row of an index: one slide's file in a folder that is one table."""

    slide_id: str
    """The slide."""
    path: str
    """Path of the slide itself."""
    file: str
    """Parquet file with its rows."""
    rows: int
    """Number of rows in the file."""

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """Read a row; other columns are ignored."""
        return cls(**{name: row[name] for name in cls.__dataclass_fields__})

    def to_row(self) -> dict[str, Any]:
        """Return the row of `schemas.intermediate`."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@dataclass(frozen=True, slots=True)
class CoveredSlide(SlideFile):
    """A slide's file in coverage/, and its state in this run."""

    status: Status
    """State of the file in this run."""
    seconds: float | None = None
    """Time that workers spent measuring the slide; None if its file was kept."""
