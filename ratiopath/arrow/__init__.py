"""Tile grids, the overlap column and pixels for training, on Arrow tables in this process: no Ray is imported.

grid_tiles               top-left corners of the tiles of a slide, as tuples
grid_columns             the same as one column per axis
tile_overlay_overlap     the share of every overlay value in each tile's ROI
tile_overlay_statistics  mean, quantiles and more of the overlay's numbers in each tile's ROI
TileDataset              pixels and rows of tiles by index, for data loaders
"""

from ratiopath.arrow.overlap import tile_overlay_overlap
from ratiopath.arrow.statistics import tile_overlay_statistics
from ratiopath.arrow.tile_dataset import TileDataset
from ratiopath.grid import grid_columns, grid_tiles

__all__ = ["TileDataset", "grid_columns", "grid_tiles", "tile_overlay_overlap", "tile_overlay_statistics"]
