"""An index of the files of one table that has a file per slide."""

import pandera.pyarrow as pap
import pyarrow as pa

from schemas.table import Column, TableSchema
from schemas.values import NOT_NEGATIVE, PATH, SLIDE_ID

STATUS = Column("status", pa.string(), (pap.Check.isin(["new", "changed", "unchanged", "gone"], error="is a status"),))
"""Whether the file was there before, and was made from the same; gone: the slide itself was not found this time."""
SECONDS = Column("seconds", pa.float64(), (NOT_NEGATIVE,), nullable=True)
"""How long workers measured it; null where it was left alone."""

FILE_COLUMNS = (SLIDE_ID, PATH, Column("file", pa.string()), Column("rows", pa.int64(), (NOT_NEGATIVE,)))
"""Which file of how many rows holds what there is of a slide."""

SLIDE_FILES = TableSchema.of("slide files", FILE_COLUMNS, key=("slide_id",))
COVERED = TableSchema.of("covered slides", (*FILE_COLUMNS, STATUS, SECONDS), key=("slide_id",))
