"""Filter by coverage: keep the tiles that the configuration's expression keeps."""

from functools import partial
from typing import Any

import pyarrow.parquet as pq

from flows.config import CoverageConfig
from flows.keep import keep_expression
from flows.provenance import record_of, recorded, tiles_record
from flows.stage import map_slides, take
from flows.tables import TableReference, TableWriter, row_groups
from flows.together import Steps
from flows.workspace import Workspace
from schemas.coverage import coverage, tiles
from schemas.slide_files import COVERED, SLIDE_FILES

STAGE = "filter by coverage"


def filter_by_coverage(covered: TableReference, config: CoverageConfig, workspace: Workspace) -> TableReference:
    """Write the kept tiles of each slide to tiles/, one file per slide, in the order of the grid.

    What is there and was made from the same is left alone.

    Returns:
        Which file holds the tiles of which slide.
    """
    table = take(covered, COVERED)
    work = partial(_filter, config=config, workspace=workspace)
    return map_slides(STAGE, table, work, SLIDE_FILES, workspace, table["rows"].to_pylist())


def _filter(slide: dict[str, Any], config: CoverageConfig, workspace: Workspace) -> Steps:
    path = workspace.published("tiles", f"{slide['slide_id']}.parquet")
    record = tiles_record(record_of(slide["file"]) or {}, config)
    if record_of(path) == record and not config.force:
        rows = pq.read_metadata(path).num_rows
        return {"slide_id": slide["slide_id"], "path": slide["path"], "file": path, "rows": rows}
    takes, gives = coverage(config.overlay_columns), tiles(config.overlay_columns)
    keep = None if config.keep is None else keep_expression(config.keep, config.classes)
    with TableWriter(path, recorded(gives.arrow, record), workspace.hidden) as writer:
        for group in row_groups(slide["file"]):
            yield takes, group
            kept = group if keep is None else group.filter(keep)
            yield gives, kept
            writer.write(kept)
    return {"slide_id": slide["slide_id"], "path": slide["path"], "file": path, "rows": writer.rows}
