"""What is told of the slides put aside: a table, and a log with the traceback of each."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from flows.storage.filesystem import output_errors
from flows.storage.parquet import read_table, write_table
from flows.storage.workspace import Workspace
from schemas.failures import FAILURES, STAGES
from schemas.table import checked

LOG = "failures.log"
"""Where the tracebacks are; there is none when no slide is put aside."""


def publish_failures(tables: Sequence[str], workspace: Workspace) -> pa.Table:
    """Publish failures.parquet and the log that its messages point to.

    Args:
        tables: The slides that each task put aside, in the order of the tasks.
        workspace: Where they are, and where to publish.

    Returns:
        Each slide put aside once, for the first reason there was, ordered by path.
    """
    first: dict[str, dict[str, Any]] = {}
    for table in tables:
        for failure in read_table(table, workspace.files).to_pylist():
            first.setdefault(failure["path"], failure)
    failures = [first[path] for path in sorted(first)]
    _write_log(failures, workspace)
    rows = [
        {**failure, "message": f"{failure['message']} [{LOG}, no. {n}]"} for n, failure in enumerate(failures, start=1)
    ]
    table = checked(pa.Table.from_pylist(rows, FAILURES.arrow), FAILURES)
    write_table(table, workspace.published("failures.parquet"), workspace)
    return table


def put_aside_before(stage: str, workspace: Workspace) -> set[str]:
    """Paths of the slides that earlier tasks of this run put aside.

    Args:
        stage: The task that asks.
        workspace: Where it runs.
    """
    tables = [workspace.failures(earlier) for earlier in STAGES[: STAGES.index(stage)]]
    return {path for table in tables for path in read_table(table, workspace.files)["path"].to_pylist()}


def _write_log(failures: Sequence[dict[str, Any]], workspace: Workspace) -> None:
    path, storage = workspace.published(LOG), workspace.storage
    if failures:
        with output_errors(path), workspace.atomic_write(path) as file:
            for number, failure in enumerate(failures, start=1):
                about = f"{number}. {failure['path']!r}, {failure['stage']}: {failure['error']}: {failure['message']}"
                file.write(f"{about}\n{failure['trace'] or ''}\n".encode())
    elif LOG in storage.names(storage.root):
        storage.remove(path)
