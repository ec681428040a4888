"""GeoParquet files, a row per tile with its box, for LazySlide, geopandas, QGIS and DuckDB."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely

from flows.config.model import CoverageConfig
from flows.exports.column_names import refuse_taken
from flows.exports.export_format import ExportedSlide

GEOMETRY = "geometry"
"""Column of the boxes."""
COLUMNS = ("tile_id", "x", "y", "tissue_id", GEOMETRY)
"""Columns of every file; the classes stand before the geometry."""


class GeoParquetFormat:
    """GeoParquet 1.1, a file per slide.

    Frame: pixels of level 0, y downwards. There is no coordinate reference system (`"crs": null`): the pixels of a
    slide are no place on Earth. Columns and metadata: https://geoparquet.org/releases/v1.1.0.
    """

    name: ClassVar[str] = "geoparquet"
    reader: ClassVar[str] = "geopandas 1.2"
    taken: ClassVar[tuple[str, ...]] = COLUMNS

    def write_slide(self, exported: ExportedSlide, folder: Path) -> None:
        """Write {name}.parquet; a slide without tiles has a file without rows."""
        table = tile_boxes(exported.tiles, exported.classes)
        with pq.ParquetWriter(folder / f"{exported.name}.parquet", table.schema) as writer:
            if table.num_rows:  # some readers refuse an empty row group
                writer.write_table(table)

    def write_cohort(self, slides: Sequence[ExportedSlide], config: CoverageConfig, folder: Path) -> None:
        """Write nothing: each file stands alone."""

    def next_steps(self, folder: str) -> Iterator[str]:
        """Yield the line that reads a file."""
        yield f'geopandas.read_parquet("{folder}/SLIDE.parquet")'


def tile_boxes(tiles: pa.Table, classes: Sequence[str]) -> pa.Table:
    """Make a GeoParquet table of tiles.

    Args:
        tiles: Rows of tiles/ of one slide.
        classes: Columns of numbers to copy, nulls as they are.

    Returns:
        tile_id (int64, 0 to n - 1 in the order of `tiles`), x and y (int64, top-left corner), tissue_id (int64, null:
        pieces of tissue are not told apart), the classes, and geometry (WKB of the tile's box). Coordinates are pixels
        of level 0.

    Raises:
        ConfigurationError: A class has the name of another column.
    """
    refuse_taken(classes, COLUMNS, "geoparquet")
    x, y, width, height = (tiles[f"level0_{name}"].to_numpy() for name in ("x", "y", "extent_x", "extent_y"))
    wkb = shapely.to_wkb(shapely.box(x, y, x + width, y + height), byte_order=1)
    columns = {
        "tile_id": pa.array(np.arange(len(x), dtype=np.int64)),
        "x": pa.array(x),
        "y": pa.array(y),
        "tissue_id": pa.nulls(len(x), pa.int64()),
        **{name: tiles[name] for name in classes},
        GEOMETRY: pa.array(wkb, pa.binary()),
    }
    bounds = [min(x), min(y), max(x + width), max(y + height)] if len(x) else None
    described = {
        "encoding": "WKB",
        "geometry_types": ["Polygon"],
        "crs": None,
        "edges": "planar",
        **({} if bounds is None else {"bbox": [float(bound) for bound in bounds]}),
    }
    geo = {"version": "1.1.0", "primary_column": GEOMETRY, "columns": {GEOMETRY: described}}
    return pa.table(columns).replace_schema_metadata({"geo": json.dumps(geo)})
