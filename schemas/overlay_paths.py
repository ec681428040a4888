"""Which files lie over each slide."""

from collections.abc import Sequence

import pyarrow as pa

from schemas.names import OverlayColumns
from schemas.table import Column, TableSchema
from schemas.values import PATH, SLIDE_ID


def overlay_paths(overlays: Sequence[OverlayColumns]) -> TableSchema:
    """A column per overlay; null where a slide has none and may have none."""
    paths = [Column(overlay.path, pa.string(), nullable=overlay.missing != "fail") for overlay in overlays]
    return TableSchema.of("overlay paths", (SLIDE_ID, PATH, *paths), key=("slide_id",))
