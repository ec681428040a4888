"""Task `filter by coverage`: the tiles that the configuration's expression keeps."""

from collections.abc import Iterable
from dataclasses import replace

import pyarrow as pa

from flows.config.keep_expression import keep_expression
from flows.config.model import CoverageConfig
from flows.execution.batch import Draft, Row
from flows.records.failures import failed_before
from flows.records.fingerprints import Json
from flows.records.provenance import Provenance, read_coverage_metadata, read_metadata, tiles_settings, with_metadata
from flows.records.slides import CoveredSlide
from flows.records.stored_files import has_grid, has_tiles, read_folder
from flows.reports.prefect_progress import run_log
from flows.reports.slide_report import report_columns
from flows.storage.parquet import TableReference, count_rows, read_table, row_groups, write_groups
from flows.storage.workspace import Workspace
from flows.tasks.map_slides import map_slides, title
from ratiopath.errors import TruncatedError
from schemas.coverage import tiles
from schemas.intermediate import COVERED
from schemas.slide_report import kept_slides


def filter_by_coverage(covered: TableReference, config: CoverageConfig, workspace: Workspace) -> TableReference:
    """Write the kept tiles to tiles/, a file per slide, in the order of the grid. Files that are up to date are kept.

    Returns:
        Index of the files in tiles/, with the report on each slide.
    """
    table = read_table(covered.path, workspace.files)
    gone, failures = _gone(table, config, workspace), list[Row]()
    if config.gone == "keep":  # another `keep` filters them too
        table = pa.concat_tables([table, gone])
        failures = _damaged_tiles(table, config, workspace)
    tiles, schema = table["rows"].to_pylist(), kept_slides(config.classes)
    return map_slides(filter_by_coverage, table, _filter, schema, config, workspace, tiles=tiles, failures=failures)


def _gone(table: pa.Table, config: CoverageConfig, workspace: Workspace) -> pa.Table:
    """Find coverage of gone slides, made by earlier runs with these settings; warn of files that belong to no slide."""
    known = set(table["file"].to_pylist())
    found = failed_before(title(filter_by_coverage), workspace).union(table["path"].to_pylist())
    rows = []
    for path, provenance in read_folder(workspace.published("coverage"), workspace, skip=known):
        if provenance is None:
            run_log().warning("ignored %r, which is a copy or damaged; hint: remove it", path)
        elif provenance.is_current(config) and provenance.slide.path not in found:
            slide, rows_there = provenance.slide, count_rows(path, workspace.files)
            found.add(slide.path)
            rows.append(CoveredSlide(slide.slide_id, slide.path, path, rows_there, "gone").to_row())
    return pa.Table.from_pylist(rows, COVERED.arrow)


def _damaged_tiles(covered: pa.Table, config: CoverageConfig, workspace: Workspace) -> list[Row]:
    """Find damaged tiles of gone slides that have lost their coverage, which no worker of this task reads."""
    known = {workspace.of_slide("tiles", slide) for slide in covered["slide_id"].to_pylist()}
    found = failed_before(title(filter_by_coverage), workspace).union(covered["path"].to_pylist())
    return [
        {"path": provenance.slide.path, "error": TruncatedError.__name__, "message": str(_damaged(path))}
        for path, provenance in read_folder(workspace.published("tiles"), workspace, skip=known)
        if provenance is not None
        and provenance.is_current(config)
        and provenance.slide.path not in found
        and not has_tiles(path, provenance.slide.slide_id, config, workspace)
    ]


def _damaged(path: str) -> TruncatedError:
    hint = "bring the slide back to have it measured again, or restore the file from a backup, and run again"
    return TruncatedError(
        f"{path!r} of a slide that is gone is damaged or holds other rows, and is removed", path=path, hint=hint
    )


def _filter(row: Row, config: CoverageConfig, workspace: Workspace) -> Row | Draft:
    covered = CoveredSlide.from_row(row)
    made_from, report = read_coverage_metadata(covered.file, workspace, config.classes)
    if covered.status == "gone" and not has_grid(covered.file, made_from, config, workspace):
        raise _damaged(covered.file)
    provenance = replace(made_from, settings=tiles_settings(config))
    path = workspace.of_slide("tiles", covered.slide_id)
    is_current = not config.force and read_metadata(path, workspace).provenance == provenance
    if is_current and has_tiles(path, covered.slide_id, config, workspace):
        return _result(covered, path, count_rows(path, workspace.files), provenance, report)
    groups: Iterable[pa.Table] = row_groups(covered.file, workspace.files)
    if config.keep is not None:
        keep = keep_expression(config.keep, config.keep_columns, config.keep_numbers)
        groups = (group.filter(keep) for group in groups)

    def write(groups: Iterable[pa.Table]) -> Row:
        schema = with_metadata(tiles(config.overlay_columns).arrow, provenance)
        return _result(covered, path, write_groups(groups, path, schema, workspace), provenance, report)

    return Draft(tiles(config.overlay_columns), groups, write)


def _result(covered: CoveredSlide, path: str, kept: int, provenance: Provenance, report: Json) -> Row:
    is_filtered = provenance.settings["keep"] is not None
    columns = report_columns(report, covered.rows, kept, is_filtered=is_filtered)
    return {**covered.to_row(), "file": path, "rows": kept, "made_from": provenance.digest, **columns}
