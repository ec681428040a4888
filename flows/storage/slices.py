"""Slices of many rows: the number of Python objects that exist at a time is bounded."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

import pyarrow as pa

SLICE = 10_000
"""Rows that are Python objects at the same time."""
_One = TypeVar("_One")


def in_slices(column: pa.ChunkedArray) -> Iterator[Any]:
    """Yield the values of a column."""
    for start in range(0, len(column), SLICE):
        yield from column.slice(start, SLICE).to_pylist()


def slices_of(values: Iterable[_One]) -> Iterator[list[_One]]:
    """Yield lists of successive values, of which the last may be shorter."""
    left = iter(values)
    return iter(lambda: list(islice(left, SLICE)), [])
