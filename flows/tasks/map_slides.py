"""What the tasks have in common: a table in, a table out, and a table of the slides put aside on the way."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from flows.config.resources import DEFAULT, Request
from flows.execution.batch import Row, Work
from flows.execution.map_rows import Outcome, blocks_of, map_rows
from flows.reports.progress import progress
from flows.storage.parquet import TableReference, write_table
from flows.storage.workspace import Workspace
from schemas.failures import TRACED_FAILURES
from schemas.table import TableSchema, checked

_SLIDES_PER_BLOCK = 16
"""Slides for one Ray task where the cost of a slide is unknown."""
_MIN_BLOCKS = 16
"""Few slides are spread over workers first."""


def write_checked(
    stage: str,
    rows: Sequence[dict[str, Any]],
    failures: Sequence[dict[str, Any]],
    schema: TableSchema,
    workspace: Workspace,
) -> TableReference:
    """Check and write what a task gives.

    Args:
        stage: The task.
        rows: A row per slide that goes on.
        failures: A row per slide that is put aside: path, error, message and, of an error in a worker, trace.
        schema: What the rows must be.
        workspace: Where to write.
    """
    table = checked(pa.Table.from_pylist(list(rows), schema.arrow), schema)
    aside = pa.Table.from_pylist([{"stage": stage, **failure} for failure in failures], TRACED_FAILURES.arrow)
    path = workspace.between(f"{schema.name} of {stage}.parquet")
    write_table(table, path, workspace)
    write_table(checked(aside, TRACED_FAILURES), workspace.failures(stage), workspace)
    return TableReference(path, workspace.failures(stage))


def slide_file(slide: Row, path: str, rows: int) -> Row:
    """A row of an index: which file of how many rows holds what a task gives for a slide."""
    return {"slide_id": slide["slide_id"], "path": slide["path"], "file": path, "rows": rows}


def map_slides(
    stage: str,
    slides: pa.Table,
    work: Work,
    gives: TableSchema,
    workspace: Workspace,
    tiles: Sequence[int] | None = None,
    aside: Sequence[dict[str, Any]] = (),
    request: Request = DEFAULT,
) -> TableReference:
    """Do the work of a task for each slide on Ray Data.

    Args:
        stage: The task.
        slides: A row per slide, with its path.
        work: What is done with a row.
        gives: What the work gives for each slide.
        workspace: Where to write.
        tiles: How many each slide has, where that is what it costs.
        aside: Slides that were put aside before: path, error and message.
        request: What a Ray task asks its node for.
    """
    paths = slides["path"].to_pylist()
    few = min(_SLIDES_PER_BLOCK, 1 + len(paths) // _MIN_BLOCKS)
    blocks = blocks_of([0] * len(paths), most=few) if tiles is None else blocks_of(tiles)
    done: list[Outcome] = []
    with progress(stage, len(aside) + len(paths)) as advance:
        for slide in aside:
            advance(slide["path"], reason=f"{slide['error']}: {slide['message']}")
        for outcome in map_rows(slides, work, gives.arrow, blocks, request):
            done.append(outcome)
            advance(paths[outcome.number], outcome.seconds, outcome.reason)
    done.sort(key=lambda outcome: outcome.number)
    rows = [outcome.result for outcome in done if outcome.result is not None]
    failures = [outcome.failure(paths[outcome.number]) for outcome in done if outcome.result is None]
    return write_checked(stage, rows, [*aside, *failures], gives, workspace)
