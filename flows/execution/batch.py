"""The slides of a block, step by step together, so that what each of them wants checked is checked at once.

pandera takes 25-70 ms for a table, whatever the number of its rows: for many small slides that would be most of a run.
"""

import time
from collections.abc import Callable, Generator, Sequence
from typing import Any, TypeAlias

import pyarrow as pa

from flows.execution.retries import is_transient, retrying
from ratiopath.errors import SlideError
from schemas.table import TableSchema, checked

Row: TypeAlias = dict[str, Any]

Steps: TypeAlias = Generator[tuple[TableSchema, pa.Table], None, Row]
"""Work on one slide: it yields each table that it takes or is about to give, and goes on when that is as it must be."""

Work: TypeAlias = Callable[[Row], Row | Steps]
"""What is done with a row: it gives a row, or raises one of ASIDE where the slide is to be put aside."""


ASIDE = (SlideError, OSError, MemoryError)
"""What puts one slide aside; any other error is a fault of the program and ends the run."""

Aside: TypeAlias = SlideError | OSError | MemoryError


def run_batch(rows: Sequence[Row], work: Work) -> list[Row | Aside]:
    """Do some work for every row, all of them one step after another.

    What fails because of the storage is tried again, alone, with growing pauses.

    Returns:
        What the work gave, or why the slide is to be put aside, in the order of the rows. The one place where that is
        decided.

    Raises:
        SchemaError: A table breaks its schema.
    """
    results = _in_step(rows, work)
    return [
        _again(row, work) if isinstance(result, ASIDE) and is_transient(result) else result
        for row, result in zip(rows, results, strict=True)
    ]


def _again(row: Row, work: Work) -> Row | Aside:
    try:
        return retrying()(_alone, row, work)
    except ASIDE as error:
        return error


def _alone(row: Row, work: Work) -> Row:
    [result] = _in_step([row], work)
    if isinstance(result, ASIDE):
        raise result
    return result


def _in_step(rows: Sequence[Row], work: Work) -> list[Row | Aside]:
    ended: dict[int, Row | Aside] = {}
    running = {number: _steps(work, dict(row)) for number, row in enumerate(rows)}
    try:
        while running:
            asked: dict[str, list[tuple[TableSchema, pa.Table]]] = {}
            for number, steps in list(running.items()):
                try:
                    schema, table = next(steps)
                    asked.setdefault(schema.name, []).append((schema, table))
                    continue
                except StopIteration as stop:
                    ended[number] = stop.value
                except ASIDE as error:
                    ended[number] = error
                del running[number]
            for tables in asked.values():
                checked(pa.concat_tables([table for _, table in tables]), tables[0][0])
    finally:
        for steps in running.values():
            steps.close()  # what it was writing is not to stay
    return [ended[number] for number in range(len(rows))]


def _steps(work: Work, row: Row) -> Steps:
    result = work(row)
    return (yield from result) if isinstance(result, Generator) else result


SECONDS = "_seconds"
"""Key of the time in what timed work gives."""


def timed(work: Work, clock: Callable[[], float] = time.monotonic) -> Work:
    """The same work, which also gives the seconds it took: without the checks that rows share."""

    def run(row: Row) -> Steps:
        spent, began = 0.0, clock()
        steps = work(row)
        if not isinstance(steps, Generator):
            return {**steps, SECONDS: clock() - began}
        try:
            while True:
                try:
                    step = next(steps)
                except StopIteration as stop:
                    return {**stop.value, SECONDS: spent + clock() - began}
                spent += clock() - began
                yield step
                began = clock()
        finally:
            steps.close()  # what it was writing is not to stay

    return run
