"""Schema of a slide's grid: its tiles before any overlay is read."""

import pyarrow as pa

from schemas.fields import LEVEL, MPP, NOT_NEGATIVE, PATH, POSITIVE, TILE_EXTENT
from schemas.table import Column, TableSchema

TILE_KEY = ("slide_id", "tile_x", "tile_y")
"""Columns that identify a tile."""
GRID_COLUMNS = (
    Column("slide_id", pa.string()),  # its form is checked in the slides table: a regex per tile is slow
    PATH,
    LEVEL,
    Column("tile_x", pa.int64(), (NOT_NEGATIVE,)),
    Column("tile_y", pa.int64(), (NOT_NEGATIVE,)),
    *TILE_EXTENT,
    *MPP,
)
GRID = TableSchema.of("grid", GRID_COLUMNS, key=TILE_KEY)
LEVEL0_BOX = (
    Column("level0_x", pa.int64(), (NOT_NEGATIVE,)),
    Column("level0_y", pa.int64(), (NOT_NEGATIVE,)),
    Column("level0_extent_x", pa.int64(), (POSITIVE,)),
    Column("level0_extent_y", pa.int64(), (POSITIVE,)),
)
"""Box of a tile in pixels of level 0, rounded to whole ones."""
