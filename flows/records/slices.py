"""Values of a column as Python objects, of which a bounded number exist at a time."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

SLICE = 10_000
"""Rows that are Python objects at the same time."""


def in_slices(column: pa.ChunkedArray) -> Iterator[Any]:
    """Yield the values of a column."""
    for start in range(0, len(column), SLICE):
        yield from column.slice(start, SLICE).to_pylist()
