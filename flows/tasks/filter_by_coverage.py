"""Filter by coverage: keep the tiles that the configuration's expression keeps."""

import os
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from flows.config import CoverageConfig
from flows.keep import keep_expression
from flows.provenance import EMPTY, coverage_configuration, record_of, recorded, tiles_record
from flows.stage import map_slides, take
from flows.tables import TableReference, TableWriter, row_groups
from flows.together import Steps
from flows.workspace import Workspace
from ratiopath.errors import TruncatedError
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
    if config.gone == "keep":
        table = pa.concat_tables([table, _gone(table, config, workspace)])
    work = partial(_filter, config=config, workspace=workspace)
    return map_slides(STAGE, table, work, SLIDE_FILES, workspace, table["rows"].to_pylist())


def _gone(table: pa.Table, config: CoverageConfig, workspace: Workspace) -> pa.Table:
    """Coverage of earlier runs with these settings: another `keep` filters it too."""
    covered, rows = set(table["slide_id"].to_pylist()), []
    folder = workspace.published("coverage")
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
        stem, suffix = os.path.splitext(name)
        path = workspace.published("coverage", name)
        if suffix != ".parquet" or stem in covered or name == EMPTY:
            continue
        record = record_of(path)
        if record is not None and record["configuration"] == coverage_configuration(config):
            slide, tiles = record["slide"]["identity"]["path"], pq.read_metadata(path).num_rows
            rows.append({"slide_id": stem, "path": slide, "file": path, "rows": tiles, "status": "gone"})
    return pa.Table.from_pylist(rows, COVERED.arrow)


def _filter(slide: dict[str, Any], config: CoverageConfig, workspace: Workspace) -> Steps:
    path = workspace.published("tiles", f"{slide['slide_id']}.parquet")
    made_from = record_of(slide["file"])
    if made_from is None:
        remedy = "run again: it will be made anew"
        raise TruncatedError("a table of coverage carries its record", path=slide["file"], found="none", remedy=remedy)
    record = tiles_record(made_from, config)
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
