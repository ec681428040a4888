"""failures.parquet: a row per slide that was put aside."""

import pandera.pyarrow as pap
import pyarrow as pa

from schemas.fields import PATH
from schemas.table import Column, TableSchema

STAGES = ("discover slides", "tile slides", "derive overlay paths", "compute overlaps", "filter by coverage")
"""The tasks, in order: where a slide can be put aside."""
_COLUMNS = (
    PATH,
    Column("stage", pa.string(), (pap.Check.isin(STAGES, error=f"a stage is one of {', '.join(STAGES)}"),)),
    Column("error", pa.string()),
    Column("message", pa.string()),
)
FAILURES = TableSchema.of("failures", _COLUMNS, key=("path",))
TRACED_FAILURES = TableSchema.of(
    "failures of a task", (*_COLUMNS, Column("trace", pa.string(), nullable=True)), key=("path",)
)
"""Between the tasks: also the traceback of each error, where it was raised."""
