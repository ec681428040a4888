"""Task `filter by coverage`: the tiles that the configuration's expression keeps."""

from collections.abc import Iterable
from functools import partial
from typing import Any

import pyarrow as pa

from flows.config.keep_expression import keep_expression
from flows.config.model import CoverageConfig
from flows.execution.batch import Draft, Row
from flows.records.failures import failed_before
from flows.records.fingerprints import Json
from flows.records.provenance import Provenance, read_coverage_metadata, read_metadata, with_metadata
from flows.records.slides import CoveredSlide, SlideFile
from flows.records.stored_files import has_tiles, read_folder
from flows.reports.prefect_progress import run_log
from flows.reports.slide_report import report_columns
from flows.storage.parquet import TableReference, count_rows, read_table, row_groups, write_groups
from flows.storage.workspace import Workspace
from flows.tasks.map_slides import map_slides
from schemas.coverage import tiles
from schemas.intermediate import COVERED
from schemas.slide_report import kept_slides


def filter_by_coverage(covered: TableReference, config: CoverageConfig, workspace: Workspace) -> TableReference:
    """Write the kept tiles to tiles/, a file per slide, in the order of the grid. Files that are up to date are kept.

    Returns:
        Index of the files in tiles/, with the report on each slide.
    """
    table = read_table(covered.path, workspace.files)
    gone = _gone(table, config, workspace)
    if config.gone == "keep":  # another `keep` filters them too
        table = pa.concat_tables([table, gone])
    return map_slides(
        filter_by_coverage,
        table,
        partial(_filter, config=config, workspace=workspace),
        kept_slides(config.classes),
        config,
        workspace,
        tiles=table["rows"].to_pylist(),
    )


def _gone(table: pa.Table, config: CoverageConfig, workspace: Workspace) -> pa.Table:
    """Find coverage of gone slides, made by earlier runs with these settings; warn of files that belong to no slide."""
    known = set(table["file"].to_pylist())
    found = failed_before(filter_by_coverage, workspace).union(table["path"].to_pylist())
    rows = []
    for path, provenance in read_folder(workspace.published("coverage"), workspace.storage, skip=known):
        if provenance is None:
            run_log().warning("ignored %r, which is a copy or damaged; hint: remove it", path)
        elif provenance.is_current(config) and provenance.slide.path not in found:
            slide = provenance.slide
            found.add(slide.path)
            rows.append(CoveredSlide(slide.slide_id, slide.path, path, count_rows(path, workspace.files), "gone"))
    return pa.Table.from_pylist([row.to_row() for row in rows], COVERED.arrow)


def _filter(row: dict[str, Any], config: CoverageConfig, workspace: Workspace) -> Row | Draft:
    covered = SlideFile.from_row(row)
    made_from, report = read_coverage_metadata(covered.file, workspace.storage, config.classes)
    provenance, path = made_from.with_keep(config), workspace.of_slide("tiles", covered.slide_id)
    is_current = not config.force and read_metadata(path, workspace.storage).provenance == provenance
    if is_current and has_tiles(path, covered.slide_id, config, workspace.storage):
        return _result(covered, path, count_rows(path, workspace.files), provenance, report)
    groups: Iterable[pa.Table] = row_groups(covered.file, workspace.files)
    if config.keep is not None:
        keep = keep_expression(config.keep, config.keep_columns)
        groups = (group.filter(keep) for group in groups)

    def write(groups: Iterable[pa.Table]) -> Row:
        schema = with_metadata(tiles(config.overlay_columns).arrow, provenance)
        return _result(covered, path, write_groups(groups, path, schema, workspace), provenance, report)

    return Draft(tiles(config.overlay_columns), groups, write)


def _result(covered: SlideFile, path: str, kept: int, provenance: Provenance, report: Json) -> Row:
    file = SlideFile(covered.slide_id, covered.path, path, kept)
    is_filtered = provenance.settings["keep"] is not None
    columns = report_columns(report, covered.rows, kept, is_filtered=is_filtered)
    return {**file.to_row(), "made_from": provenance.digest, **columns}
