"""Failed slides: the tables of the tasks, failures.parquet and failures.log."""

import posixpath
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from flows.config.model import CoverageConfig
from flows.config.slide_id import slide_id_of
from flows.records.stored_files import UnreadError
from flows.storage.filesystem import output_errors
from flows.storage.parquet import read_table, write_table
from flows.storage.workspace import Workspace, is_slide_id
from schemas.failures import FAILURES, TRACED_FAILURES
from schemas.table import checked

LOG = "failures.log"
"""File with the traceback of each failed slide; absent if no slide failed."""
ROWS = 1_000
"""Failures that are Python objects at the same time."""
LOG_HEAD = "ratiopath flows: failed slides\n"
"""First line of the log, which marks it as written by a run."""


def write_failures(task: str, failures: Sequence[dict[str, Any]], workspace: Workspace) -> None:
    """Write the slides that failed in a task.

    Args:
        task: Name of the task, the stage.
        failures: A row per slide: path, error, message and, if it failed in a worker, trace.
        workspace: Workspace of the run.
    """
    rows = [{"stage": task, **failure} for failure in failures]
    write_table(TRACED_FAILURES.table(rows), workspace.failures(task), workspace)


def read_failures(workspace: Workspace) -> list[dict[str, Any]]:
    """Read the slides that failed in the tasks of this run so far, a row of `schemas.failures` each."""
    return [row for table in _tables(workspace) for row in table.to_pylist()]


def unread_slides(config: CoverageConfig, workspace: Workspace) -> set[str]:
    """Return the ids of the gone slides that could not be read in this run, whose rows stay."""
    paths = [row["path"] for row in read_failures(workspace) if row["error"] == UnreadError.__name__]
    stems = {posixpath.splitext(posixpath.basename(path))[0] for path in paths}  # of a slide named by its file
    return {slide_id_of(path, config) for path in paths} | {stem for stem in stems if is_slide_id(stem)}


def publish_failures(tasks: Sequence[str], workspace: Workspace) -> pa.Table:
    """Publish failures.parquet, and failures.log with the tracebacks that its messages refer to.

    Args:
        tasks: Names of the tasks, in their order.
        workspace: Workspace of the run.

    Returns:
        A row per failed slide with its first failure, ordered by path.
    """
    failures = _first_of_each_slide(tasks, workspace)
    _write_log(failures, workspace)
    numbers = pa.array(range(1, failures.num_rows + 1)).cast(pa.string())
    messages = pc.binary_join_element_wise(failures["message"], f" [{LOG}, no. ", numbers, "]", "")
    table = failures.drop_columns(["trace"])
    table = table.set_column(table.column_names.index("message"), "message", messages)
    write_table(checked(table, FAILURES), workspace.published("failures.parquet"), workspace)
    return table


def _first_of_each_slide(tasks: Sequence[str], workspace: Workspace) -> pa.Table:
    """Read the failures of all parts of the run: of each slide that of the first task, ordered by path."""
    every = pa.concat_tables([TRACED_FAILURES.arrow.empty_table(), *_tables(workspace)])
    ranks = pc.index_in(every["stage"], value_set=pa.array(tasks, pa.string()))
    order = pc.sort_indices(
        pa.table({"path": every["path"], "rank": ranks}), [("path", "ascending"), ("rank", "ascending")]
    )
    paths = every["path"].take(order)
    is_first = np.ones(len(paths), bool)
    is_first[1:] = pc.not_equal(paths.slice(1), paths.slice(0, max(0, len(paths) - 1))).to_numpy()
    return every.take(order.filter(pa.array(is_first)))


def _tables(workspace: Workspace) -> Iterator[pa.Table]:
    folder = posixpath.dirname(workspace.failures(""))
    for name in workspace.names(folder):
        yield read_table(posixpath.join(folder, name), workspace.files)


def _write_log(failures: pa.Table, workspace: Workspace) -> None:
    path = workspace.published(LOG)
    if failures.num_rows:
        with output_errors(path), workspace.atomic_write(path) as file:
            file.write(LOG_HEAD.encode())
            rows = (row for batch in failures.to_batches(max_chunksize=ROWS) for row in batch.to_pylist())
            for number, failure in enumerate(rows, start=1):
                about = f"{number}. {failure['path']!r}, {failure['stage']}: {failure['error']}: {failure['message']}"
                file.write(f"{about}\n{failure['trace'] or ''}\n".encode())
    elif LOG in workspace.names(workspace.root):
        workspace.remove(path)
