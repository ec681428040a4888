"""Data set of a cohort: slides.parquet, and tiles/ in few large files instead of one per slide."""

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.parquet as pq

from flows.config.model import CoverageConfig
from flows.exports.column_names import refuse_taken
from flows.exports.export_format import ExportedSlide
from flows.exports.shards import GROUP_ROWS, ShardWriter, pieces_of
from flows.records.provenance import manifest_schema
from schemas.slides import SLIDES
from schemas.slides import slides as slides_schema

SHARD_BYTES = 64 << 20
"""Size of a shard, which may reach twice that."""
PARTS = ".parts"
"""Folder of the tiles of single slides until they are put together."""
TILE_COLUMNS = {
    "slide_id": "slide_id",
    "tile_x": "x",
    "tile_y": "y",
    "level": "level",
    "tile_extent_x": "tile_extent_x",
    "tile_extent_y": "tile_extent_y",
    "mpp_x": "mpp_x",
    "mpp_y": "mpp_y",
    "level0_x": "level0_x",
    "level0_y": "level0_y",
    "level0_extent_x": "level0_extent_x",
    "level0_extent_y": "level0_extent_y",
}
"""Name in the data set of each column of tiles/ that is always written."""
CARD = """---
configs:
- config_name: tiles
  data_files: tiles/*.parquet
  default: true
- config_name: slides
  data_files: slides.parquet
---
"""
"""Card from which Hugging Face `datasets` knows the two tables."""


@dataclass(frozen=True, slots=True)
class DatasetFormat:
    """Compact data set of a cohort, sorted by slide id.

    Tables: slides.parquet has `id` beside the columns of the output; tiles/ has slide_id, x and y in pixels of `level`,
    the box on level 0, the classes, and the columns of the manifest. These are the names that the loader of the
    RationAI group's mlkit reads, which looks for slides.parquet and a folder tiles/. Paths, equal in all tiles of a
    slide, are only in slides.parquet.
    """

    name: ClassVar[str] = "dataset"
    reader: ClassVar[str] = "datasets 5.2"
    taken: ClassVar[tuple[str, ...]] = tuple(TILE_COLUMNS.values())
    taken_by_slides: ClassVar[tuple[str, ...]] = ("id", "x", "y", "tiles")
    shares_folder: ClassVar[bool] = True
    shard_bytes: int = SHARD_BYTES
    """Size at which a file of tiles/ is closed after a slide, bytes."""
    group_rows: int = GROUP_ROWS
    """Rows of a row group."""

    def write_slide(self, exported: ExportedSlide, folder: Path) -> None:
        """Write the tiles of one slide to a hidden folder."""
        path = folder / PARTS / f"{exported.slide.slide_id}.parquet"
        path.parent.mkdir(exist_ok=True)
        pq.write_table(dataset_tiles(exported), path, row_group_size=self.group_rows)

    def write_cohort(self, slides: Sequence[ExportedSlide], config: CoverageConfig, folder: Path) -> None:
        """Put the tiles of all slides together and describe them."""
        ordered = sorted(slides, key=lambda one: one.slide.slide_id)
        pq.write_table(dataset_slides(ordered, config), folder / "slides.parquet")
        shards, rows = [], 0
        if ordered:
            parts = {one.slide.slide_id: folder / PARTS / f"{one.slide.slide_id}.parquet" for one in ordered}
            schema = pq.read_schema(parts[ordered[0].slide.slide_id])
            (folder / "tiles").mkdir()
            with ShardWriter(folder / "tiles", schema, self.shard_bytes, self.group_rows) as writer:
                for slide_id, path in parts.items():
                    writer.write_slide(slide_id, pieces_of(path))
                    path.unlink()
            shards, rows = writer.shards, sum(shard.rows for shard in writer.shards)
        shutil.rmtree(folder / PARTS, ignore_errors=True)
        content = {
            "slides": len(ordered),
            "tiles": rows,
            "classes": list(ordered[0].classes) if ordered else [],
            "keep": config.keep,
            "shards": [shard.to_json() for shard in shards],
        }
        (folder / "dataset.json").write_text(json.dumps(content, indent=2, ensure_ascii=False), encoding="utf-8")
        (folder / "README.md").write_text(CARD, encoding="utf-8")

    def next_steps(self, folder: str) -> Iterator[str]:
        """Yield the line that loads the data set."""
        yield f'datasets.load_dataset("parquet", data_dir="{folder}/tiles")'


def dataset_tiles(exported: ExportedSlide) -> pa.Table:
    """Return the tiles of a slide under the names of the data set.

    Raises:
        ConfigurationError: A class, or a column of the manifest, has the name of another column of tiles/ or
            slides.parquet.
    """
    refuse_taken(exported.classes, DatasetFormat.taken, "dataset")
    tiles = exported.tiles
    manifest = [name for name in exported.row if name not in SLIDES.arrow.names and name not in exported.classes]
    refuse_taken(manifest, DatasetFormat.taken_by_slides, "dataset", "columns")
    columns = {new: tiles[name] for name, new in TILE_COLUMNS.items()}
    return pa.table({**columns, **{name: tiles[name] for name in (*exported.classes, *manifest)}})


def dataset_slides(slides: Sequence[ExportedSlide], config: CoverageConfig) -> pa.Table:
    """Return the table of slides: `id`, the columns of slides.parquet, and `tiles`, the number of tiles."""
    columns: dict[str, Any] = {"id": pa.array([one.slide.slide_id for one in slides], pa.string())}
    for field in slides_schema(manifest_schema(config)).arrow:
        columns[field.name] = pa.array([one.row[field.name] for one in slides], field.type)
    columns["tiles"] = pa.array([one.tiles.num_rows for one in slides], pa.int64())
    return pa.table(columns)
