"""Task `tile slides`: the size of each slide's grid."""

from flows.config.model import CoverageConfig
from flows.execution.map_rows import Outcome
from flows.records.slides import Slide
from flows.reports.progress import progress
from flows.storage.parquet import TableReference, read_table
from flows.storage.workspace import Workspace
from flows.tasks.map_slides import title, write_result
from flows.tasks.slide_grid import SlideGrid
from ratiopath.errors import SlideError
from schemas.intermediate import GRID_SIZES


def tile_slides(slides: TableReference, config: CoverageConfig, workspace: Workspace) -> TableReference:
    """Count the tiles of each slide; they are formed where they are measured (`flows.tasks.slide_grid`).

    A slide that would have too many fails. Nothing is read or written but the table of slides.

    Returns:
        The number of tiles and of row groups of each slide.
    """
    rows, failures = [], []
    found = read_table(slides.path, workspace.files).to_pylist()
    with progress(title(tile_slides), len(found), workspace) as advance:
        for number, slide in enumerate(map(Slide.from_row, found)):
            try:
                sizes = SlideGrid.of(slide, config.tiling.last).group_sizes
            except SlideError as error:
                failed = Outcome.of(number, error)
                failures.append(failed.failure(slide.path))
                advance(slide.path, reason=failed.reason)
            else:
                row = {"slide_id": slide.slide_id, "path": slide.path, "tiles": sum(sizes), "groups": len(sizes)}
                rows.append(row)
                advance(slide.path)
    return write_result(tile_slides, rows, failures, GRID_SIZES, workspace)
