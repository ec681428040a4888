"""Schema of failures.parquet: a row per failed slide."""

import pyarrow as pa

from schemas.fields import PATH
from schemas.table import Column, TableSchema

_COLUMNS = (PATH, Column("stage", pa.string()), Column("error", pa.string()), Column("message", pa.string()))
FAILURES = TableSchema.of("failures", _COLUMNS, key=("path",))
TRACED_FAILURES = TableSchema.of(
    "failures of a task", (*_COLUMNS, Column("trace", pa.string(), nullable=True)), key=("path",)
)
"""The same between tasks, with the traceback of each error."""
