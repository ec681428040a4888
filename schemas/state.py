"""Schema of the state index: a row per slide in the tables, with what its files were made from."""

from collections.abc import Sequence

import pyarrow as pa

from schemas.fields import NOT_NEGATIVE
from schemas.intermediate import CELLS, SECONDS, STATUS
from schemas.slide_report import INPUTS, MADE_FROM, report_columns
from schemas.slides import SLIDE_COLUMNS
from schemas.table import Column, TableSchema

FILES = ("coverage", "tiles", "picture", "script", "mask")
"""Files of a slide in the output."""


def size_of(file: str) -> str:
    """Return the column of the size of a file in bytes; null where there is none."""
    return f"{file}_size"


def time_of(file: str) -> str:
    """Return the column of the time of a file in ns; null where there is none."""
    return f"{file}_mtime_ns"


def slide_state(classes: Sequence[str]) -> TableSchema:
    """Return the schema of the state of slides: the slide, its inputs, its report, and its files."""
    files = [
        Column(column, pa.int64(), (NOT_NEGATIVE,), nullable=True)
        for name in FILES
        for column in (size_of(name), time_of(name))
    ]
    columns = (*SLIDE_COLUMNS, CELLS, INPUTS, MADE_FROM, STATUS, SECONDS, *report_columns(classes), *files)
    return TableSchema.of("state of slides", columns, key=("slide_id",))
