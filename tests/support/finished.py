"""Finished outputs made by hand, without a run: the tables, checked against their schemas, and run.json."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from flows.config.model import CoverageConfig
from flows.config.slide_id import slide_id_of
from flows.records.finished_output import FinishedOutput
from flows.records.provenance import manifest_schema
from flows.records.slides import Slide
from flows.tasks.filter_by_coverage import kept_tiles
from ratiopath.geometry import Extent, Mpp
from schemas.coverage import coverage, tiles
from schemas.slides import SLIDES
from schemas.table import checked

TILE = 16
"""Side of a tile in px of level 1, 32 px of level 0."""


@dataclass(frozen=True)
class HandmadeSlide:
    """One slide of an output: its grid, the shares of each class in row-major order, and the tiles kept."""

    path: str
    """Path of a slide that need not exist."""
    columns: int
    """Tiles along x."""
    shares: Mapping[str, Sequence[float | None]]
    """Share of each class per tile."""
    kept: Sequence[bool]
    """True for the tiles of tiles/."""
    mpp: float | None = 0.5
    """Resolution of level 0, µm/px; level 1 is tiled, twice that."""
    cells: Mapping[str, Any] = field(default_factory=dict)
    """Cells of the manifest; in tiles/ too if the settings have `columns` with their kinds."""


def write_output(folder: Path, slides: Sequence[HandmadeSlide], **changes: Any) -> FinishedOutput:
    """Write slides.parquet, coverage/, tiles/ and run.json of slides with a level 1 that is tiled.

    Args:
        folder: Folder to make.
        slides: The slides; all have the same classes.
        changes: Further settings, such as `keep`.
    """
    classes = list(slides[0].shares)
    config = CoverageConfig.model_validate(
        {
            "slides": "/slides",
            "output": str(folder),
            "tiling": {"level": 1, "tile_extent": TILE},
            "overlays": {
                "mask": {"path": "{dir}/{stem}_mask.tiff", "classes": {name: [n + 1] for n, name in enumerate(classes)}}
            },
            **changes,
        }
    )
    rows = []
    for name in ("coverage", "tiles"):
        (folder / name).mkdir(parents=True)
    for one in slides:
        slide, table = _described(one, config), _covered(one, config)
        rows.append(slide.to_row() | dict(one.cells))
        _write(table, folder / "coverage" / f"{slide.slide_id}.parquet")
        schema = tiles(config.overlay_columns, manifest_schema(config))
        cells = {name: one.cells.get(name) for name in config.column_kinds}
        kept = kept_tiles(table.filter(pa.array(list(one.kept), pa.bool_())), None, slide, schema, cells)
        _write(checked(kept, schema), folder / "tiles" / f"{slide.slide_id}.parquet")
    checked(pa.Table.from_pylist(rows, SLIDES.arrow), SLIDES)
    pq.write_table(pa.Table.from_pylist(rows), folder / "slides.parquet")
    record = {"configuration": config.model_dump(mode="json"), "versions": {"ratiopath-flows": "0"}, "counts": {}}
    (folder / "run.json").write_text(json.dumps(record))
    return FinishedOutput.open(str(folder))


def _write(table: pa.Table, path: Path) -> None:
    """Write a file as the flow does: without a row group if there are no rows."""
    with pq.ParquetWriter(path, table.schema) as writer:
        if table.num_rows:
            writer.write_table(table)


def _described(one: HandmadeSlide, config: CoverageConfig) -> Slide:
    lines = len(one.kept) // one.columns
    extent, tile = Extent(one.columns * TILE, lines * TILE), Extent(TILE, TILE)
    level0 = Extent(2 * extent.width, 2 * extent.height)
    mpps = (None, None) if one.mpp is None else (Mpp.of(2 * one.mpp), Mpp.of(one.mpp))
    return Slide(slide_id_of(one.path, config), one.path, extent, tile, tile, mpps[0], 1, 2.0, level0, mpps[1])


def _covered(one: HandmadeSlide, config: CoverageConfig) -> pa.Table:
    slide, count = _described(one, config).to_row(), len(one.kept)
    numbers = np.arange(count)
    origins = {"tile_x": numbers % one.columns * TILE, "tile_y": numbers // one.columns * TILE}
    schema = coverage(config.overlay_columns).arrow
    known = [next(iter(one.shares.values()))[number] is not None for number in numbers]
    overlaps = [[("0", 1.0)] if is_known else [] for is_known in known]
    made = {
        **origins,
        "mask_path": [one.path.replace(".tiff", "_mask.tiff")] * count,
        "mask_overlap": overlaps,
        "mask_inside": [float(is_known) for is_known in known],
        **one.shares,
    }
    columns = [
        pa.array(made[column.name], column.type)
        if column.name in made
        else pa.repeat(pa.scalar(slide[column.name], column.type), count)
        for column in schema
    ]
    return checked(pa.Table.from_arrays(columns, schema=schema), coverage(config.overlay_columns))
