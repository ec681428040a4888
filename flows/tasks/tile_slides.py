"""Task `tile slides`: the size of each slide's grid."""

from flows.config.model import CoverageConfig
from flows.execution.batch import Row
from flows.records.slides import Slide
from flows.storage.parquet import TableReference, read_table
from flows.storage.workspace import Workspace
from flows.tasks.map_slides import map_slides
from flows.tasks.slide_grid import SlideGrid
from schemas.intermediate import GRID_SIZES
from schemas.slides import SLIDES


def tile_slides(slides: TableReference, config: CoverageConfig, workspace: Workspace) -> TableReference:
    """Lay the grid over each slide and count its tiles; their rows are formed where they are measured.

    A slide that would have too many tiles fails.

    Returns:
        The number of tiles and of row groups of each slide.
    """
    table = read_table(slides.path, workspace.files).select(SLIDES.arrow.names)
    return map_slides(tile_slides, table, _tile, GRID_SIZES, config, workspace, tiles=[0] * table.num_rows)


def _tile(row: Row, config: CoverageConfig, workspace: Workspace) -> Row:  # noqa: ARG001 - has no file to read
    slide = Slide.from_row(row)
    sizes = SlideGrid.of(slide, config.tiling.last).group_sizes
    return {"slide_id": slide.slide_id, "path": slide.path, "tiles": sum(sizes), "groups": len(sizes)}
