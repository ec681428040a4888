"""Task `export tiles`: kept tiles in the formats of other programs, after each run.

The tables are what a run is for: a slide that a format cannot hold costs a warning, never the slide or the run.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from flows.config.errors import ConfigurationError
from flows.config.export_settings import FormatName
from flows.config.model import CoverageConfig
from flows.execution.batch import Row
from flows.execution.map_rows import batches_of, map_rows
from flows.exports.export import Export, Result, RunningExport, SlideExport, source_of
from flows.exports.export_record import ExportedFiles, ExportRecord, PutAside
from flows.records.finished_output import FinishedOutput
from flows.reports.progress import progress
from flows.reports.run_log import run_log
from flows.storage.parquet import TableReference, read_table
from flows.storage.workspace import Workspace
from flows.tasks.map_slides import request_of, title, write_result
from schemas.intermediate import EXPORTED, EXPORTS

MAX_LINES = 20
"""Slides put aside with a log line each, of one format."""


def export_tiles(kept: TableReference, config: CoverageConfig, workspace: Workspace) -> TableReference:
    """Write the formats of `exports`; the files of a slide whose tiles are those of the last export are kept.

    Slides that are gone are not exported: they are not in slides.parquet, and other programs open them.

    Args:
        kept: Index of the files in tiles/.
        config: Configuration of the run.
        workspace: Workspace of the run.

    Returns:
        Table of `schemas.intermediate.EXPORTS`, a row per format.
    """
    index = read_table(kept.path, workspace.files)
    digests = dict(zip(index["slide_id"].to_pylist(), index["made_from"].to_pylist(), strict=True))
    slides = read_table(workspace.published("slides.parquet"), workspace.files)
    slides = slides.filter(pc.field("slide_id").isin(index["slide_id"].combine_chunks()))
    tables = FinishedOutput(workspace, config, {}, slides)
    rows = [_export(name, tables, digests, workspace) for name in config.exports]
    return write_result(export_tiles, rows, [], EXPORTS, workspace)


def _export(name: FormatName, tables: FinishedOutput, digests: dict[str, str], workspace: Workspace) -> Row:
    """Write one format, and return its row of the result."""
    export = Export.open(tables, name, tables.config.exports[name])
    last = {one.slide_id: one for one in export.previous.every} if export.previous else {}
    kept: dict[str, Result] = {}
    for row in export.rows if not tables.config.force else ():
        slide_id = row["slide_id"]
        if slide_id in last and export.is_current(last[slide_id], source_of(digests[slide_id], row)):
            kept[slide_id] = last[slide_id]
    carried = export.carried(digests.get)
    if export.previous is not None and export.is_complete(kept, carried):
        return _summary(export, export.previous, 0)
    if export.is_pooled:
        kept = {}  # the files of all slides are written together
    with export.running() as running:
        written = _write(running, tables.config, workspace, kept)
        record = running.finish([(kept | written)[row["slide_id"]] for row in export.rows], carried)
    _warn(name, record)
    return _summary(export, record, sum(isinstance(one, ExportedFiles) for one in written.values()))


def _write(
    running: RunningExport, config: CoverageConfig, workspace: Workspace, kept: dict[str, Result]
) -> dict[str, Result]:
    """Write the slides whose files are not kept: on Ray, or here if their files are written together."""
    export, results = running.export, dict[str, Result]()
    rows = [row for row in export.rows if row["slide_id"] not in kept]
    with progress(f"export {export.slide.name}", len(rows), workspace) as advance:
        if running.pool:
            for row in rows:
                results[row["slide_id"]] = _attempt(running, row)
                advance(row["path"])
            return results
        table = pa.Table.from_pylist(rows, export.schema)
        work = partial(_in_worker, slide=export.slide)
        batches = batches_of([0] * len(rows), max_rows=max(1, min(16, len(rows) // 32)))
        for outcome in map_rows(table, work, EXPORTED.arrow, batches, request_of(export_tiles, config)):
            row, found = rows[outcome.number], outcome.result
            trouble = outcome.reason if found is None else found.pop("trouble")
            if trouble is not None:
                results[row["slide_id"]] = PutAside(path=row["path"], reason=trouble)
            else:
                results[row["slide_id"]] = ExportedFiles.model_validate(found)
            advance(row["path"], outcome.seconds, trouble)
    return results


def _attempt(running: RunningExport | SlideExport, row: Mapping[str, Any]) -> Result:
    try:
        return running.attempt(row)
    except ConfigurationError as error:  # the tables are written: what the format refuses is no reason to end the run
        return PutAside(path=row["path"], reason=str(error))


def _in_worker(row: Row, slide: SlideExport) -> Row:
    result = _attempt(slide, row)
    if isinstance(result, PutAside):
        return {"slide_id": row["slide_id"], "path": result.path, "trouble": result.reason}
    return {**result.model_dump(), "trouble": None}


def _summary(export: Export, record: ExportRecord, written: int) -> Row:
    return {
        "format": record.format,
        "folder": export.folder,
        "slides": len(record.slides),
        "tiles": sum(slide.tiles for slide in record.slides),
        "files": len(list(record.files)),
        "written": written,
        "put_aside": len(record.put_aside),
    }


def _warn(name: str, record: ExportRecord) -> None:
    task, aside = title(export_tiles), record.put_aside
    for one in aside[:MAX_LINES]:
        run_log().warning("%s: %s is not in %s: %s", task, one.path, name, " ".join(one.reason.split()))
    if len(aside) > MAX_LINES:
        run_log().warning("%s: %d more slides are not in %s", task, len(aside) - MAX_LINES, name)
