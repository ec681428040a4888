"""Tiles of a slide, and what lies over each of them."""

from ratiopath.grid import grid_columns, grid_tiles
from ratiopath.tiling.overlap import tile_overlay_overlap
from ratiopath.tiling.overlay import tile_overlay
from ratiopath.tiling.row_hash import row_hash
from ratiopath.tiling.tiles import read_slide_tiles

__all__ = ["grid_columns", "grid_tiles", "read_slide_tiles", "row_hash", "tile_overlay", "tile_overlay_overlap"]
