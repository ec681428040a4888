"""Tile grids, and Ray column expressions on the tiles of a slide.

grid_tiles               top-left corners of the tiles of a slide, as tuples
grid_columns             the same as one column per axis
read_slide_tiles         the slide's pixels of every tile
tile_overlay             an overlay's pixels under each tile's ROI
tile_overlay_overlap     the share of every overlay value in each tile's ROI
tile_overlay_statistics  mean, quantiles and more of an overlay's numbers in each tile's ROI
tile_annotations         the pieces of annotations in each tile's ROI
row_hash                 a stable identifier of a row
"""

from ratiopath.grid import grid_columns, grid_tiles
from ratiopath.tiling.annotations import tile_annotations
from ratiopath.tiling.overlap import tile_overlay_overlap
from ratiopath.tiling.overlay import tile_overlay
from ratiopath.tiling.row_hash import row_hash
from ratiopath.tiling.statistics import tile_overlay_statistics
from ratiopath.tiling.tiles import read_slide_tiles

__all__ = [
    "grid_columns",
    "grid_tiles",
    "read_slide_tiles",
    "row_hash",
    "tile_annotations",
    "tile_overlay",
    "tile_overlay_overlap",
    "tile_overlay_statistics",
]
