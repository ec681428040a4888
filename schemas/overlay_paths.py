"""Which files lie over each slide."""

from collections.abc import Sequence

import pyarrow as pa

from schemas.names import OverlayColumns
from schemas.slide_files import STATUS
from schemas.table import Column, TableSchema
from schemas.values import PATH, SLIDE_ID

RECORD = Column("record", pa.string())
"""JSON: what the slide's coverage is made from."""


def overlay_paths(overlays: Sequence[OverlayColumns]) -> TableSchema:
    """A column per overlay; null where a slide has none and may have none."""
    paths = [Column(overlay.path, pa.string(), nullable=overlay.missing != "fail") for overlay in overlays]
    return TableSchema.of("overlay paths", (SLIDE_ID, PATH, *paths, RECORD, STATUS), key=("slide_id",))
