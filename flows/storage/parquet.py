"""Parquet and JSON files of the output, each whole or absent."""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, BinaryIO, Self

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow.fs import FileSystem, LocalFileSystem

from flows.storage.filesystem import output_errors
from flows.storage.publication import Publication
from flows.storage.workspace import Layout, Workspace
from ratiopath.errors import TruncatedError

SMALL = 4_096
"""Rows of a file that one thread reads sooner than several do."""


@dataclass(frozen=True, slots=True)
class TableReference:
    """Result of a task: the path of its table instead of the table."""

    path: str
    """Parquet file with a row per slide."""
    task: str
    """Name of the task, such as "discover slides"."""
    seconds: float = 0.0
    """Duration of the task, in seconds."""


@dataclass(frozen=True, slots=True)
class SlidesReference(TableReference):
    """Result of the task that finds the slides."""

    layout: Layout = "flat"
    """Layout of the output, which depends on their number."""


class TableWriter:
    """Writer of one Parquet file, a row group at a time; the file appears under its name when it is complete.

    Equal rows in equal row groups give equal bytes.
    """

    def __init__(
        self, path: str, schema: pa.Schema, workspace: Workspace, publication: Publication | None = None
    ) -> None:
        """Prepare without opening the file.

        Args:
            path: Path of the file in the workspace's storage.
            schema: Columns and metadata.
            workspace: Run that writes; unfinished files lie in its hidden folder.
            publication: Files with which it appears; None for at once.
        """
        self.path = path
        self.rows = 0
        self._schema, self._workspace, self._publication = schema, workspace, publication

    def write(self, group: pa.Table) -> None:
        """Append a row group; an empty one is left out, since some readers refuse it."""
        if group.num_rows:
            with output_errors(self.path):
                self._file.write_table(group, row_group_size=group.num_rows)
            self.rows += group.num_rows

    def __enter__(self) -> Self:
        with output_errors(self.path), ExitStack() as opened:
            sink = opened.enter_context(self._workspace.atomic_write(self.path, self._publication))
            self._file = opened.enter_context(pq.ParquetWriter(sink, self._schema, write_page_checksum=True))
            self._opened = opened.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with output_errors(self.path):
            self._opened.__exit__(kind, error, trace)


def write_groups(
    groups: Iterable[pa.Table],
    path: str,
    schema: pa.Schema,
    workspace: Workspace,
    publication: Publication | None = None,
) -> int:
    """Write row groups as one file, each as it is made; return the number of rows. See `TableWriter`."""
    with TableWriter(path, schema, workspace, publication) as writer:
        for group in groups:
            writer.write(group)
    return writer.rows


def write_table(table: pa.Table, path: str, workspace: Workspace) -> None:
    """Write a table as one file of one row group."""
    write_groups([table], path, table.schema, workspace)


def write_json(content: dict[str, Any], path: str, workspace: Workspace) -> None:
    """Write a JSON file, whole or not at all."""
    with output_errors(path), workspace.atomic_write(path) as file:
        file.write(json.dumps(content, indent=2, ensure_ascii=False).encode())


@contextmanager
def damage_errors(path: str) -> Iterator[None]:
    """Raise a TruncatedError for what pyarrow finds wrong with a file in this block; the storage's errors pass."""
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        found = f"{path!r} is damaged: {' '.join(str(error).split())}"
        raise TruncatedError(found, path=path, hint="remove it and run again") from error


def read_table(path: str | BinaryIO, files: FileSystem | None = None, columns: Sequence[str] | None = None) -> pa.Table:
    """Read one file, by default of this machine; a folder named key=value in its path adds no column."""
    files = LocalFileSystem() if files is None and isinstance(path, str) else files
    wanted = None if columns is None else list(columns)
    return pq.read_table(path, columns=wanted, partitioning=None, filesystem=files, page_checksum_verification=True)


def count_rows(path: str, files: FileSystem) -> int:
    """Read the number of rows from a file's footer."""
    return int(pq.read_metadata(path, filesystem=files).num_rows)


def open_table(source: str | pa.Buffer, files: FileSystem) -> pq.ParquetFile:
    """Open a file, or its bytes, whose damaged pages are errors, with one checksum per page."""
    if isinstance(source, pa.Buffer):
        return pq.ParquetFile(pa.BufferReader(source), page_checksum_verification=True)
    is_far = not isinstance(files, LocalFileSystem)  # where many reads become few requests
    return pq.ParquetFile(source, filesystem=files, page_checksum_verification=True, pre_buffer=is_far)


def row_groups(path: str, files: FileSystem, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
    """Read the row groups of a file one by one, in bounded memory.

    Args:
        path: Parquet file.
        files: File system it lies on.
        columns: Columns to read; all by default.

    Raises:
        TruncatedError: The file is damaged.
    """
    with damage_errors(path):
        file = open_table(path, files)
    yield from groups_of(file, path, columns)


def groups_of(file: pq.ParquetFile, path: str, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
    """Read the row groups of an open file one by one, and close it; see `row_groups`."""
    with damage_errors(path), file:
        for number in range(file.num_row_groups):
            yield file.read_row_group(number, columns=columns, use_threads=file.metadata.num_rows > SMALL)
