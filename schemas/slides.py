"""Schema of slides.parquet: a row per slide that was found and read."""

from collections.abc import Sequence

import pandera.pyarrow as pap
import pyarrow as pa

from schemas.fields import LEVEL, MPP, PATH, POSITIVE, SLIDE_ID, TILE_EXTENT
from schemas.table import Column, TableSchema

SLIDE_COLUMNS = (
    SLIDE_ID,
    PATH,
    Column("extent_x", pa.int64(), (POSITIVE,)),
    Column("extent_y", pa.int64(), (POSITIVE,)),
    *TILE_EXTENT,
    Column("stride_x", pa.int64(), (POSITIVE,)),
    Column("stride_y", pa.int64(), (POSITIVE,)),
    *MPP,
    LEVEL,
    Column("downsample", pa.float64(), (pap.Check.ge(1, error="a downsample is >= 1"),)),
    Column("level0_extent_x", pa.int64(), (POSITIVE,)),
    Column("level0_extent_y", pa.int64(), (POSITIVE,)),
    Column("level0_mpp_x", pa.float64(), (POSITIVE,), nullable=True),
    Column("level0_mpp_y", pa.float64(), (POSITIVE,), nullable=True),
)

MANIFEST_TYPES = {"text": pa.string(), "integer": pa.int64(), "number": pa.float64(), "boolean": pa.bool_()}
"""Arrow type of each kind of column that a manifest may add."""

SLIDES = TableSchema.of("slides", SLIDE_COLUMNS, key=("path",))
"""The slides without columns of a manifest."""


def slides(manifest: Sequence[tuple[str, pa.DataType]]) -> TableSchema:
    """Return the schema of slides.parquet.

    Args:
        manifest: Name and type of each column of the manifest that goes through.
    """
    return TableSchema.of("slides", (*SLIDE_COLUMNS, *manifest_columns(manifest)), key=("path",))


def manifest_columns(manifest: Sequence[tuple[str, pa.DataType]]) -> list[Column]:
    """Return the columns of the manifest that go through; a cell may be empty."""
    return [Column(name, kind, nullable=True) for name, kind in manifest]
