"""slides.parquet: a row per slide that was found and could be read."""

import pandera.pyarrow as pap
import pyarrow as pa

from schemas.table import Column, TableSchema
from schemas.values import LEVEL, MPP, PATH, POSITIVE, SLIDE_ID, TILE_EXTENT

_COLUMNS = (
    SLIDE_ID,
    PATH,
    Column("extent_x", pa.int64(), (POSITIVE,)),
    Column("extent_y", pa.int64(), (POSITIVE,)),
    *TILE_EXTENT,
    Column("stride_x", pa.int64(), (POSITIVE,)),
    Column("stride_y", pa.int64(), (POSITIVE,)),
    *MPP,
    LEVEL,
    Column("downsample", pa.float64(), (pap.Check.ge(1, error="a downsample is >= 1"),)),
)
IDENTITY = Column("identity", pa.string())
"""JSON: what tells the file from another in its place, and the resolution it was given."""
GRID_FILE = Column("grid", pa.string(), nullable=True)
"""A table of an earlier run that holds the grid of this very slide."""
SLIDES = TableSchema.of("slides", _COLUMNS, key=("path",))


def discovered_slides(overlays: tuple[str, ...]) -> TableSchema:
    """The slides with what their manifest says, between the tasks.

    Args:
        overlays: Those whose path is a column of the manifest.
    """
    sources = [Column(f"{name}_source", pa.string(), nullable=True) for name in overlays]
    return TableSchema.of("discovered slides", (*_COLUMNS, IDENTITY, GRID_FILE, *sources), key=("path",))
