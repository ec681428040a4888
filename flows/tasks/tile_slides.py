"""Task `tile slides`: the grid of each slide."""

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa

from flows.config.model import CoverageConfig
from flows.execution.batch import Draft, Row
from flows.records.slides import Slide, SlideFile
from flows.records.stored_files import count_tiles, grid_axes
from flows.storage.parquet import TableReference, count_rows, read_table, write_groups
from flows.storage.publication import Publication
from flows.storage.workspace import Workspace, checked_id
from flows.tasks.map_slides import map_slides
from ratiopath.geometry import Int64s
from schemas.grid import GRID
from schemas.intermediate import SLIDE_FILES

ROWS_PER_GROUP = 65_536
"""Minimum number of tiles of a row group, the piece of a slide that is measured at once. pandera takes 25-70 ms a
table, whatever its rows; more rows would only cost memory."""
MAX_ROWS_PER_GROUP = 2 * ROWS_PER_GROUP
"""Maximum number of tiles of a row group: a longer row of tiles is cut."""


def tile_slides(slides: TableReference, config: CoverageConfig, workspace: Workspace) -> TableReference:
    """Write the grid of each slide, row-major, in row groups of whole rows of tiles; a stored grid is reused.

    Returns:
        Index of the files with the grids.
    """
    table = read_table(slides.path, workspace.files).drop_columns(["identity"])
    tiles = [count_tiles(Slide.from_row(row)) for row in table.to_pylist()]
    return map_slides(tile_slides, table, _tile, SLIDE_FILES, config, workspace, tiles=tiles)


def _tile(row: Row, config: CoverageConfig, workspace: Workspace) -> Row | Draft:
    slide, grid = Slide.from_row(row), row["grid"]
    if grid is not None:
        return SlideFile(slide.slide_id, slide.path, grid, count_rows(grid, workspace.files)).to_row()
    xs, ys = grid_axes(slide, config.tiling.last)

    def write(groups: Iterable[pa.Table], _: Publication) -> Row:
        path = workspace.between("grid", f"{checked_id(slide.slide_id)}.parquet")
        return SlideFile(slide.slide_id, slide.path, path, write_groups(groups, path, GRID.arrow, workspace)).to_row()

    return Draft(GRID, _row_groups(slide, xs, ys), write)


def _row_groups(slide: Slide, xs: Int64s, ys: Int64s) -> Iterator[pa.Table]:
    """Cut the grid into row groups of whole rows of tiles, or of pieces of one row that is longer than a group."""
    rows = -(-ROWS_PER_GROUP // max(1, len(xs)))
    for start in range(0, len(ys) if len(xs) else 0, rows):
        for column in range(0, len(xs), MAX_ROWS_PER_GROUP):
            yield _tiles(slide, xs[column : column + MAX_ROWS_PER_GROUP], ys[start : start + rows])


def _tiles(slide: Slide, xs: Int64s, ys: Int64s) -> pa.Table:
    tiles, values = len(xs) * len(ys), slide.to_row()
    origins = {"tile_x": pa.array(np.tile(xs, len(ys))), "tile_y": pa.array(np.repeat(ys, len(xs)))}
    columns = [
        origins[field.name] if field.name in origins else pa.repeat(pa.scalar(values[field.name], field.type), tiles)
        for field in GRID.arrow
    ]
    return pa.Table.from_arrays(columns, schema=GRID.arrow)
