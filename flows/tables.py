"""Tables on disk: written beside and moved into place, so that a file is whole or absent."""

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq

from ratiopath.errors import RatiopathError


class OutputError(RatiopathError):
    """The output folder cannot be written: no fault of a slide, the run stops."""


@dataclass(frozen=True, slots=True)
class TableReference:
    """Where a table is: what a task hands on instead of the table."""

    path: str
    """A Parquet file, a row per slide."""
    failures: str
    """A Parquet file of the slides that the task put aside."""


class TableWriter:
    """Writes one Parquet file, a row group at a time; it appears under its name when all is written.

    Two runs over the same rows and row groups write the same bytes.
    """

    def __init__(self, path: str, schema: pa.Schema, work: str) -> None:
        """Open a file beside.

        Args:
            path: Where the table will be.
            schema: Its columns; metadata are kept.
            work: Folder of unfinished files, on the same file system.
        """
        self.path = path
        self.rows = 0
        self._beside = os.path.join(work, f"{uuid4().hex}.unfinished")
        with writing(path):
            os.makedirs(work, exist_ok=True)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            self._file = pq.ParquetWriter(self._beside, schema)

    def write(self, group: pa.Table) -> None:
        """Append a row group; an empty one is left out, since not every reader takes a row group without rows."""
        if group.num_rows:
            with writing(self.path):
                self._file.write_table(group, row_group_size=group.num_rows)
            self.rows += group.num_rows

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        with writing(self.path):
            self._file.close()
            if error is None:
                _move(self._beside, self.path)
            else:
                os.unlink(self._beside)


def write_table(table: pa.Table, path: str, work: str) -> None:
    """Write a whole table as one file."""
    with TableWriter(path, table.schema, work) as writer:
        writer.write(table)


def write_json(content: dict[str, Any], path: str, work: str) -> None:
    """Write a JSON file the same way."""
    beside = os.path.join(work, f"{uuid4().hex}.unfinished")
    with writing(path):
        with open(beside, "w", encoding="utf-8") as file:
            json.dump(content, file, indent=2, ensure_ascii=False)
        _move(beside, path)


def read_table(path: str) -> pa.Table:
    """Read one file; a folder called key=value on its way is no column of it."""
    return pq.read_table(path, partitioning=None)


def row_groups(path: str) -> Iterator[pa.Table]:
    """The row groups of a Parquet file, one after another, in bounded memory."""
    with pq.ParquetFile(path) as file:
        for number in range(file.num_row_groups):
            yield file.read_row_group(number)


def join_files(parts: Iterable[str], path: str, schema: pa.Schema, work: str) -> int:
    """Put the row groups of several files of one schema into one file, in order.

    Returns:
        How many rows it has.
    """
    with TableWriter(path, schema, work) as writer:
        for part in parts:
            for group in row_groups(part):
                writer.write(group)
    return writer.rows


def _move(beside: str, path: str) -> None:
    with open(beside, "rb") as file:
        os.fsync(file.fileno())
    os.replace(beside, path)
    folder = os.open(os.path.dirname(path), os.O_RDONLY)
    try:
        os.fsync(folder)  # the name is on the disk too
    finally:
        os.close(folder)


@contextmanager
def writing(path: str) -> Iterator[None]:
    """Tell an error of the output from one of a slide, which is an OSError too."""
    try:
        yield
    except OSError as error:
        found = error.strerror or str(error)
        raise OutputError(f"the output can be written: path={path!r}, {found}; check space and permissions") from error
