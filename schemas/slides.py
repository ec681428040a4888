"""Schema of slides.parquet: a row per slide that was found and read."""

import pandera.pyarrow as pap
import pyarrow as pa

from schemas.fields import LEVEL, MPP, PATH, POSITIVE, SLIDE_ID, TILE_EXTENT
from schemas.table import Column, TableSchema

SLIDE_COLUMNS = (
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

SLIDES = TableSchema.of("slides", SLIDE_COLUMNS, key=("path",))
