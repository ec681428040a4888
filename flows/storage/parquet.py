"""Tables in the output: a file is whole or absent."""

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow.fs import FileSystem, LocalFileSystem

from flows.storage.filesystem import output_errors
from flows.storage.workspace import Workspace
from schemas.table import TableSchema, checked


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

    def __init__(self, path: str, schema: pa.Schema, workspace: Workspace) -> None:
        """Nothing is opened yet.

        Args:
            path: Where the table will be.
            schema: Its columns; metadata are kept.
            workspace: Where unfinished files are.
        """
        self.path = path
        self.rows = 0
        self._schema, self._workspace = schema, workspace

    def write(self, group: pa.Table) -> None:
        """Append a row group; an empty one is left out, since not every reader takes a row group without rows."""
        if group.num_rows:
            with output_errors(self.path):
                self._file.write_table(group, row_group_size=group.num_rows)
            self.rows += group.num_rows

    def __enter__(self) -> Self:
        with output_errors(self.path), ExitStack() as opened:
            sink = opened.enter_context(self._workspace.atomic_write(self.path))
            self._file = opened.enter_context(pq.ParquetWriter(sink, self._schema))
            self._opened = opened.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with output_errors(self.path):
            self._opened.__exit__(kind, error, trace)


def write_table(table: pa.Table, path: str, workspace: Workspace) -> None:
    """Write a whole table as one file."""
    with TableWriter(path, table.schema, workspace) as writer:
        writer.write(table)


def write_json(content: dict[str, Any], path: str, workspace: Workspace) -> None:
    """Write a JSON file the same way."""
    with output_errors(path), workspace.atomic_write(path) as file:
        file.write(json.dumps(content, indent=2, ensure_ascii=False).encode())


def read_table(path: str, files: FileSystem | None = None) -> pa.Table:
    """Read one file, of this machine by default; a folder called key=value on its way is no column of it."""
    return pq.read_table(path, partitioning=None, filesystem=LocalFileSystem() if files is None else files)


def count_rows(path: str, files: FileSystem) -> int:
    """How many rows a Parquet file has, from its footer."""
    rows: int = pq.read_metadata(path, filesystem=files).num_rows
    return rows


def row_groups(path: str, files: FileSystem, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
    """The row groups of a Parquet file, one after another, in bounded memory; only some columns if they are named."""
    with pq.ParquetFile(path, filesystem=files) as file:
        for number in range(file.num_row_groups):
            yield file.read_row_group(number, columns=columns)


def read_checked(reference: TableReference, schema: TableSchema, workspace: Workspace) -> pa.Table:
    """Read and check the table that another task gave."""
    return checked(read_table(reference.path, workspace.files), schema)
