"""Filter by coverage: keep the tiles that the configuration's expression keeps."""

from functools import partial
from typing import Any

from flows.config import CoverageConfig
from flows.keep import keep_expression
from flows.provenance import tiles_metadata
from flows.stage import map_slides, take
from flows.tables import TableReference, TableWriter, row_groups
from flows.together import Steps
from flows.workspace import Workspace
from schemas.coverage import coverage, tiles
from schemas.slide_files import SLIDE_FILES

STAGE = "filter by coverage"


def filter_by_coverage(covered: TableReference, config: CoverageConfig, workspace: Workspace) -> TableReference:
    """Write the kept tiles of each slide to tiles/, one file per slide, in the order of the grid.

    Returns:
        Which file holds the tiles of which slide.
    """
    table = take(covered, SLIDE_FILES)
    work = partial(_filter, config=config, workspace=workspace)
    return map_slides(STAGE, table, work, SLIDE_FILES, workspace, table["rows"].to_pylist())


def _filter(slide: dict[str, Any], config: CoverageConfig, workspace: Workspace) -> Steps:
    path = workspace.published("tiles", f"{slide['slide_id']}.parquet")
    takes, gives = coverage(config.overlay_columns), tiles(config.overlay_columns)
    keep = None if config.keep is None else keep_expression(config.keep, config.classes)
    with TableWriter(path, gives.arrow.with_metadata(tiles_metadata(config)), workspace.hidden) as writer:
        for group in row_groups(slide["file"]):
            yield takes, group
            kept = group if keep is None else group.filter(keep)
            yield gives, kept
            writer.write(kept)
    return {"slide_id": slide["slide_id"], "path": slide["path"], "file": path, "rows": writer.rows}
