"""Counting by cells: the edges of all windows cut a level into cells; each is counted once, windows are sums of cells.

            a       b   a'      b'          windows [a, a') and [b, b') along one axis
    |-------|-------|---|-------|-----|     cells along that axis: window 1 is cells 1..2, window 2 is cells 2..3

What this buys over slicing every window out of every chunk (docs/decisions/0004-counting.md): no Python step per tile,
overlapping windows are not counted twice, and a cell's count is a population count of whole words.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ratiopath.counting.bitmask import Words, WordSegments
from ratiopath.geometry import Extent, Int64s
from ratiopath.plan import Windows, nth_of_each

Sums = npt.NDArray[np.int32]
"""Pixels of each cell that a chunk touches, shape (cells along y, cells along x)."""


@dataclass(frozen=True, slots=True)
class CellSpan:
    """The cells that one chunk touches along one axis."""

    cells: slice
    """Which they are."""
    starts: Int64s
    """Where they begin in the chunk."""
    lengths: Int64s
    """How many pixels each has in the chunk."""


@dataclass(frozen=True, slots=True)
class CellAxis:
    """The cells along one axis of a level."""

    edges: Int64s
    """Where cells begin, ascending, from 0; the last is the level's end."""
    begin: Int64s
    """The first cell of each place where windows start, ascending."""
    end: Int64s
    """The cell after the last of each; equal to `begin` where windows lie beyond the level."""
    rank: Int64s
    """At which of these places each window starts."""

    @classmethod
    def of(cls, starts: Int64s, size: int, level: int) -> "CellAxis":
        """Cut an axis.

        Args:
            starts: Where the windows begin.
            size: Their length.
            level: The level's length.
        """
        distinct, rank = np.unique(starts, return_inverse=True)
        begin, end = np.clip(distinct, 0, level), np.clip(distinct + size, 0, level)
        edges = np.unique(np.concatenate([begin, end, [0, level]]))
        return cls(edges, np.searchsorted(edges, begin), np.searchsorted(edges, end), rank)

    def __len__(self) -> int:
        return len(self.edges) - 1

    @property
    def first(self) -> Int64s:
        """The first cell of each window."""
        return self.begin[self.rank]

    @property
    def stop(self) -> Int64s:
        """The cell after the last of each window."""
        return self.end[self.rank]

    def over(self, cells: Int64s) -> tuple[Int64s, Int64s]:
        """The places whose windows reach over some cells: which cell of those given, and which place."""
        lowest = np.searchsorted(self.end, cells, side="right")
        which, nth = nth_of_each(np.searchsorted(self.begin, cells, side="right") - lowest)
        return which, lowest[which] + nth

    def span(self, begin: int, length: int) -> CellSpan:
        """The cells that the interval [begin, begin + length) touches."""
        first = int(np.searchsorted(self.edges, begin, side="right")) - 1
        stop = int(np.searchsorted(self.edges, begin + length, side="left"))
        starts = np.maximum(self.edges[first:stop], begin) - begin
        return CellSpan(slice(first, stop), starts, np.diff(starts, append=length))


@dataclass(frozen=True, slots=True)
class ChunkCells:
    """The cells that one chunk touches."""

    x: CellSpan
    """Along x."""
    y: CellSpan
    """Along y."""
    pieces: WordSegments
    """Those along x, cut into words."""

    def areas(self) -> Sums:
        """Pixels that each cell has in the chunk."""
        return np.multiply.outer(self.y.lengths, self.x.lengths).astype(np.int32)

    def sums(self, words: Words) -> Sums:
        """True pixels of each cell."""
        return self.pieces.counts(words, self.y.starts)


@dataclass(slots=True)
class Cells:
    """Counts per cell and label, for windows that may overlap, or of which none overlap and each has a ROI."""

    x: CellAxis
    """Cells along x."""
    y: CellAxis
    """Cells along y."""
    counts: dict[object, Sums] = field(default_factory=dict)
    """Pixels of each label, shape (cells along y, cells along x) of the whole level."""
    _columns: dict[tuple[int, int], tuple[CellSpan, WordSegments]] = field(default_factory=dict)
    _rows: dict[tuple[int, int], CellSpan] = field(default_factory=dict)

    @classmethod
    def of(cls, windows: Windows, level: Extent) -> "Cells":
        """The cells that some windows cut out of a level."""
        x = CellAxis.of(windows.x, windows.extent.width, level.width)
        return cls(x, CellAxis.of(windows.y, windows.extent.height, level.height))

    def place(self, x: int, y: int, shape: tuple[int, ...]) -> ChunkCells:
        """The cells that the chunk of some (height, width) with its top-left corner at (x, y) touches."""
        height, width = shape
        across, down = self._columns.get((x, width)), self._rows.get((y, height))
        if across is None:  # the chunks of a column share it
            span = self.x.span(x, width)
            across = self._columns[x, width] = span, WordSegments.of(span.starts, width)
        if down is None:  # those of a row share this one
            down = self._rows[y, height] = self.y.span(y, height)
        return ChunkCells(across[0], down, across[1])

    def add(self, label: object, place: ChunkCells, sums: Sums) -> None:
        """Add what one chunk counts of a label."""
        table = self.counts.get(label)
        if table is None:
            table = self.counts[label] = np.zeros((len(self.y), len(self.x)), dtype=np.int32)
        table[place.y.cells, place.x.cells] += sums

    def per_window(self) -> Iterator[tuple[object, Int64s]]:
        """Each label with the pixels of it in every window: four look-ups in the sums of all cells above and left."""
        rows, columns = (self.y.first, self.y.stop), (self.x.first, self.x.stop)
        for label, table in self.counts.items():
            above = np.zeros((len(self.y) + 1, len(self.x) + 1), dtype=np.int64)
            np.cumsum(np.cumsum(table, axis=0, dtype=np.int64), axis=1, out=above[1:, 1:])
            yield label, rectangle_sums(above, rows, columns)


def rectangle_sums(above: Int64s, rows: tuple[Int64s, Int64s], columns: tuple[Int64s, Int64s]) -> Int64s:
    """Sums of rectangles, four look-ups each.

    Args:
        above: The sums of everything above and left of each corner, shape (rows + 1, columns + 1).
        rows: First row of each rectangle, and the row after its last.
        columns: The same along x.
    """
    (top, bottom), (left, right) = rows, columns
    lower: Int64s = above[bottom, right] - above[bottom, left]
    upper: Int64s = above[top, right] - above[top, left]
    return lower - upper
