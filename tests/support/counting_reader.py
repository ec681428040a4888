"""An array reader that records the chunks it decodes."""

from typing import Any

from ratiopath.slides import ArrayReader, Chunk


class CountingReader(ArrayReader):
    """An `ArrayReader` with a record of decoded chunks."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.decoded: list[tuple[int, int, int]] = []
        """(level, column, row) of each decoded chunk, in order."""

    def read_chunk(self, level: int, column: int, row: int) -> Chunk:
        self.decoded.append((level, column, row))
        return super().read_chunk(level, column, row)
