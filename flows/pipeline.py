"""The coverage flow: eight tasks in a straight line, then the record and the reports of the run."""

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
from flows.records.run_record import PutAsideError, ReviewError, Summary, finish
from flows.reports.artifacts import publish_artifacts
from flows.reports.gallery import publish_gallery
from flows.reports.ownership import refuse_foreign
from flows.reports.slide_report import report_slides
from flows.storage.lock import output_lock
from flows.storage.parquet import TableReference, read_table
from flows.storage.workspace import Workspace
from flows.tasks.map_slides import title

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


discover = as_task(tasks.discover_slides)
tile = as_task(tasks.tile_slides)
detect = as_task(tasks.detect_tissue)
derive = as_task(tasks.derive_overlay_paths)
compute = as_task(tasks.compute_overlaps)
keep = as_task(tasks.filter_by_coverage)
write = as_task(tasks.export_tiles)
draw = as_task(tasks.draw_previews)


@checked_flow(name="coverage", flow_run_name="coverage-{config.label}", persist_result=False)
def coverage(config: CoverageConfig) -> State[Summary]:
    """Tile slides, compute how much of each tile its overlays cover, and keep the tiles that are covered enough."""
    started = datetime.now().astimezone()
    config = with_column_kinds(config)
    workspace = Workspace.at(config.output)
    with output_lock(workspace):
        refuse_foreign(workspace, previews=config.previews, masks=config.detected is not None)
        refuse_foreign_exports(config, workspace)
        workspace.tidy()  # of killed runs
        slides = discover(config, workspace)
        workspace = replace(workspace, layout=slides.layout)
        grids = tile(slides, config, workspace)
        masked = detect(slides, config, workspace) if config.detected else slides
        overlays = derive(masked, config, workspace)
        covered = compute(grids, overlays, config, workspace)
        kept = keep(covered, config, workspace)
        exported = write(kept, config, workspace) if config.exports else None
        pictures = draw(kept, config, workspace) if config.previews else None
        results = [slides, grids, masked, overlays, covered, kept, *filter(None, [exported, pictures])]
        seconds = {result.task: result.seconds for result in results}
        exports = [] if exported is None else read_table(exported.path, workspace.files).to_pylist()
        drawn = None if pictures is None else read_table(pictures.path, workspace.files)
        reports = report_slides(covered, kept, config, workspace)
        failures = publish_failures(seconds, workspace)
        summary = finish(config, workspace, reports, failures, exports, seconds, started)
        publish_gallery(reports, failures, drawn, config, workspace)
        workspace.tidy()
    publish_artifacts(config, summary, seconds, reports, failures, drawn, workspace)
    if summary.put_aside > summary.tolerated:
        put_aside = PutAsideError(summary)
        return Failed(name="PutAside", message=str(put_aside), data=put_aside)
    if config.strict and not summary.review.is_clean:
        review = ReviewError(summary)
        return Failed(name="Review", message=str(review), data=review)
    return Completed(message=str(summary), data=summary)
