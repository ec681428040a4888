"""Numbers of kept tiles as text formats take them: boxes on level 0, and class columns without NaN."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
from msgspec.json import Encoder

from schemas.grid import LEVEL0_BOX

BOX = tuple(column.name for column in LEVEL0_BOX)
"""Columns of left, top, width and height of a tile, px of level 0."""
BATCH = 4096
"""Rows of tiles that are in memory as Python objects at a time."""
_ENCODER = Encoder()


def box_and_numbers(tiles: pa.Table, columns: Sequence[str], others: Sequence[str] = ()) -> pa.Table:
    """Select the box, then `others`, then columns of numbers, in which NaN and the infinities become null."""
    numbers = [pc.if_else(pc.is_finite(tiles[name]), tiles[name], None) for name in columns]
    return pa.table([*(tiles[name] for name in (*BOX, *others)), *numbers], names=[*BOX, *others, *columns])


def batches(table: pa.Table) -> Iterator[list[list[Any]]]:
    """Yield the columns as lists, at most BATCH rows at a time."""
    for start in range(0, table.num_rows, BATCH):
        yield [column.to_pylist() for column in table.slice(start, BATCH).columns]


def write_array(elements: Iterable[Any], file: BinaryIO, encode: Callable[[Any], bytes] = _ENCODER.encode) -> None:
    """Write a JSON array, an element a line; floats as the shortest text that reads back as the same number.

    Args:
        elements: The elements.
        file: File to append to.
        encode: Encoder of an element.
    """
    separator = b"[\n"
    for element in elements:
        file.write(separator)
        file.write(encode(element))
        separator = b",\n"
    file.write(b"[]" if separator == b"[\n" else b"\n]")
