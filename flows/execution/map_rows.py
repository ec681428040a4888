"""Mapping a function over the rows of a table with Ray Data, in batches, with a slide's failure as a result."""

import logging
import traceback
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pyarrow as pa
import ray.data
from ray._private.worker import global_worker  # only it knows the attempt

from flows.config.resources import DEFAULT, Request
from flows.execution.batch import Compute, Done, run_batch
from flows.execution.ray_runtime import ensure_ray, ray_processors, reserved_for
from flows.storage.filesystem import OutputError

_log = logging.getLogger(__name__)
TILES_PER_BATCH = (8_192, 131_072)
"""Minimum and maximum tiles of a batch: worth a Ray task, which costs about 20 ms, and few enough for a worker."""
TILES_OF_A_SLIDE = 300
"""Tiles that take as long as what is done for a slide whatever its tiles: opening its files, writing them."""
BATCHES_PER_PROCESSOR = 4
"""Batches that keep all processors busy to the end."""
MAX_SLIDES = 128
"""Slides of a batch, whose files are open at the same time."""
MAX_DEATHS = 2
"""Workers that a Ray task may kill before it is given up: one may die by chance. Ray itself never gives up."""
_DIED = "WorkerDiedError"
"""Error of a row that killed its workers."""
_OBITUARY = (
    f"every worker that opened it died ({3 * MAX_DEATHS} of {3 * MAX_DEATHS}, the last {MAX_DEATHS} with nothing "
    "beside them): it takes too much memory (see the kernel's log) or crashes a decoder; hint: raise the memory of the "
    "task in resources, or check the file and its overlays"
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Result or failure of one row, as the columns that come back from the workers."""

    number: int
    """Index of the row."""
    result: dict[str, Any] | None
    """Row of the task's result; None if the slide failed."""
    error: str | None = None
    """Class of the error; None if the slide is done."""
    message: str | None = None
    """Message of the error."""
    trace: str | None = None
    """Traceback of the error in the worker."""
    seconds: float | None = None
    """Time that a worker spent on the row, in seconds; None if the slide failed."""

    @classmethod
    def of(cls, number: int, result: Done | Exception) -> "Outcome":
        """Describe what `run_batch` has returned for a row."""
        if isinstance(result, Done):
            return cls(number, result.row, seconds=result.seconds)
        return cls(number, None, type(result).__name__, str(result), "".join(traceback.format_exception(result)))

    @property
    def reason(self) -> str | None:
        """Error and message in one line; None if the slide is done."""
        return None if self.error is None else f"{self.error}: {self.message}"

    def failure(self, path: str) -> dict[str, str | None]:
        """Return the row of the failed slides, without the task."""
        return {"path": path, "error": self.error, "message": self.message, "trace": self.trace}


def map_rows(
    rows: pa.Table, compute: Compute, result: pa.Schema, batches: Sequence[slice], request: Request = DEFAULT
) -> Iterator[Outcome]:
    """Run a function for every row on Ray Data.

    A batch whose workers die is tried again, then row by row, then each row that goes on killing its workers with
    nothing beside it; a row that does so even then fails. A worker that was killed by chance, or with its node, costs a
    second try.

    Args:
        rows: A row per piece of work.
        compute: Function that Ray can pickle; it reads and writes files.
        result: Columns of the rows it returns.
        batches: Rows of each Ray task, covering all of them.
        request: Resources that such a Ray task reserves.

    Yields:
        An outcome per row, in the order they are ready.

    Raises:
        OutputError: The output cannot be written.
        RayTaskError: The program is at fault, not a slide.
        ExecutionTimeoutError: Nothing happened for half an hour, such as when a cluster has no node left; Ray's
            RAY_DATA_EXECUTION_NO_PROGRESS_TIMEOUT_S sets another time.
    """
    if not rows.num_rows:
        return
    ensure_ray()
    numbered = rows.append_column("_number", pa.array(range(rows.num_rows), pa.int64()))
    texts = ((name, pa.string()) for name in ("error", "message", "trace"))
    outcomes = pa.schema([("number", pa.int64()), ("result", pa.struct(result)), *texts, ("seconds", pa.float64())])
    task = partial(_run_in_worker, compute=compute, outcomes=outcomes)
    run = partial(_run, task=task, reserved=reserved_for(request))
    died = yield from run([numbered.slice(batch.start, batch.stop - batch.start) for batch in batches])
    if died:
        _log.warning("the workers of %d rows died; the rows are tried one by one", len(died))
        died = yield from run([numbered.slice(number, 1) for number in died])
    for number in died:
        if (yield from run([numbered.slice(number, 1)])):  # nothing beside it that takes memory too
            yield Outcome(number, None, _DIED, _OBITUARY)


def _run(
    pieces: Sequence[pa.Table], task: partial[pa.Table], reserved: Mapping[str, float]
) -> Generator[Outcome, None, list[int]]:
    """Run one Ray task for each piece of the rows.

    Yields:
        An outcome per row whose Ray task ended.

    Returns:
        Numbers of the other rows: their workers died.
    """
    died: list[int] = []
    dataset = ray.data.from_arrow(pieces).map_batches(task, batch_format="pyarrow", batch_size=None, **reserved)
    for batch in dataset.iter_batches(batch_format="pyarrow", batch_size=None):
        for row in batch.to_pylist():
            outcome = Outcome(**row)
            if outcome.error == OutputError.__name__:
                raise OutputError(str(outcome.message))
            if outcome.error == _DIED:
                died.append(outcome.number)
            else:
                yield outcome
    return sorted(died)


def batches_of(tiles: Sequence[int], max_rows: int = MAX_SLIDES, processors: int | None = None) -> list[slice]:
    """Cut rows into consecutive batches that are worth a Ray task each, and enough to keep all processors busy.

    Args:
        tiles: Tiles of each row.
        max_rows: Maximum number of rows of a batch.
        processors: Number of processors; None for those of Ray.
    """
    if not tiles:
        return []
    weights = [TILES_OF_A_SLIDE + count for count in tiles]
    total, workers = sum(weights), ray_processors() if processors is None else processors
    worth = min(TILES_PER_BATCH[0], -(-total // workers))
    target = min(max(total // (BATCHES_PER_PROCESSOR * workers), worth), TILES_PER_BATCH[1])
    share = -(-total // -(-total // target))  # equal ones, so that no processor waits for the last
    batches, start, weight = [], 0, 0
    for number, one in enumerate(weights, start=1):
        weight += one
        if weight >= share or number - start == max_rows or number == len(weights):
            batches.append(slice(start, number))
            start, weight = number, 0
    return batches


def _run_in_worker(batch: pa.Table, compute: Compute, outcomes: pa.Schema) -> pa.Table:
    """Run a batch in a Ray worker, unless it has killed enough of them."""
    rows = batch.to_pylist()
    numbers = [row.pop("_number") for row in rows]
    if global_worker.core_worker.get_current_task_attempt_number() < MAX_DEATHS:
        try:
            results: Sequence[Done | Exception] = run_batch(rows, compute)
        except OutputError as error:  # ends the run with its own message, not with the 60 lines of Ray's
            results = [error] * len(rows)
        ended = list(map(Outcome.of, numbers, results))
    else:
        ended = [Outcome(number, None, _DIED) for number in numbers]
    names = outcomes.names  # of the fields; `asdict` would copy the rows
    return pa.Table.from_pylist([{name: getattr(one, name) for name in names} for one in ended], outcomes)
