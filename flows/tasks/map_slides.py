"""Mapping of a task over slides: a table in, a table out, and a table of the slides that failed."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pyarrow as pa

from flows.config.model import CoverageConfig
from flows.config.resources import Request
from flows.execution.batch import Draft, Row
from flows.execution.map_rows import Outcome, batches_of, map_rows
from flows.records.failures import write_failures
from flows.reports.progress import progress
from flows.storage.parquet import TableReference, write_table
from flows.storage.workspace import Workspace
from schemas.table import TableSchema

Task = Callable[..., TableReference]
"""Function of a task; its name is the name of the task everywhere."""
_SLIDES_PER_BATCH = 16
"""Slides of a Ray task where the cost of a slide is unknown."""
_MIN_BATCHES = 32
"""Batches before any has a second slide: few slides are spread over the workers, and the bar moves in small steps."""


def title(task: Task) -> str:
    """Return the name of a task for people, such as "discover slides"."""
    return task.__name__.replace("_", " ")


def request_of(task: Task, config: CoverageConfig) -> Request:
    """Return the resources that a Ray task of a task reserves."""
    request: Request = getattr(config.resources, task.__name__)
    return request


def write_result(
    task: Task, rows: Sequence[Row], failures: Sequence[Row], schema: TableSchema, workspace: Workspace
) -> TableReference:
    """Validate and write the result of a task.

    Args:
        task: Function of the task.
        rows: A row per slide that goes on.
        failures: A row per failed slide: path, error, message and, if it failed in a worker, trace.
        schema: Schema of the rows.
        workspace: Workspace of the run.
    """
    path = workspace.between(f"{task.__name__}.parquet")
    write_table(schema.table(rows), path, workspace)
    write_failures(title(task), failures, workspace)
    return TableReference(path, title(task))


def map_slides(
    task: Task,
    slides: pa.Table,
    compute: Callable[..., Row | Draft],
    schema: TableSchema,
    config: CoverageConfig,
    workspace: Workspace,
    *,
    tiles: Sequence[int] | None = None,
) -> TableReference:
    """Run a task's work for each slide on Ray Data.

    Args:
        task: Function of the task.
        slides: A row per slide, with its path.
        compute: Work on one row, with `config` and `workspace` by name.
        schema: Schema of the result, a row per slide.
        config: Configuration of the run.
        workspace: Workspace of the run.
        tiles: Number of tiles of each slide, where the cost depends on it.
    """
    paths = slides["path"].to_pylist()
    few = min(_SLIDES_PER_BATCH, 1 + len(paths) // _MIN_BATCHES)
    batches = batches_of([0] * len(paths), max_rows=few) if tiles is None else batches_of(tiles)
    work = partial(compute, config=config, workspace=workspace)
    done: list[Outcome] = []
    with progress(title(task), len(paths), workspace) as advance:
        for outcome in map_rows(slides, work, schema.arrow, batches, request_of(task, config)):
            done.append(outcome)
            advance(paths[outcome.number], outcome.seconds, outcome.reason)
    done.sort(key=lambda outcome: outcome.number)
    rows = [outcome.result for outcome in done if outcome.result is not None]
    failed = [outcome.failure(paths[outcome.number]) for outcome in done if outcome.result is None]
    return write_result(task, rows, failed, schema, workspace)
