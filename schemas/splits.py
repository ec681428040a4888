"""Schemas of splits.parquet: a row per slide with its part, or with its fold."""

import pyarrow as pa

from schemas.fields import NOT_NEGATIVE, PATH, SLIDE_ID
from schemas.table import Column, TableSchema

_COLUMNS = (
    SLIDE_ID,
    PATH,
    Column("group", pa.string()),
    Column("label", pa.string(), nullable=True),
    Column("tiles", pa.int64(), (NOT_NEGATIVE,)),
)
SPLITS = TableSchema.of("splits", (*_COLUMNS, Column("split", pa.string())), key=("slide_id",))
"""Slides with the name of their part."""
FOLDS = TableSchema.of("folds", (*_COLUMNS, Column("fold", pa.int64(), (NOT_NEGATIVE,))), key=("slide_id",))
"""Slides with the number of their fold."""
