"""The slides of a block, step by step together, so that what each of them wants checked is checked at once.

pandera takes 25-70 ms for a table, whatever the number of its rows: for many small slides that would be most of a run.
"""

from collections.abc import Callable, Generator, Sequence
from typing import Any, TypeAlias

import pyarrow as pa

from ratiopath.errors import SlideError
from schemas.table import TableSchema, checked

Row: TypeAlias = dict[str, Any]
Steps: TypeAlias = Generator[tuple[TableSchema, pa.Table], None, Row]
"""Work on one slide: it yields each table that it takes or is about to give, and goes on when that is as it must be."""
Work: TypeAlias = Callable[[Row], Row | Steps]
"""What is done with a row: it gives a row, or raises SlideError or OSError where the slide is to be put aside."""


def together(rows: Sequence[Row], work: Work) -> list[Row | SlideError | OSError]:
    """Do some work for every row, all of them one step after another.

    Returns:
        What the work gave, or why the slide is to be put aside, in the order of the rows. The one place where that is
        decided; any other error ends the run.

    Raises:
        SchemaError: A table breaks its schema.
    """
    ended: dict[int, Row | SlideError | OSError] = {}
    running = {number: _steps(work, row) for number, row in enumerate(rows)}
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
                except (SlideError, OSError) as error:
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
