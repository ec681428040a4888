"""Cells of a level, cut at the edges of all windows: each cell is counted once, and windows are sums of cells.

            a       b   a'      b'          windows [a, a') and [b, b') along one axis
    |-------|-------|---|-------|-----|     cells along that axis: window 1 is cells 1..2, window 2 is cells 2..3

Compared with slicing every window out of every chunk, cells need no Python step per tile, pixels under overlapping
windows are counted once, and a cell's count is a population count of whole words (docs/decisions/0004-counting.md).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ratiopath.counting.bitmask import Words, WordSegments
from ratiopath.geometry import Extent, Int64s
from ratiopath.plan import ChunkVisit, Windows, nth_of_each

Sums = npt.NDArray[np.int32]
"""Pixels per cell of a chunk, shape (cells along y, cells along x)."""


@dataclass(frozen=True, slots=True)
class CellSpan:
    """The cells that one chunk touches along one axis."""

    cells: slice
    """Indices of the cells."""
    starts: Int64s
    """First pixel of each cell, relative to the chunk."""
    lengths: Int64s
    """Pixels of each cell in the chunk."""


@dataclass(frozen=True, slots=True)
class CellAxis:
    """The cells along one axis of a level."""

    edges: Int64s
    """First pixel of each cell, ascending from 0; the last edge is the level's end."""
    begin: Int64s
    """First cell of each distinct window start, ascending."""
    end: Int64s
    """Cell after the last one of each distinct window start; equal to `begin` beyond the level."""
    rank: Int64s
    """Index of each window's start among the distinct ones."""

    @classmethod
    def of(cls, starts: Int64s, size: int, level: int) -> "CellAxis":
        """Cut an axis.

        Args:
            starts: First pixel of each window.
            size: Length of a window in pixels.
            level: Length of the level in pixels.
        """
        distinct, rank = np.unique(starts, return_inverse=True)
        begin, end = np.clip(distinct, 0, level), np.clip(distinct + size, 0, level)
        edges = np.unique(np.concatenate([begin, end, [0, level]]))
        return cls(edges, np.searchsorted(edges, begin), np.searchsorted(edges, end), rank)

    def __len__(self) -> int:
        return len(self.edges) - 1

    @property
    def first(self) -> Int64s:
        """First cell of each window."""
        return self.begin[self.rank]

    @property
    def stop(self) -> Int64s:
        """Cell after the last one of each window."""
        return self.end[self.rank]

    def over(self, cells: Int64s) -> tuple[Int64s, Int64s]:
        """Pair cells with the window starts whose windows contain them, as indices into `cells` and `begin`."""
        lowest = np.searchsorted(self.end, cells, side="right")
        cell, nth = nth_of_each(np.searchsorted(self.begin, cells, side="right") - lowest)
        return cell, lowest[cell] + nth

    def span(self, begin: int, length: int) -> CellSpan:
        """Find the cells that the interval [begin, begin + length) touches."""
        first = int(np.searchsorted(self.edges, begin, side="right")) - 1
        stop = int(np.searchsorted(self.edges, begin + length, side="left"))
        starts = np.maximum(self.edges[first:stop], begin) - begin
        return CellSpan(slice(first, stop), starts, np.diff(starts, append=length))


@dataclass(frozen=True, slots=True)
class ChunkCells:
    """The cells that one chunk touches."""

    x: CellSpan
    """Cells along x."""
    y: CellSpan
    """Cells along y."""
    segments: WordSegments
    """Cells along x, cut at words."""

    def areas(self) -> Sums:
        """Count the pixels of each cell in the chunk."""
        return np.multiply.outer(self.y.lengths, self.x.lengths).astype(np.int32)

    def sums(self, words: Words) -> Sums:
        """Count the true pixels of each cell in the chunk."""
        return self.segments.counts(words, self.y.starts)


@dataclass(slots=True)
class Cells:
    """Counts per cell and label."""

    x: CellAxis
    """Cells along x of the whole level."""
    y: CellAxis
    """Cells along y of the whole level."""
    counts: dict[object, Sums] = field(default_factory=dict)
    """Pixels of each label per cell of the whole level, shape (cells along y, cells along x)."""
    _columns: dict[int, tuple[CellSpan, WordSegments]] = field(default_factory=dict)
    _rows: dict[int, CellSpan] = field(default_factory=dict)

    @classmethod
    def of(cls, windows: Windows, level: Extent) -> "Cells":
        """Cut a level at the edges of windows."""
        x = CellAxis.of(windows.x, windows.extent.width, level.width)
        return cls(x, CellAxis.of(windows.y, windows.extent.height, level.height))

    def of_chunk(self, visit: ChunkVisit) -> ChunkCells:
        """Find the cells that a chunk touches."""
        across, down = self._columns.get(visit.x), self._rows.get(visit.y)
        if across is None:  # the chunks of a column share it
            span = self.x.span(visit.x, visit.extent.width)
            across = self._columns[visit.x] = span, WordSegments.of(span.starts, visit.extent.width)
        if down is None:  # those of a row share this one
            down = self._rows[visit.y] = self.y.span(visit.y, visit.extent.height)
        return ChunkCells(across[0], down, across[1])

    def add(self, label: object, chunk: ChunkCells, sums: Sums) -> None:
        """Add the counts of one label in one chunk."""
        table = self.counts.get(label)
        if table is None:
            table = self.counts[label] = np.zeros((len(self.y), len(self.x)), dtype=np.int32)
        table[chunk.y.cells, chunk.x.cells] += sums

    def per_window(self) -> Iterator[tuple[object, Int64s]]:
        """Iterate over the labels, each with its pixels in every window: four look-ups in a summed-area table."""
        rows, columns = (self.y.first, self.y.stop), (self.x.first, self.x.stop)
        for label, table in self.counts.items():
            yield label, rectangle_sums(summed_area(table), rows, columns)


def summed_area(table: npt.NDArray[Any]) -> Int64s:
    """Build the summed-area table: the sum above and left of each corner, shape (rows + 1, columns + 1)."""
    sums = np.zeros((table.shape[0] + 1, table.shape[1] + 1), dtype=np.int64)
    np.cumsum(np.cumsum(table, axis=0, dtype=np.int64), axis=1, out=sums[1:, 1:])
    return sums


def rectangle_sums(sums: Int64s, rows: tuple[Int64s, Int64s], columns: tuple[Int64s, Int64s]) -> Int64s:
    """Sum rectangles, four look-ups each.

    Args:
        sums: A summed-area table.
        rows: First row of each rectangle, and the row after its last.
        columns: First column of each rectangle, and the column after its last.
    """
    (top, bottom), (left, right) = rows, columns
    lower: Int64s = sums[bottom, right] - sums[bottom, left]
    upper: Int64s = sums[top, right] - sums[top, left]
    return lower - upper
