"""Square tiles of a slide in pixels of level 0, the only tiles that coordinate files in HDF5 can describe."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import h5py
import numpy as np

from flows.exports.export_format import ExportedSlide
from ratiopath.errors import InvalidMppError, SlideError
from ratiopath.geometry import Int64s, Mpp

TOLERANCE = 0.01
"""Largest difference of the resolutions along x and y, as a share of the finer: scanners report 0.2270 and 0.2274."""
CHUNK = 8192
"""Rows that are compressed together."""


class UnsuitableTilesError(SlideError):
    """Tiles that a format cannot describe."""


@dataclass(frozen=True, slots=True)
class SquareTiles:
    """Tiles of one slide, all of the same size."""

    corners: Int64s
    """Top left corners (x, y), pixels of level 0; shape (tiles, 2)."""
    side: int
    """Length of a side, pixels of level 0."""

    @classmethod
    def of(cls, exported: ExportedSlide, reader: str) -> Self:
        """Read the tiles of a slide, in their order.

        The side is that along x. Along y it may differ by the rounding of the levels' sizes, or by TOLERANCE.

        Args:
            exported: The slide.
            reader: Program that messages name.

        Raises:
            InvalidMppError: The resolutions along x and y differ by more than TOLERANCE.
            UnsuitableTilesError: Tiles are not square, or a corner is outside level 0.
        """
        slide, tile = exported.slide, exported.slide.tile_extent
        if slide.level0_mpp and _anisotropy(slide.level0_mpp) > TOLERANCE:
            raise InvalidMppError(
                f"slide {slide.path!r} has level0_mpp_x {slide.level0_mpp.x:g} and level0_mpp_y"
                f" {slide.level0_mpp.y:g} µm/px, and {reader} knows one mpp",
                path=slide.path,
                hint="set slide_mpp to one number if the file is wrong, or leave this slide out",
            )
        if not _is_square(tile.width, tile.height, slide.mpp):
            raise UnsuitableTilesError(
                f"slide {slide.path!r} has tile_extent {tile.width} x {tile.height} px, and {reader} reads squares",
                path=slide.path,
                hint="set tiling.tile_extent to one number, or export to another format",
            )
        corners = np.column_stack([exported.tiles[name].to_numpy() for name in ("level0_x", "level0_y")])
        corners = corners.astype(np.int64, copy=False)
        extent = slide.level0_extent
        outside = ((corners < 0) | (corners >= (extent.width, extent.height))).any(axis=1)
        if outside.any():
            x, y = corners[outside.argmax()]
            raise UnsuitableTilesError(
                f"slide {slide.path!r} has a tile with level0_x {x}, level0_y {y} outside its {extent.width} x"
                f" {extent.height} px",
                path=slide.path,
                hint="the tables do not belong together; run the flow again with --force",
            )
        return cls(corners, slide.level0_tile_extent.width)

    def write(self, path: Path, attributes: Mapping[str, Any]) -> None:
        """Write dataset `coords`, int64 of shape (tiles, 2), with attributes; the same tiles give the same bytes."""
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = len(self.corners)
        # an empty dataset has no chunks, hence no filters
        filters = {"chunks": (min(rows, CHUNK), 2), "compression": "gzip", "shuffle": True} if rows else {}
        with h5py.File(path, "w") as file:
            dataset = file.create_dataset("coords", data=self.corners, track_times=False, **filters)
            dataset.attrs.update(attributes)


def _is_square(width: int, height: int, mpp: Mpp | None) -> bool:
    """Return True for equal sides; exact tiles of a slide whose axes differ a little are square to a pixel in µm."""
    if width == height or mpp is None:
        return width == height
    return mpp.x != mpp.y and abs(width * mpp.x - height * mpp.y) <= max(mpp.x, mpp.y)


def _anisotropy(mpp: Mpp) -> float:
    return max(mpp.x, mpp.y) / min(mpp.x, mpp.y) - 1
