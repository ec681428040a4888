"""Which slide has a picture."""

import pyarrow as pa

from schemas.table import Column, TableSchema
from schemas.values import PATH, SLIDE_ID

PICTURES = TableSchema.of(
    "pictures", (SLIDE_ID, PATH, Column("trouble", pa.string(), nullable=True)), key=("slide_id",)
)
"""A row per slide in the tables; `trouble` says why it has none, null where it has one."""
