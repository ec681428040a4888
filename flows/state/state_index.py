"""State index of an output: what the files of each slide were made from, so that none is opened to find that out.

    OUTPUT/.state/0000000007-SHA256.index     rows of `schemas.state.slide_state`; of equal ids the last one counts

The files are Parquet; a pattern such as **/*.parquet does not find them. A run appends a file for each part of the
slides that it has done, and writes all of them anew at its end. The index saves work and is never believed against the
output: a row counts only while the sizes and times in it are those of the slide's files. A file of the index counts as
absent if its bytes are not those of the digest in its name, since Parquet has no checksum of its footer, or if it is of
other settings or another version (docs/decisions/0027-state-index.md).
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from flows.config.model import CoverageConfig
from flows.records.provenance import FORMAT, tiles_settings
from flows.reports.previews.files import VERSION as PICTURES
from flows.storage.digest_files import DigestFiles
from flows.storage.parquet import open_table
from flows.storage.workspace import Workspace
from schemas.state import slide_state
from schemas.table import SchemaError, TableSchema, checked

VERSION = 1
"""Version of the index; to be raised when its rows mean something else."""
KEY = b"ratiopath.state_of"
"""Metadata key of a file of the index: digest of the settings and versions that its rows were made with."""
ROWS = 16_384
"""Maximum number of rows of a row group."""
ROWS_PER_FILE = 1 << 20
"""Maximum number of rows of a file."""


@dataclass(frozen=True, slots=True)
class StateIndex:
    """The index of an output, for the settings of one configuration."""

    config: CoverageConfig
    """Configuration of the run."""
    workspace: Workspace
    """Workspace of the run."""

    def read(self, columns: Sequence[str] | None = None) -> pa.Table:
        """Return the rows, one per slide, of the last file that has it; none if there is no index.

        Args:
            columns: Columns to return, with the slide id first; None for all.
        """
        schema = slide_state(self.config.classes)
        names = schema.arrow.names if columns is None else list(columns)
        tables = [schema.arrow.empty_table().select(names)]
        for content in self._whole_files():
            try:
                with open_table(content, self.workspace.files) as file:
                    if (file.schema_arrow.metadata or {}).get(KEY) == self._digest:
                        tables += [group.select(names) for group in _checked_groups(file, schema)]
            except (pa.ArrowException, OSError, ValueError, SchemaError):
                continue  # saves no work, and costs nothing else
        return _last_of_each(pa.concat_tables(tables))

    def count(self) -> int:
        """Return the number of rows of all files, equal ids too; -1 if one is no whole file."""
        files = list(self._whole_files())
        try:
            rows = [pq.read_metadata(pa.BufferReader(content)).num_rows for content in files]
        except (pa.ArrowException, OSError, ValueError):
            return -1
        return sum(rows) if len(rows) == len(self._files.names()) else -1

    def append(self, rows: pa.Table) -> None:
        """Add rows, which are complete when this returns."""
        self._write(rows, self._next())

    def replace(self, rows: pa.Table) -> None:
        """Write all rows anew, and remove the files that were there."""
        before, number = self._files.names(), self._next()
        for start in range(0, max(1, rows.num_rows), ROWS_PER_FILE):
            self._write(rows.slice(start, ROWS_PER_FILE), number)
            number += 1
        self._files.remove(before)

    def _write(self, rows: pa.Table, number: int) -> None:
        sink, schema = pa.BufferOutputStream(), slide_state(self.config.classes)
        with pq.ParquetWriter(sink, rows.schema.with_metadata({KEY: self._digest}), write_page_checksum=True) as writer:
            for start in range(0, rows.num_rows, ROWS):
                writer.write_table(checked(rows.slice(start, ROWS), schema))
        self._files.write(f"{number:010d}", sink.getvalue())

    def _whole_files(self) -> Iterator[pa.Buffer]:
        """Read the files in their order, without those that are damaged."""
        contents = map(self._files.read, sorted(self._files.names(), key=_order))
        return (content for content in contents if content is not None)

    def _next(self) -> int:
        return max((_order(name)[0] for name in self._files.names()), default=0) + 1

    @property
    def _files(self) -> DigestFiles:
        return DigestFiles(self.workspace, r"\d{10,}")

    @property
    def _digest(self) -> bytes:
        settings = tiles_settings(self.config)
        return hashlib.sha256(json.dumps([VERSION, FORMAT, PICTURES, settings], sort_keys=True).encode()).digest()


def _order(name: str) -> tuple[int, str]:
    """Return the number in the name of a file, and the name."""
    return int(name.partition("-")[0]), name


def _checked_groups(file: pq.ParquetFile, schema: TableSchema) -> Iterator[pa.Table]:
    for number in range(file.num_row_groups):
        yield checked(file.read_row_group(number).replace_schema_metadata(None), schema)


def _last_of_each(rows: pa.Table) -> pa.Table:
    """Keep the last row of each slide."""
    numbered = pa.table({"slide_id": rows["slide_id"], "number": np.arange(rows.num_rows)})
    last = numbered.group_by("slide_id", use_threads=False).aggregate([("number", "max")])["number_max"]
    return rows if len(last) == rows.num_rows else rows.take(last)
