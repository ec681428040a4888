"""Ray Data: one function over the rows of a table, in blocks, where a slide's failure is a row and not the end."""

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any

import pyarrow as pa

from ratiopath.errors import SlideError

if not os.environ.get("RAY_ADDRESS"):  # Ray reads this on import: under `uv run` it would pack the working directory,
    os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")  # and start each worker through uv in a copy of it
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")

import ray
import ray.data

Work = Callable[[dict[str, Any]], dict[str, Any]]
"""What is done with a row: it gives a row, or raises SlideError or OSError where the slide is to be put aside."""


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


def ensure_ray() -> None:
    """Start Ray once, on this machine or, where RAY_ADDRESS says so, on a cluster."""
    if not ray.is_initialized():
        local = {} if os.environ.get("RAY_ADDRESS") else {"include_dashboard": False, "log_to_driver": False}
        ray.init(logging_level="ERROR", **local)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)


def warm_up() -> None:
    """Start Ray and let its local workers load the tasks, without waiting for them. Ray wants the main thread."""
    ensure_ray()
    if os.environ.get("RAY_ADDRESS"):
        return
    load = ray.remote(num_cpus=1)(import_module)
    for _ in range(int(ray.available_resources().get("CPU", 1))):
        load.remote("flows.tasks")


def map_rows(rows: pa.Table, work: Work, gives: pa.Schema, blocks: Sequence[slice]) -> Iterator[Outcome]:
    """Do some work for every row on Ray Data.

    Args:
        rows: A row per piece of work.
        work: A function that Ray can ship; what it reads and writes are files.
        gives: The columns of what it gives.
        blocks: Rows that one Ray task works through, covering all of them.

    Yields:
        An outcome per row, in the order they are ready.
    """
    if not rows.num_rows:
        return
    ensure_ray()
    numbered = rows.append_column("_number", pa.array(range(rows.num_rows), pa.int64()))
    pieces = [numbered.slice(block.start, block.stop - block.start) for block in blocks]
    dataset = ray.data.from_arrow(pieces).map_batches(
        partial(_attempted, work=work, gives=gives), batch_format="pyarrow", batch_size=None
    )
    for batch in dataset.iter_batches(batch_format="pyarrow", batch_size=None):
        for row in batch.to_pylist():
            number, error, message = row.pop("_number"), row.pop("_error"), row.pop("_message")
            yield Outcome(number, row if error is None else None, error, message)


def blocks_of(weights: Sequence[int], at_least: int) -> list[slice]:
    """Cut rows into consecutive blocks that weigh enough to be worth a Ray task.

    Args:
        weights: Cost of each row.
        at_least: Cost of a block; the last one may have less.
    """
    blocks, start, weight = [], 0, 0
    for number, cost in enumerate(weights, start=1):
        weight += cost
        if weight >= at_least or number == len(weights):
            blocks.append(slice(start, number))
            start, weight = number, 0
    return blocks


def _attempted(block: pa.Table, work: Work, gives: pa.Schema) -> pa.Table:
    """The work of a block, in a Ray worker. The one place where a slide is put aside; any other error ends the run."""
    outcomes = []
    for row in block.to_pylist():
        number = row.pop("_number")
        try:
            outcomes.append({"_number": number, **work(row)})
        except (SlideError, OSError) as error:
            outcomes.append({"_number": number, "_error": type(error).__name__, "_message": str(error)})
    marks = [pa.field("_number", pa.int64()), pa.field("_error", pa.string()), pa.field("_message", pa.string())]
    return pa.Table.from_pylist(outcomes, pa.schema([*gives, *marks]))
