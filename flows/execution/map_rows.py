"""Ray Data: one function over the rows of a table, in blocks, where a slide's failure is a row and not the end."""

import logging
import os
import traceback
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pyarrow as pa
import ray.data
from ray._private.worker import global_worker  # the only place that tells a task how often it was tried

from flows.config.resources import DEFAULT, Request
from flows.execution.batch import SECONDS, Row, Work, run_batch, timed
from flows.execution.ray_runtime import ensure_ray, reserved_for
from flows.storage.filesystem import OutputError

if not os.environ.get("RAY_ADDRESS"):  # Ray reads this on import: under `uv run` it would pack the working directory,
    os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")  # and start each worker through uv in a copy of it

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")

_log = logging.getLogger(__name__)

TILES_PER_BLOCK = (16_384, 131_072)
"""Tiles worth a Ray task, which costs about 20 ms; and as many as a worker holds at a time."""
MIN_BLOCKS = 8
"""Blocks that keep a few workers busy to the end."""
MAX_SLIDES = 64
"""Slides of a block, whose files are open at the same time."""
MAX_DEATHS = 2
"""Workers that a task may kill before it is given up: one may have died by chance. Ray itself would go on for ever."""
_DIED = "WorkerDiedError"
"""The error of a row that killed its workers."""
_MARKS = (
    pa.field("_number", pa.int64()), pa.field("_error", pa.string()), pa.field("_message", pa.string()),
    pa.field("_trace", pa.string()), pa.field(SECONDS, pa.float64()),
)  # fmt: skip
"""What comes back with each row beside its result."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one row."""

    number: int
    """Which row."""
    result: dict[str, Any] | None
    """What the work gave; None if the slide is put aside."""
    error: str | None
    """Class of the error that put it aside."""
    message: str | None
    """Its message."""
    trace: str | None = None
    """Its traceback in the worker."""
    seconds: float | None = None
    """How long a worker was busy with it; None if the slide is put aside."""

    @property
    def reason(self) -> str | None:
        """Why the slide is put aside, in one line; None if it is not."""
        return None if self.error is None else f"{self.error}: {self.message}"

    def failure(self, path: str) -> dict[str, str | None]:
        """A row of the slides put aside."""
        return {"path": path, "error": self.error, "message": self.message, "trace": self.trace}


def map_rows(
    rows: pa.Table, work: Work, gives: pa.Schema, blocks: Sequence[slice], request: Request = DEFAULT
) -> Iterator[Outcome]:
    """Do some work for every row on Ray Data.

    Args:
        rows: A row per piece of work.
        work: A function that Ray can ship; what it reads and writes are files.
        gives: The columns of what it gives.
        blocks: Rows that one Ray task works through, covering all of them.
        request: What such a task asks its node for.

    A block whose workers die is tried again, then row by row, then each row that goes on killing its workers by itself;
    what does so even then is put aside. A worker that was killed by chance, or with its node, costs a second try.

    Yields:
        An outcome per row, in the order they are ready.

    Raises:
        OutputError: The output cannot be written.
        RayTaskError: The work is at fault, not a slide.
        ExecutionTimeoutError: For half an hour nothing went on, such as when a cluster has no node left; Ray's
            RAY_DATA_EXECUTION_NO_PROGRESS_TIMEOUT_S sets another time.
    """
    if not rows.num_rows:
        return
    ensure_ray()
    numbered = rows.append_column("_number", pa.array(range(rows.num_rows), pa.int64()))
    run = partial(_run, task=partial(_attempted, work=work, gives=gives), reserved=reserved_for(request))
    died = yield from run([numbered.slice(block.start, block.stop - block.start) for block in blocks])
    if died:
        _log.warning("%d rows are tried one by one: the workers of their blocks died", len(died))
        died = yield from run([numbered.slice(number, 1) for number in died])
    for number in died:
        if (yield from run([numbered.slice(number, 1)])):  # nothing beside it that takes memory too
            yield Outcome(number, None, _DIED, _obituary())


def _run(
    pieces: Sequence[pa.Table], task: partial[pa.Table], reserved: Mapping[str, float]
) -> Generator[Outcome, None, list[int]]:
    """One Ray task for each piece of the rows.

    Yields:
        An outcome per row whose task ended.

    Returns:
        The other rows: their workers died.
    """
    died: list[int] = []
    dataset = ray.data.from_arrow(list(pieces)).map_batches(task, batch_format="pyarrow", batch_size=None, **reserved)
    for batch in dataset.iter_batches(batch_format="pyarrow", batch_size=None):
        for row in batch.to_pylist():
            number, error, message, trace, seconds = (row.pop(mark.name) for mark in _MARKS)
            if error == OutputError.__name__:
                raise OutputError(message)
            if error == _DIED:
                died.append(number)
            else:
                yield Outcome(number, row if error is None else None, error, message, trace, seconds)
    return sorted(died)


def _obituary() -> str:
    deaths = 3 * MAX_DEATHS
    return (
        f"a worker lives to the end of its work: {deaths} of {deaths} died, the last {MAX_DEATHS} with nothing beside "
        "them; it takes too much memory (see the kernel's log) or crashes a decoder: give workers more memory, or "
        "check the file and its overlays"
    )


def blocks_of(weights: Sequence[int], most: int = MAX_SLIDES) -> list[slice]:
    """Cut rows into consecutive blocks that weigh enough to be worth a Ray task, and are enough to keep all busy.

    Args:
        weights: Tiles of each row.
        most: A block has no more rows.
    """
    at_least = min(max(sum(weights) // MIN_BLOCKS, TILES_PER_BLOCK[0]), TILES_PER_BLOCK[1])
    blocks, start, weight = [], 0, 0
    for number, cost in enumerate(weights, start=1):
        weight += cost
        if weight >= at_least or number - start == most or number == len(weights):
            blocks.append(slice(start, number))
            start, weight = number, 0
    return blocks


def _attempted(block: pa.Table, work: Work, gives: pa.Schema) -> pa.Table:
    """The work of a block, in a Ray worker; none if it has killed enough of them."""
    rows = block.to_pylist()
    numbers = [row.pop("_number") for row in rows]
    if global_worker.core_worker.get_current_task_attempt_number() < MAX_DEATHS:
        results: Sequence[Row | Exception] = _together(rows, work)
        outcomes = [
            {
                "_number": number,
                "_error": type(result).__name__,
                "_message": str(result),
                "_trace": "".join(traceback.format_exception(result)),
            }
            if isinstance(result, Exception)
            else {"_number": number, **result}
            for number, result in zip(numbers, results, strict=True)
        ]
    else:
        outcomes = [{"_number": number, "_error": _DIED} for number in numbers]
    return pa.Table.from_pylist(outcomes, pa.schema([*gives, *_MARKS]))


def _together(rows: Sequence[Row], work: Work) -> Sequence[Row | Exception]:
    try:
        return run_batch(rows, timed(work))
    except OutputError as error:  # ends the run in its own words, not in the 60 lines of Ray's
        return [error] * len(rows)
