"""A batch of slides in one Ray task, in two phases: compute every slide, then validate and write.

    compute     each slide alone; a failure leaves the others alone
    validate    the tables of all slides of the batch at once: pandera takes 25-70 ms a table, whatever its rows
    write       each slide alone; then the files of all appear together (`flows.storage.publication`)

A slide whose table has several row groups is not held in memory: its row groups are computed, validated and written one
after another (docs/decisions/0014-house.md, which changes 0008).
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, TypeAlias

import pyarrow as pa

from flows.execution.retries import is_transient, retrying
from flows.storage.publication import Publication
from ratiopath.errors import SlideError
from schemas.table import TableSchema, checked

Row: TypeAlias = dict[str, Any]
SLIDE_ERRORS = (SlideError, OSError, MemoryError)
"""Errors that fail one slide; any other is a fault of the program and ends the run."""
Failure: TypeAlias = SlideError | OSError | MemoryError


@dataclass(frozen=True, slots=True)
class Draft:
    """Tables computed for one slide, and the function that publishes them once they are valid."""

    schema: TableSchema
    """Schema of every row group; one for all slides of a batch."""
    groups: Iterable[pa.Table]
    """Row groups in order; several are computed as they are asked for."""
    write: Callable[[Iterable[pa.Table], Publication], Row]
    """Writes the row groups, to be published with those of the batch; returns the slide's row of the task's result."""


Compute: TypeAlias = Callable[[Row], Row | Draft]
"""Work on one slide: returns its row of the task's result or a draft; raises one of SLIDE_ERRORS if it fails."""


@dataclass(frozen=True, slots=True)
class Done:
    """Result of one slide."""

    row: Row
    """Row of the task's result."""
    seconds: float
    """Time spent on this slide, without the validation shared with others."""


def run_batch(rows: Sequence[Row], compute: Compute) -> list[Done | Failure]:
    """Compute, validate and write the slides of a batch.

    Errors of the storage that may pass are retried, the slide alone, with growing pauses. This is the one place that
    decides which slides fail.

    Args:
        rows: A row per slide.
        compute: Work on one slide; gets a copy of its row.

    Returns:
        Result or failure of each slide, in the order of the rows.

    Raises:
        SchemaError: A table breaks its schema.
    """
    return [
        _retry(row, compute) if isinstance(result, SLIDE_ERRORS) and is_transient(result) else result
        for row, result in zip(rows, _try_once(rows, compute), strict=True)
    ]


def _retry(row: Row, compute: Compute) -> Done | Failure:
    def attempt() -> Done:
        [result] = _try_once([row], compute)
        if isinstance(result, SLIDE_ERRORS):
            raise result
        return result

    try:
        return retrying()(attempt)
    except SLIDE_ERRORS as error:
        return error


def _try_once(rows: Sequence[Row], compute: Compute) -> list[Done | Failure]:
    with Publication() as publication:
        return _write_all(rows, compute, publication)


def _write_all(rows: Sequence[Row], compute: Compute, publication: Publication) -> list[Done | Failure]:
    results: dict[int, Done | Failure] = {}
    drafts: list[tuple[int, Draft, list[pa.Table], float]] = []
    for number, row in enumerate(rows):
        began = time.monotonic()
        try:
            draft = compute(dict(row))
            if isinstance(draft, Draft):
                groups = iter(draft.groups)
                first = list(islice(groups, 2))
                if len(first) <= 1:
                    drafts.append((number, draft, first, time.monotonic() - began))
                    continue
                draft = draft.write((checked(group, draft.schema) for group in chain(first, groups)), publication)
            results[number] = Done(draft, time.monotonic() - began)
        except SLIDE_ERRORS as error:
            results[number] = error
    tables = [group for _, _, groups, _ in drafts for group in groups]
    if tables:
        checked(pa.concat_tables(tables), drafts[0][1].schema)
    for number, draft, first, computing in drafts:
        began = time.monotonic()
        try:
            results[number] = Done(draft.write(first, publication), computing + time.monotonic() - began)
        except SLIDE_ERRORS as error:
            results[number] = error
    return [results[number] for number in range(len(rows))]
