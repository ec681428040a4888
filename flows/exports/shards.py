"""Shards: a table of many slides in Parquet files of bounded size."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

GROUP_ROWS = 1 << 16
"""Rows of a row group: a few MB on disk and tens of MB in memory."""


@dataclass(frozen=True, slots=True)
class Shard:
    """One complete file."""

    file: str
    """Name in the folder."""
    rows: int
    """Number of rows."""
    bytes: int
    """Size of the file."""
    first_slide: str
    """Id of the first slide with rows in it."""
    last_slide: str
    """Id of the last slide with rows in it; its rows may go on in the next shard."""

    def to_json(self) -> dict[str, Any]:
        """Return the fields by name."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


class ShardWriter:
    """Writer of the rows of one slide after another, in constant memory.

    A shard ends with the slide that fills it to `shard_bytes`. Inside a slide it ends, between two row groups, only
    when twice that is reached. So each but the last has between `shard_bytes` and twice that, give or take a row group.
    """

    def __init__(self, folder: Path, schema: pa.Schema, shard_bytes: int, group_rows: int = GROUP_ROWS) -> None:
        """Prepare without writing a file.

        Args:
            folder: Existing folder for tiles-00000.parquet, tiles-00001.parquet, ...
            schema: Columns, among them slide_id.
            shard_bytes: Size at which a shard is closed after a slide.
            group_rows: Rows at which a row group is written.
        """
        self.shards: list[Shard] = []
        self._folder, self._schema, self._bytes, self._rows = folder, schema, shard_bytes, group_rows
        self._waiting: list[pa.Table] = []
        self._writer: pq.ParquetWriter | None = None
        self._slides: list[str] = []
        self._written = 0

    def write_slide(self, slide_id: str, pieces: Iterable[pa.Table]) -> None:
        """Append the rows of a slide, at most a row group at a time."""
        for piece in pieces:
            if piece.num_rows == 0:
                continue
            if self._writer is not None and self._size() >= 2 * self._bytes:
                self._close()
            self._open()
            self._slides = [*self._slides[:1], slide_id]
            self._waiting.append(piece)
            if sum(one.num_rows for one in self._waiting) >= self._rows:
                self._flush()
        if self._writer is not None and self._size() >= self._bytes:
            self._close()

    def __enter__(self) -> Self:
        self._opened = ExitStack()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None and (self._writer is not None or not self.shards):
            self._open()  # a table without rows is one file all the same
            self._close()
        self._opened.__exit__(kind, error, trace)

    def _open(self) -> None:
        if self._writer is None:
            path = self._folder / f"tiles-{len(self.shards):05}.parquet"
            self._sink = self._opened.enter_context(path.open("wb"))
            self._writer = self._opened.enter_context(
                pq.ParquetWriter(self._sink, self._schema, write_page_checksum=True)
            )

    def _size(self) -> int:
        return self._sink.tell()

    def _flush(self) -> None:
        if self._waiting and self._writer is not None:
            group = pa.concat_tables(self._waiting)
            self._writer.write_table(group, row_group_size=group.num_rows)
            self._written += group.num_rows
            self._waiting = []

    def _close(self) -> None:
        self._flush()
        self._opened.close()
        path = self._folder / f"tiles-{len(self.shards):05}.parquet"
        first, last = (self._slides[0], self._slides[-1]) if self._slides else ("", "")
        self.shards.append(Shard(path.name, self._written, path.stat().st_size, first, last))
        self._writer, self._slides, self._written = None, [], 0


def pieces_of(path: Path) -> Iterator[pa.Table]:
    """Read a file a row group at a time."""
    with pq.ParquetFile(path) as file:
        for number in range(file.num_row_groups):
            yield file.read_row_group(number)
