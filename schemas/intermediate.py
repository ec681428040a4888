"""TODO."""

from collections.abc import Sequence

import pandera.pyarrow as pap
import pyarrow as pa

from schemas.columns import OverlayColumns
from schemas.fields import NOT_NEGATIVE, PATH, SLIDE_ID
from schemas.slides import SLIDE_COLUMNS
from schemas.table import Column, TableSchema

IDENTITY = Column("identity", pa.string())
"""JSON: what tells the file from another in its place, and the resolution it was given."""
GRID_FILE = Column("grid", pa.string(), nullable=True)
"""A table of an earlier run that holds the grid of this very slide."""


def discovered_slides(overlays: tuple[str, ...]) -> TableSchema:
    """The slides with what their manifest says, between the tasks.

    Args:
        overlays: Those whose path is a column of the manifest.
    """
    sources = [Column(f"{name}_source", pa.string(), nullable=True) for name in overlays]
    return TableSchema.of("discovered slides", (*SLIDE_COLUMNS, IDENTITY, GRID_FILE, *sources), key=("path",))


STATUS = Column("status", pa.string(), (pap.Check.isin(["new", "changed", "unchanged", "gone"], error="is a status"),))
"""Whether the file was there before, and was made from the same; gone: the slide itself was not found this time."""
SECONDS = Column("seconds", pa.float64(), (NOT_NEGATIVE,), nullable=True)
"""How long workers measured it; null where it was left alone."""
FILE_COLUMNS = (SLIDE_ID, PATH, Column("file", pa.string()), Column("rows", pa.int64(), (NOT_NEGATIVE,)))
"""Which file of how many rows holds what there is of a slide."""
SLIDE_FILES = TableSchema.of("slide files", FILE_COLUMNS, key=("slide_id",))

COVERED = TableSchema.of("covered slides", (*FILE_COLUMNS, STATUS, SECONDS), key=("slide_id",))

PICTURES = TableSchema.of(
    "pictures", (SLIDE_ID, PATH, Column("trouble", pa.string(), nullable=True)), key=("slide_id",)
)
"""A row per slide in the tables; `trouble` says why it has none, null where it has one."""
RECORD = Column("record", pa.string())
"""JSON: what the slide's coverage is made from."""


def overlay_paths(overlays: Sequence[OverlayColumns]) -> TableSchema:
    """A column per overlay; null where a slide has none and may have none."""
    paths = [Column(overlay.path, pa.string(), nullable=overlay.missing != "fail") for overlay in overlays]
    return TableSchema.of("overlay paths", (SLIDE_ID, PATH, *paths, RECORD, STATUS), key=("slide_id",))
