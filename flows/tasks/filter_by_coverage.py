"""Filter by coverage: keep the tiles that the configuration's expression keeps."""

from functools import partial
from typing import Any

from flows.config import CoverageConfig
from flows.engine import blocks_of
from flows.keep import keep_expression
from flows.provenance import tiles_metadata
from flows.stage import map_slides, take
from flows.tables import TableReference, TableWriter, row_groups
from flows.tasks.tile_slides import ROWS_PER_GROUP
from flows.workspace import Workspace
from schemas.coverage import coverage, tiles
from schemas.slide_files import SLIDE_FILES
from schemas.table import checked

STAGE = "filter by coverage"


def filter_by_coverage(covered: TableReference, config: CoverageConfig, workspace: Workspace) -> TableReference:
    """Write the kept tiles of each slide to tiles/, one file per slide, in the order of the grid.

    Returns:
        Which file holds the tiles of which slide.
    """
    table = take(covered, SLIDE_FILES)
    blocks = blocks_of(table["rows"].to_pylist(), ROWS_PER_GROUP)
    return map_slides(
        STAGE, table, partial(_filter, config=config, workspace=workspace), SLIDE_FILES, workspace, blocks
    )


def _filter(slide: dict[str, Any], config: CoverageConfig, workspace: Workspace) -> dict[str, Any]:
    path = workspace.published("tiles", f"{slide['slide_id']}.parquet")
    takes, gives = coverage(config.overlay_columns), tiles(config.overlay_columns)
    keep = None if config.keep is None else keep_expression(config.keep, config.classes)
    with TableWriter(path, gives.arrow.with_metadata(tiles_metadata(config)), workspace.hidden) as writer:
        for group in row_groups(slide["file"]):
            found = checked(group, takes)
            writer.write(checked(found if keep is None else found.filter(keep), gives))
    return {"slide_id": slide["slide_id"], "path": slide["path"], "file": path, "rows": writer.rows}
