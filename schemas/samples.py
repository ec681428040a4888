"""Schema of sample.parquet: a row per tile of a sample."""

import pandera.pyarrow as pap
import pyarrow as pa

from schemas.table import Column, TableSchema

SAMPLE = TableSchema.of(
    "sample",
    (
        Column("slide_id", pa.string()),
        Column("tile_x", pa.int64()),
        Column("tile_y", pa.int64()),
        Column("class", pa.string(), nullable=True),
        Column("weight", pa.float64(), (pap.Check.ge(1, error="a tile stands for itself at least"),)),
    ),
    key=("slide_id", "tile_x", "tile_y"),
)
"""Sampled tiles, each with the number of tiles that it stands for."""
