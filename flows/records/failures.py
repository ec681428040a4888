"""Failed slides: the tables of the tasks, failures.parquet and failures.log."""

import posixpath
from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa

from flows.storage.filesystem import output_errors
from flows.storage.parquet import read_table, write_table
from flows.storage.workspace import Workspace
from schemas.failures import FAILURES, TRACED_FAILURES

LOG = "failures.log"
"""File with the traceback of each failed slide; absent if no slide failed."""
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


def failed_before(task: str, workspace: Workspace) -> set[str]:
    """Read the paths of the slides that failed in earlier tasks of this run.

    Args:
        task: Name of the task that asks.
        workspace: Workspace of the run.
    """
    return {row["path"] for row in read_failures(workspace) if row["stage"] != task}


def read_failures(workspace: Workspace) -> list[dict[str, Any]]:
    """Read the slides that failed in the tasks of this run so far, a row of `schemas.failures` each."""
    folder = posixpath.dirname(workspace.failures(""))
    tables = [posixpath.join(folder, name) for name in workspace.names(folder)]
    return [row for table in tables for row in read_table(table, workspace.files).to_pylist()]


def publish_failures(tasks: Iterable[str], workspace: Workspace) -> pa.Table:
    """Publish failures.parquet, and failures.log with the tracebacks that its messages refer to.

    Args:
        tasks: Names of the tasks, in their order.
        workspace: Workspace of the run.

    Returns:
        A row per failed slide with its first failure, ordered by path.
    """
    first: dict[str, dict[str, Any]] = {}
    for task in tasks:
        for failure in read_table(workspace.failures(task), workspace.files).to_pylist():
            first.setdefault(failure["path"], failure)
    failures = [first[path] for path in sorted(first)]
    _write_log(failures, workspace)
    rows = [
        {**failure, "message": f"{failure['message']} [{LOG}, no. {n}]"} for n, failure in enumerate(failures, start=1)
    ]
    table = FAILURES.table(rows)
    write_table(table, workspace.published("failures.parquet"), workspace)
    return table


def _write_log(failures: Sequence[dict[str, Any]], workspace: Workspace) -> None:
    path = workspace.published(LOG)
    if failures:
        with output_errors(path), workspace.atomic_write(path) as file:
            file.write(LOG_HEAD.encode())
            for number, failure in enumerate(failures, start=1):
                about = f"{number}. {failure['path']!r}, {failure['stage']}: {failure['error']}: {failure['message']}"
                file.write(f"{about}\n{failure['trace'] or ''}\n".encode())
    elif LOG in workspace.names(workspace.root):
        workspace.remove(path)
