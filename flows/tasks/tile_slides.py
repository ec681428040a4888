"""Tile slides: lay a grid over each."""

import math
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from flows.config.model import CoverageConfig
from flows.execution.batch import Steps
from flows.storage.parquet import TableReference, TableWriter, count_rows, read_checked
from flows.storage.workspace import Workspace
from flows.tasks.map_slides import map_slides, slide_file
from ratiopath.errors import UnsupportedImageError
from ratiopath.grid import axis_origins
from schemas.grid import GRID
from schemas.intermediate import SLIDE_FILES, discovered_slides

STAGE = "tile slides"
MAX_TILES = 1 << 26
"""A header that lies may ask for a million times more."""
ROWS_PER_GROUP = 65_536
"""Tiles of a row group, at least: the piece of a slide that is measured at once. pandera checks a table in 25-70 ms,
whatever the number of its rows; more rows would only cost memory."""


def tile_slides(slides: TableReference, config: CoverageConfig, workspace: Workspace) -> TableReference:
    """Write the grid of each slide, row-major, in row groups of whole rows of tiles; one that is there is taken.

    Returns:
        Which file holds the grid of which slide.
    """
    table = read_checked(slides, discovered_slides(tuple(config.manifest_columns)), workspace).drop_columns(
        ["downsample", "identity"]
    )
    work = partial(_tile, last=config.tiling.last, workspace=workspace)
    tiles = [_tiles_of(slide) for slide in table.to_pylist()]
    return map_slides(STAGE, table, work, SLIDE_FILES, workspace, tiles, request=config.resources.tile_slides)


def _tiles_of(slide: dict[str, Any]) -> int:
    return math.prod(-(-slide[f"extent_{axis}"] // slide[f"stride_{axis}"]) for axis in "xy")


def _tile(slide: dict[str, Any], last: Any, workspace: Workspace) -> Steps:
    if slide["grid"] is not None:
        return slide_file(slide, slide["grid"], count_rows(slide["grid"], workspace.files))
    if _tiles_of(slide) > MAX_TILES:
        found = f"{_tiles_of(slide):,} on {slide['extent_x']} x {slide['extent_y']} px"
        remedy = "give a larger stride, or check the slide: its header may be wrong"
        raise UnsupportedImageError(
            f"a slide has at most {MAX_TILES:,} tiles", path=slide["path"], found=found, remedy=remedy
        )
    path = workspace.between("grid", f"{slide['slide_id']}.parquet")
    xs, ys = (
        axis_origins(slide[f"extent_{axis}"], slide[f"tile_extent_{axis}"], slide[f"stride_{axis}"], last)
        for axis in "xy"
    )
    rows = -(-ROWS_PER_GROUP // max(1, len(xs)))
    with TableWriter(path, GRID.arrow, workspace) as writer:
        for start in range(0, len(ys) if len(xs) else 0, rows):
            group = _rows_of_tiles(slide, xs, ys[start : start + rows])
            yield GRID, group
            writer.write(group)
    return slide_file(slide, path, writer.rows)


def _rows_of_tiles(slide: dict[str, Any], xs: np.ndarray, ys: np.ndarray) -> pa.Table:
    tiles = len(xs) * len(ys)
    origins = {"tile_x": pa.array(np.tile(xs, len(ys))), "tile_y": pa.array(np.repeat(ys, len(xs)))}
    columns = [
        origins[field.name] if field.name in origins else pa.repeat(pa.scalar(slide[field.name], field.type), tiles)
        for field in GRID.arrow
    ]
    return pa.Table.from_arrays(columns, schema=GRID.arrow)
