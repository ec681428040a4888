"""The coverage flow: its tasks in a straight line for each part of the slides, then the record and the reports."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from prefect import Task, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from flows import tasks
from flows.config.model import CoverageConfig
from flows.execution.checked_flow import checked_flow
from flows.execution.retries import is_transient
from flows.exports.export_target import refuse_foreign_exports
from flows.inputs.discovery import with_column_kinds
from flows.records.failures import publish_failures
from flows.records.output_files import OutputFiles
from flows.records.output_layout import with_stored_layout
from flows.records.run_record import PutAsideError, ReviewError, Summary, finish
from flows.reports.artifacts import publish_artifacts
from flows.reports.gallery import publish_gallery
from flows.reports.ownership import refuse_foreign
from flows.state.run_state import (
    add_part,
    drawn_slides,
    keep_index,
    known_files,
    publish_slides,
    read_state,
    write_kept,
)
from flows.storage.lock import output_lock
from flows.storage.parquet import TableReference, count_rows, read_table
from flows.storage.workspace import Part, Workspace
from flows.tasks.map_slides import title
from flows.tasks.select_slides import parts_of
from schemas.slide_report import slide_report

Parameters = ParamSpec("Parameters")
Reference = TypeVar("Reference", bound=TableReference)
RETRY_DELAYS = [10.0, 60.0]
"""Pauses before a task is tried again, in seconds: longer than those for a single slide (`flows.execution.retries`)."""


def is_retried(_task: object, _run: object, state: State[Any]) -> bool:
    """Return True if a task failed because of the storage, with an error that may pass."""
    found = state.result(raise_on_failure=False)
    return isinstance(found, Exception) and is_transient(found)


def as_task(function: Callable[Parameters, Reference]) -> Task[Parameters, Reference]:
    """Make a Prefect task of a function, named after it.

    Results are not cached: they are references. A task may run twice, since whole files are replaced by equal ones.
    """

    @wraps(function)
    def timed(*arguments: Parameters.args, **named: Parameters.kwargs) -> Reference:
        began = time.monotonic()
        result = function(*arguments, **named)
        return replace(result, seconds=time.monotonic() - began)

    return task(
        name=title(function),
        cache_policy=NO_CACHE,
        persist_result=False,
        retries=len(RETRY_DELAYS),
        retry_delay_seconds=RETRY_DELAYS,
        retry_condition_fn=is_retried,
    )(timed)


select = as_task(tasks.select_slides)
discover = as_task(tasks.discover_slides)
tile = as_task(tasks.tile_slides)
detect = as_task(tasks.detect_tissue)
derive = as_task(tasks.derive_overlay_paths)
compute = as_task(tasks.compute_overlaps)
keep = as_task(tasks.filter_by_coverage)
find_gone = as_task(tasks.find_gone_slides)
write = as_task(tasks.export_tiles)
draw = as_task(tasks.draw_previews)


@checked_flow(name="coverage", flow_run_name="coverage-{config.label}", persist_result=False)
def coverage(config: CoverageConfig) -> State[Summary]:
    """Tile slides, compute how much of each tile its overlays cover, and keep the tiles that are covered enough.

    Slides that an earlier run has done are carried; the others go through the tasks in parts of a bounded number.
    """
    started = datetime.now().astimezone()
    config = with_column_kinds(config)
    workspace = Workspace.at(config.output)
    with output_lock(workspace):
        workspace = with_stored_layout(workspace)
        files = OutputFiles.of(workspace)
        has_masks = config.detected is not None
        refuse_foreign(files, known_files(config, workspace), previews=config.previews, masks=has_masks)
        refuse_foreign_exports(config, workspace)
        workspace.tidy()  # of killed runs
        selected = select(files, config, workspace)
        if selected.layout != workspace.layout:
            workspace = replace(workspace, layout=selected.layout)
            files = OutputFiles.of(workspace)  # they have been moved
        seconds = _measure(selected, files, config, workspace)
        del files  # 300 bytes a slide
        state = read_state(config, workspace)
        slides = publish_slides(config, workspace)
        exports = []
        if config.exports:
            exported = write(write_kept(state, workspace), config, workspace)
            seconds[exported.task] = exported.seconds
            exports = read_table(exported.path, workspace.files).to_pylist()
        reports = state.select(slide_report(config.classes).arrow.names)
        failures = publish_failures(list(seconds), workspace)
        summary = finish(config, workspace, slides, reports, failures, exports, seconds, started)
        drawn = drawn_slides(state, config, workspace)
        publish_gallery(reports, failures, drawn, config, workspace)
        keep_index(state, config, workspace)
        workspace.tidy()
    publish_artifacts(config, summary, seconds, reports, failures, drawn, workspace)
    if summary.put_aside > summary.tolerated:
        put_aside = PutAsideError(summary)
        return Failed(name="PutAside", message=str(put_aside), data=put_aside)
    if config.strict and not summary.review.is_clean:
        review = ReviewError(summary)
        return Failed(name="Review", message=str(review), data=review)
    return Completed(message=str(summary), data=summary)


def _measure(
    selected: TableReference, files: OutputFiles, config: CoverageConfig, workspace: Workspace
) -> dict[str, float]:
    """Run the tasks; return the duration of each in s. The state of the slides is in the hidden folder of the run."""
    results = [selected]
    for part in parts_of(selected, workspace):
        slides = discover(selected, config, part)
        grids = tile(slides, config, part)
        masked = detect(slides, config, part) if config.detected else slides
        overlays = derive(masked, config, part)
        covered = compute(grids, overlays, config, part)
        results += [slides, grids, masked, overlays, covered, *_filter(slides, covered, config, part)]
    last = replace(part, part=Part(part.part.number + 1, "gone"))
    gone = find_gone(selected, files, config, last)
    results.append(gone)
    if count_rows(gone.path, workspace.files):
        results += _filter(gone, gone, config, last)  # another `keep` filters them too
    seconds: dict[str, float] = {}
    for result in dict.fromkeys(results):
        seconds[result.task] = seconds.get(result.task, 0.0) + result.seconds
    return seconds


def _filter(
    slides: TableReference, covered: TableReference, config: CoverageConfig, part: Workspace
) -> list[TableReference]:
    """Filter and draw the slides of a part, and add them to the state."""
    kept = keep(covered, slides, config, part)
    pictures = draw(kept, config, part) if config.previews else None
    add_part(slides, covered, kept, pictures, config, part)
    return [kept] if pictures is None else [kept, pictures]
