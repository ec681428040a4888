"""Areas of tiles, divided so that no pixel of a slide counts twice."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import shapely

from flows.records.slides import Slide
from flows.records.stored_files import grid_axes
from ratiopath.geometry import Extent, Float64s, Int64s
from ratiopath.grid import Last
from ratiopath.roi import Roi

UM2_PER_MM2 = 1e6
"""µm² in a mm²."""


@dataclass(frozen=True, slots=True)
class TileAreas:
    """A cell per tile: the part of the tile before the next one begins.

        tiles   [0 . . . 4)             stride 2, extent 4
                    [2 . . . 6)
                        [4 . . . 8)
        cells   [0 2)[2 4)[4 . . . 8)   each pixel in one cell

    If the stride equals the extent, a cell is its tile, even beyond the edge of the slide.
    """

    xs: Int64s
    """Left edges of the columns of tiles in px of their level, ascending."""
    ys: Int64s
    """Top edges of the rows of tiles in px of their level, ascending."""
    tile: Extent
    """Size of a tile in px."""
    mm2_per_px: float | None
    """mm² of the ROI per px of a cell; None if the areas are unknown."""

    @classmethod
    def of(cls, slide: Slide, last: Last, roi: Roi) -> "TileAreas":
        """Divide a slide into cells.

        The areas are unknown without a resolution. They are also unknown if tiles overlap and the ROI is only a part
        of each: the shares then do not determine the union of the ROIs.

        Args:
            slide: The slide.
            last: Policy for the last tile, `tiling.last`.
            roi: ROI in a tile, in px.
        """
        tile = slide.tile_extent
        xs, ys = grid_axes(slide, last)
        share = _share_inside(roi, tile)
        overlaps = bool((np.diff(xs) < tile.width).any() or (np.diff(ys) < tile.height).any())
        if slide.mpp is None or (overlaps and share < 1):
            return cls(xs, ys, tile, None)
        return cls(xs, ys, tile, share * slide.mpp.x * slide.mpp.y / UM2_PER_MM2)

    def areas(self, tile_x: Int64s, tile_y: Int64s) -> Float64s | None:
        """Compute the area of the ROI in the cell of each tile.

        Args:
            tile_x: Left edges of the tiles, in px of their level; each is on the grid.
            tile_y: Top edges of the tiles, likewise.

        Returns:
            mm², float64, or None if the areas are unknown.
        """
        if self.mm2_per_px is None:
            return None
        widths, heights = _lengths(self.xs, self.tile.width), _lengths(self.ys, self.tile.height)
        pixels = widths[np.searchsorted(self.xs, tile_x)] * heights[np.searchsorted(self.ys, tile_y)]
        areas: Float64s = np.multiply(pixels, self.mm2_per_px, dtype=np.float64)
        return areas


@lru_cache(maxsize=64)
def _share_inside(roi: Roi, tile: Extent) -> float:
    """Return the area of the ROI inside of a tile as a share of the tile's."""
    whole = shapely.box(0, 0, tile.width, tile.height)
    return float(roi.polygon.intersection(whole).area / whole.area)


def _lengths(origins: Int64s, tile: int) -> Int64s:
    return np.minimum(np.diff(origins, append=origins[-1:] + tile), tile)
