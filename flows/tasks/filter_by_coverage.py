"""Filter by coverage: keep the tiles that the configuration's expression keeps."""

from collections.abc import Generator
from functools import partial
from typing import Any

import pyarrow as pa

from flows.config.keep_expression import keep_expression
from flows.config.model import CoverageConfig
from flows.execution.batch import Steps
from flows.records.failures import put_aside_before
from flows.records.provenance import (
    FORMAT,
    Record,
    carried_by_coverage,
    coverage_configuration,
    digest_of,
    record_of,
    records_in,
    tiles_record,
    with_metadata,
)
from flows.reports.slide_report import report_columns
from flows.storage.parquet import TableReference, TableWriter, count_rows, read_checked, row_groups
from flows.storage.workspace import Workspace
from flows.tasks.map_slides import map_slides, slide_file
from schemas.coverage import coverage, tiles
from schemas.intermediate import COVERED
from schemas.slide_report import kept_slides
from schemas.table import TableSchema

STAGE = "filter by coverage"


def filter_by_coverage(covered: TableReference, config: CoverageConfig, workspace: Workspace) -> TableReference:
    """Write the kept tiles of each slide to tiles/, one file per slide, in the order of the grid.

    What is there and was made from the same is left alone.

    Returns:
        Which file holds the tiles of which slide, and the report on it.
    """
    table = read_checked(covered, COVERED, workspace)
    if config.gone == "keep":
        table = pa.concat_tables([table, _gone(table, config, workspace)])
    work = partial(_filter, config=config, workspace=workspace)
    return map_slides(
        STAGE,
        table,
        work,
        kept_slides(config.classes),
        workspace,
        table["rows"].to_pylist(),
        request=config.resources.filter_by_coverage,
    )


def _gone(table: pa.Table, config: CoverageConfig, workspace: Workspace) -> pa.Table:
    """Coverage that earlier runs with these settings made of slides that are gone: another `keep` filters it too."""
    rows, configuration = [], coverage_configuration(config)
    aside = put_aside_before(STAGE, workspace)
    known = set(table["file"].to_pylist())
    for path, record in records_in(workspace.published("coverage"), workspace.storage, but=known):
        slide = record["slide"]["described"]
        is_ours = record["format"] == FORMAT and record["configuration"] == configuration
        if is_ours and slide["path"] not in aside:
            rows.append({**slide_file(slide, path, count_rows(path, workspace.files)), "status": "gone"})
    return pa.Table.from_pylist(rows, COVERED.arrow)


def _filter(slide: dict[str, Any], config: CoverageConfig, workspace: Workspace) -> Steps:
    path = workspace.of_slide("tiles", slide["slide_id"])
    made_from, report = carried_by_coverage(slide["file"], workspace.files)
    record = tiles_record(made_from, config)
    if record_of(path, workspace.files) == record and not config.force:
        kept = count_rows(path, workspace.files)
    else:
        kept = yield from _write(slide, path, record, config, workspace)
    told = report_columns(report, slide["rows"], kept)
    return {**slide_file(slide, path, kept), "made_from": digest_of(record), **told}


def _write(
    slide: dict[str, Any], path: str, record: Record, config: CoverageConfig, workspace: Workspace
) -> Generator[tuple[TableSchema, pa.Table], None, int]:
    """Write the kept tiles of a slide.

    Returns:
        How many there are.
    """
    takes, gives = coverage(config.overlay_columns), tiles(config.overlay_columns)
    keep = None if config.keep is None else keep_expression(config.keep, config.classes)
    with TableWriter(path, with_metadata(gives.arrow, record), workspace) as writer:
        for group in row_groups(slide["file"], workspace.files):
            yield takes, group
            chosen = group if keep is None else group.filter(keep)
            yield gives, chosen
            writer.write(chosen)
    return writer.rows
