"""What a person wants to see of each slide: counts, mean coverage, areas, and what looks wrong."""

from collections.abc import Sequence

import pyarrow as pa

from schemas.fields import FRACTION, NOT_NEGATIVE, PATH, SLIDE_ID
from schemas.intermediate import FILE_COLUMNS, SECONDS, STATUS
from schemas.table import Column, TableSchema

SUSPICIONS = Column("suspicions", pa.list_(pa.string()))
"""Sentences, none where nothing looks wrong."""
MADE_FROM = Column("made_from", pa.string())
"""SHA-256 of the record in the file of kept tiles: two files of the same are the same."""
_TILES, _KEPT = (Column(name, pa.int64(), (NOT_NEGATIVE,)) for name in ("tiles", "kept"))


def mean_of(name: str) -> str:
    """The column with the mean of a class over the tiles where it is known; null where it is known in none."""
    return f"{name}_mean"


def area_of(name: str) -> str:
    """The column with the area of a class in mm²; null where `flows.slide_report` cannot tell it."""
    return f"{name}_mm2"


def kept_slides(classes: Sequence[str]) -> TableSchema:
    """An index of the files in tiles/, whose rows are the tiles kept, with the report on each slide."""
    columns = (*FILE_COLUMNS, MADE_FROM, _TILES, *_columns(classes), SUSPICIONS)
    return TableSchema.of("kept slides", columns, key=("slide_id",))


def slide_report(classes: Sequence[str]) -> TableSchema:
    """A row per slide in the tables, two columns per class."""
    columns = (SLIDE_ID, PATH, STATUS, SECONDS, _TILES, _KEPT, *_columns(classes), SUSPICIONS)
    return TableSchema.of("slide report", columns, key=("slide_id",))


def _columns(classes: Sequence[str]) -> list[Column]:
    return [
        column
        for name in classes
        for column in (
            Column(mean_of(name), pa.float64(), (FRACTION,), nullable=True),
            Column(area_of(name), pa.float64(), (NOT_NEGATIVE,), nullable=True),
        )
    ]
