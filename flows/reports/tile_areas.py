"""How much of a slide each tile stands for, so that areas add up and nothing counts twice."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import shapely

from flows.records.slides import Slide
from ratiopath.geometry import Extent, Float64s, Int64s
from ratiopath.grid import axis_origins
from ratiopath.roi import Roi

UM2_PER_MM2 = 1e6


@dataclass(frozen=True, slots=True)
class TileAreas:
    """The part of each tile that is its own: up to where the next tile begins.

        tiles   [0 . . . 4)             stride 2, extent 4
                    [2 . . . 6)
                        [4 . . . 8)
        cells   [0 2)[2 4)[4 . . . 8)   each pixel once

    Where the stride is the extent, a cell is its tile, also beyond the edge of the slide.
    """

    xs: Int64s
    """Origins of the columns of tiles, ascending."""
    ys: Int64s
    """Origins of the rows of tiles, ascending."""
    tile: Extent
    """Size of a tile."""
    unit: float | None
    """mm² of the ROI in one pixel of a cell; None where the areas cannot be told."""

    @classmethod
    def of(cls, slide: Slide, last: Literal["keep", "drop", "shift"], roi: Roi) -> "TileAreas":
        """The cells of a slide.

        Their areas cannot be told without a resolution; nor where tiles overlap and the ROI is only a part of them:
        what the ROIs cover together is then not known from the shares.

        Args:
            slide: The slide.
            last: What happened to a last tile that does not fit.
            roi: Of every tile.
        """
        tile = slide.tile_extent
        xs = axis_origins(slide.extent.width, tile.width, slide.stride.width, last)
        ys = axis_origins(slide.extent.height, tile.height, slide.stride.height, last)
        whole = shapely.box(0, 0, tile.width, tile.height)
        share = roi.polygon.intersection(whole).area / whole.area
        overlaps = bool((np.diff(xs) < tile.width).any() or (np.diff(ys) < tile.height).any())
        if slide.mpp is None or (overlaps and share < 1):
            return cls(xs, ys, tile, None)
        return cls(xs, ys, tile, share * slide.mpp.x * slide.mpp.y / UM2_PER_MM2)

    def areas(self, tile_x: Int64s, tile_y: Int64s) -> Float64s | None:
        """mm² of the ROI in the cell of each tile; None where they cannot be told.

        Args:
            tile_x: Origins of tiles of the grid.
            tile_y: ditto.
        """
        if self.unit is None:
            return None
        widths, heights = _lengths(self.xs, self.tile.width), _lengths(self.ys, self.tile.height)
        pixels = widths[np.searchsorted(self.xs, tile_x)] * heights[np.searchsorted(self.ys, tile_y)]
        areas: Float64s = np.multiply(pixels, self.unit, dtype=np.float64)
        return areas


def _lengths(origins: Int64s, tile: int) -> Int64s:
    return np.minimum(np.diff(origins, append=origins[-1:] + tile), tile)
