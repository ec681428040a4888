"""Ray Data: one function over the rows of a table, in blocks, where a slide's failure is a row and not the end."""

import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any

import pyarrow as pa

from flows import cluster
from flows.resources import DEFAULT, Request
from flows.together import Work, together

if not os.environ.get("RAY_ADDRESS"):  # Ray reads this on import: under `uv run` it would pack the working directory,
    os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")  # and start each worker through uv in a copy of it
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")

import ray
import ray.data

TILES_PER_BLOCK = (16_384, 131_072)
"""Tiles worth a Ray task, which costs about 20 ms; and as many as a worker holds at a time."""
MIN_BLOCKS = 8
"""Blocks that keep a few workers busy to the end."""
MAX_SLIDES = 64
"""Slides of a block, whose files are open at the same time."""


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
        there = cluster.address()
        local = {"address": "local", "include_dashboard": False}  # or Ray would join whichever runs on this machine
        options = local if there is None else {"address": there, "runtime_env": cluster.runtime_env()}
        ray.init(logging_level="ERROR", log_to_driver=False, **options)
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

    Yields:
        An outcome per row, in the order they are ready.
    """
    if not rows.num_rows:
        return
    ensure_ray()
    numbered = rows.append_column("_number", pa.array(range(rows.num_rows), pa.int64()))
    pieces = [numbered.slice(block.start, block.stop - block.start) for block in blocks]
    dataset = ray.data.from_arrow(pieces).map_batches(
        partial(_attempted, work=work, gives=gives), batch_format="pyarrow", batch_size=None, **_reserved(request)
    )
    for batch in dataset.iter_batches(batch_format="pyarrow", batch_size=None):
        for row in batch.to_pylist():
            number, error, message = row.pop("_number"), row.pop("_error"), row.pop("_message")
            yield Outcome(number, row if error is None else None, error, message)


def _reserved(request: Request) -> dict[str, float]:
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    return cluster.reserved(request, nodes, may_grow=cluster.address() is not None)


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
    """The work of a block, in a Ray worker."""
    rows = block.to_pylist()
    numbers = [row.pop("_number") for row in rows]
    outcomes = [
        {"_number": number, "_error": type(result).__name__, "_message": str(result)}
        if isinstance(result, Exception)
        else {"_number": number, **result}
        for number, result in zip(numbers, together(rows, work), strict=True)
    ]
    marks = [pa.field("_number", pa.int64()), pa.field("_error", pa.string()), pa.field("_message", pa.string())]
    return pa.Table.from_pylist(outcomes, pa.schema([*gives, *marks]))
