"""An index of the files of one table that has a file per slide."""

import pyarrow as pa

from schemas.table import Column, TableSchema
from schemas.values import NOT_NEGATIVE, PATH, SLIDE_ID

SLIDE_FILES = TableSchema.of(
    "slide files",
    (SLIDE_ID, PATH, Column("file", pa.string()), Column("rows", pa.int64(), (NOT_NEGATIVE,))),
    key=("slide_id",),
)
