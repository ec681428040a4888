"""What a person wants to see of each slide: counts, mean coverage, areas, and what looks wrong."""

from collections.abc import Sequence

import pyarrow as pa

from schemas.slide_files import STATUS
from schemas.table import Column, TableSchema
from schemas.values import FRACTION, NOT_NEGATIVE, PATH, SLIDE_ID

SUSPICIONS = Column("suspicions", pa.list_(pa.string()))
"""Sentences, none where nothing looks wrong."""


def mean_of(name: str) -> str:
    """The column with the mean of a class over the tiles where it is known; null where it is known in none."""
    return f"{name}_mean"


def area_of(name: str) -> str:
    """The column with the area of a class in mm²; null where `flows.slide_report` cannot tell it."""
    return f"{name}_mm2"


def slide_report(classes: Sequence[str]) -> TableSchema:
    """A row per slide in the tables, two columns per class."""
    columns = [
        column
        for name in classes
        for column in (
            Column(mean_of(name), pa.float64(), (FRACTION,), nullable=True),
            Column(area_of(name), pa.float64(), (NOT_NEGATIVE,), nullable=True),
        )
    ]
    counts = (Column("tiles", pa.int64(), (NOT_NEGATIVE,)), Column("kept", pa.int64(), (NOT_NEGATIVE,)))
    return TableSchema.of("slide report", (SLIDE_ID, PATH, STATUS, *counts, *columns, SUSPICIONS), key=("slide_id",))
