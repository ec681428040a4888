"""TODO."""

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from prefect import Task, flow, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from flows.config.model import CoverageConfig
from flows.execution.retries import is_transient
from flows.records.failures import publish_failures
from flows.records.run_record import PutAsideError, Summary, finish
from flows.reports.artifacts import publish
from flows.reports.gallery import publish_gallery
from flows.reports.slide_report import report_slides
from flows.storage.lock import output_lock
from flows.storage.parquet import TableReference, read_table
from flows.storage.workspace import Workspace
from flows.tasks import (
    compute_overlaps,
    derive_overlay_paths,
    discover_slides,
    draw_previews,
    filter_by_coverage,
    tile_slides,
)
from flows.tasks.draw_previews import STAGE as PREVIEWS
from schemas.failures import STAGES

Given = TypeVar("Given")

RETRY_DELAYS = [10.0, 60.0]
"""Seconds before a task is tried again: longer than what `flows.transient` waits for a slide."""


def is_worth_another_try(_task: object, _run: object, state: State[Any]) -> bool:
    """Whether a task failed because of the storage, in a way that may be gone in a moment."""
    found = state.result(raise_on_failure=False)
    return isinstance(found, Exception) and is_transient(found)


_FUNCTIONS: tuple[Callable[..., TableReference], ...] = (
    discover_slides,
    tile_slides,
    derive_overlay_paths,
    compute_overlaps,
    filter_by_coverage,
)


def _as_task(function: Callable[..., Given], name: str) -> Task[..., Given]:
    """A task that gives a reference, which there is no use to cache.

    All of them read and write files, and may be done twice: what is whole is written over by the same.
    """
    return task(
        name=name,
        cache_policy=NO_CACHE,
        persist_result=False,
        retries=len(RETRY_DELAYS),
        retry_delay_seconds=RETRY_DELAYS,
        retry_condition_fn=is_worth_another_try,
    )(function)


TASKS = {stage: _as_task(function, stage) for stage, function in zip(STAGES, _FUNCTIONS, strict=True)}
"""What the tables are made by; each may put slides aside."""
DRAW = _as_task(draw_previews, PREVIEWS)
"""What the pictures are made by; it puts no slide aside."""


@flow(name="coverage", flow_run_name="coverage-{config.label}", persist_result=False)
def coverage(config: CoverageConfig) -> State[Summary]:
    """Tile slides, compute how much of each tile its overlays cover, and keep the tiles that are covered enough."""
    started = datetime.now().astimezone()
    workspace = Workspace.at(config.output)
    given: dict[str, TableReference] = {}
    seconds: dict[str, float] = {}

    def timed(work: Task[..., Given], *references: TableReference) -> Given:
        began = time.monotonic()
        result: Given = work(*references, config, workspace)
        seconds[work.name] = time.monotonic() - began
        return result

    def run(stage: str, *references: TableReference) -> TableReference:
        given[stage] = timed(TASKS[stage], *references)
        return given[stage]

    discover, tile, derive, compute, keep = STAGES
    with output_lock(workspace.storage):
        workspace.tidy()  # what a run that was killed has left
        slides = run(discover)
        covered = run(compute, run(tile, slides), run(derive, slides))
        kept = run(keep, covered)
        pictures = read_table(timed(DRAW, kept), workspace.files) if config.previews else None
        reports = report_slides(covered, kept, config, workspace)
        failures = publish_failures([given[stage].failures for stage in STAGES], workspace)
        summary = finish(config, workspace, given, failures, seconds, started)
        publish_gallery(reports, failures, pictures, config, workspace)
        workspace.tidy()
    publish(config, summary, seconds, reports, failures, pictures, workspace)
    if summary.is_tolerated:
        return Completed(message=str(summary), data=summary)
    aside = PutAsideError(summary)
    return Failed(name="PutAside", message=str(aside), data=aside)
