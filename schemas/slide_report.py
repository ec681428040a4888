"""Schema of the report on slides: tile counts, mean coverage and area of each class, and findings to review."""

from collections.abc import Sequence

import pyarrow as pa

from schemas.fields import FRACTION, NOT_NEGATIVE, PATH, SLIDE_ID
from schemas.intermediate import FILE_COLUMNS, SECONDS, STATUS
from schemas.table import Column, TableSchema

SUSPICIONS = Column("suspicions", pa.list_(pa.string()))
"""Findings to review, a sentence each; empty if there are none."""
NOTES = Column("notes", pa.list_(pa.string()))
"""Remarks on the overlays that need no review, such as repaired outlines of an annotation, a sentence each."""
ALIGNMENTS = Column("alignments", pa.map_(pa.string(), pa.string()))
"""Case of the alignment of each overlay that is an image, such as `fits`."""
VALUES = Column("values", pa.map_(pa.string(), pa.list_(pa.string())))
"""Values of each overlay in the tiles of a slide, at most 32, the commonest first; none if nothing is known."""
_FINDINGS = (VALUES, SUSPICIONS, NOTES, ALIGNMENTS)
MADE_FROM = Column("made_from", pa.string())
"""SHA-256 of the provenance of the file in tiles/: equal digests mean equal files."""
INPUTS = Column("inputs", pa.string())
"""Digest of the fingerprints of the slide and of its overlays that are files, which the file in coverage/ holds."""
_TILES, _KEPT = (Column(name, pa.int64(), (NOT_NEGATIVE,)) for name in ("tiles", "kept"))


def mean_of(name: str) -> str:
    """Return the column of the mean of a class over the tiles in which it is known; null if it is known in none."""
    return f"{name}_mean"


def area_of(name: str) -> str:
    """Return the column of the area of a class in mm²; null if `flows.reports.tile_areas` cannot derive it."""
    return f"{name}_mm2"


def kept_slides(classes: Sequence[str]) -> TableSchema:
    """Return the schema of the index of the files in tiles/, with the report on each slide."""
    columns = (*FILE_COLUMNS, INPUTS, MADE_FROM, _TILES, *_columns(classes), *_FINDINGS)
    return TableSchema.of("kept slides", columns, key=("slide_id",))


def slide_report(classes: Sequence[str]) -> TableSchema:
    """Return the schema of the report: a row per slide in the tables, two columns per class."""
    columns = (SLIDE_ID, PATH, STATUS, SECONDS, *report_columns(classes))
    return TableSchema.of("slide report", columns, key=("slide_id",))


def report_columns(classes: Sequence[str]) -> tuple[Column, ...]:
    """Return the columns of a report: counts, mean and area of each class, and findings."""
    return (_TILES, _KEPT, *_columns(classes), *_FINDINGS)


def _columns(classes: Sequence[str]) -> list[Column]:
    return [
        column
        for name in classes
        for column in (
            Column(mean_of(name), pa.float64(), (FRACTION,), nullable=True),
            Column(area_of(name), pa.float64(), (NOT_NEGATIVE,), nullable=True),
        )
    ]
