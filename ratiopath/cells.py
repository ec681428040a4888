"""Counting by cells: the edges of all windows cut a level into cells; each is counted once, windows are sums of cells.

            a       b   a'      b'          windows [a, a') and [b, b') along one axis
    |-------|-------|---|-------|-----|     cells along that axis: window 1 is cells 1..2, window 2 is cells 2..3

What this buys over slicing every window out of every chunk (docs/decisions/0004-counting.md): no Python step per tile,
overlapping windows are not counted twice, and a cell's count is a byte-wide sum that numpy runs at memory speed.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from ratiopath.geometry import Extent, Int64s
from ratiopath.plan import Windows

Mask = npt.NDArray[np.bool_]
Sums = npt.NDArray[np.int32]

_LANE = 8
"""Bytes summed by one addition of 64 bits."""
_RUN = 16
"""Rows that are added as one."""
_MAX_ROWS = 255
"""Rows of a cell: as many as a byte can count."""


@dataclass(frozen=True, slots=True)
class Span:
    """The cells that one chunk touches along one axis."""

    cells: slice
    """Which they are."""
    starts: Int64s
    """Where they begin in the chunk."""
    lengths: Int64s
    """How many pixels each has in the chunk."""
    run: int
    """Where all have one length, as in every aligned grid: how many pixels can be added as one; else 0."""


@dataclass(frozen=True, slots=True)
class Axis:
    """The cells along one axis of a level."""

    edges: Int64s
    """Where cells begin, ascending, from 0; the last is the level's end."""
    first: Int64s
    """The first cell of each window."""
    stop: Int64s
    """The cell after the last of each window; equal to `first` where the window lies beyond the level."""

    @classmethod
    def of(cls, starts: Int64s, size: int, level: int, longest: int) -> "Axis":
        """Cut an axis.

        Args:
            starts: Where the windows begin.
            size: Their length.
            level: The level's length.
            longest: No cell is longer than this.
        """
        begin, end = np.clip(starts, 0, level), np.clip(starts + size, 0, level)
        edges = np.unique(np.concatenate([begin, end, [0, level]]))
        too_long = np.flatnonzero(np.diff(edges) > longest)
        cuts = [np.arange(edges[cell] + longest, edges[cell + 1], longest) for cell in too_long]
        edges = np.unique(np.concatenate([edges, *cuts]))
        return cls(edges, np.searchsorted(edges, begin), np.searchsorted(edges, end))

    def __len__(self) -> int:
        return len(self.edges) - 1

    def span(self, begin: int, end: int) -> Span:
        """The cells that the interval [begin, end) touches."""
        first = int(np.searchsorted(self.edges, begin, side="right")) - 1
        stop = int(np.searchsorted(self.edges, end, side="left"))
        starts = np.maximum(self.edges[first:stop], begin) - begin
        lengths = np.diff(starts, append=end - begin)
        run = math.gcd(int(lengths[0]), _RUN) if (lengths == lengths[0]).all() else 0
        return Span(slice(first, stop), starts, lengths, run)


@dataclass(frozen=True, slots=True)
class Place:
    """The cells that one chunk touches."""

    x: Span
    """Along x."""
    y: Span
    """Along y."""

    def areas(self) -> Sums:
        """Pixels that each cell has in the chunk, shape (cells along y, cells along x)."""
        return (self.y.lengths[:, None] * self.x.lengths).astype(np.int32)

    def sums(self, mask: Mask) -> Sums:
        """True pixels of each cell.

        Rows are added eight pixels at a time, each pixel in a byte of its own: no cell is higher than a byte counts.

        Args:
            mask: Shape of the chunk, padded with False to whole lanes along x, contiguous.
        """
        lanes = mask.view(np.uint64)
        if self.y.run:  # a third of the time of reduceat: numpy adds long runs faster than many short ones
            cells = len(self.y.starts)
            runs = np.add.reduce(lanes.reshape(cells, -1, self.y.run * lanes.shape[1]), axis=1)
            per_row = np.add.reduce(runs.reshape(cells, self.y.run, lanes.shape[1]), axis=1)
        else:
            per_row = np.add.reduceat(lanes, self.y.starts, axis=0)
        return np.add.reduceat(per_row.view(np.uint8), self.x.starts, axis=1, dtype=np.int32)


@dataclass(slots=True)
class Cells:
    """Counts per cell and label, for windows that may overlap, or of which none overlap and each has a ROI."""

    x: Axis
    """Cells along x."""
    y: Axis
    """Cells along y."""
    counts: dict[np.generic, Sums] = field(default_factory=dict)
    """Pixels of each label, shape (cells along y, cells along x)."""
    _spans: dict[tuple[str, int, int], Span] = field(default_factory=dict)

    @classmethod
    def of(cls, windows: Windows, level: Extent) -> "Cells":
        """The cells that some windows cut out of a level."""
        x = Axis.of(windows.x, windows.extent.width, level.width, longest=level.width)
        y = Axis.of(windows.y, windows.extent.height, level.height, longest=_MAX_ROWS)
        return cls(x, y)

    def place(self, x: int, y: int, shape: tuple[int, int]) -> Place:
        """The cells that the chunk with its top-left corner at (x, y) touches."""
        return Place(self._span("x", x, x + shape[1]), self._span("y", y, y + shape[0]))

    def _span(self, axis: Literal["x", "y"], begin: int, end: int) -> Span:
        key = (axis, begin, end)  # the chunks of a column share one, those of a row another
        span = self._spans.get(key)
        if span is None:
            span = self._spans[key] = getattr(self, axis).span(begin, end)
        return span

    def add(self, label: np.generic, place: Place, sums: Sums) -> None:
        """Add what one chunk counts of a label."""
        table = self.counts.get(label)
        if table is None:
            table = self.counts[label] = np.zeros((len(self.y), len(self.x)), dtype=np.int32)
        table[place.y.cells, place.x.cells] += sums

    def per_window(self) -> Iterator[tuple[np.generic, Int64s]]:
        """Each label with the pixels of it in every window: four look-ups in the sums of all cells above and left."""
        for label, table in self.counts.items():
            above = np.zeros((len(self.y) + 1, len(self.x) + 1), dtype=np.int64)
            np.cumsum(np.cumsum(table, axis=0, dtype=np.int64), axis=1, out=above[1:, 1:])
            lower = above[self.y.stop, self.x.stop] - above[self.y.stop, self.x.first]
            upper = above[self.y.first, self.x.stop] - above[self.y.first, self.x.first]
            yield label, lower - upper


def padded(shape: tuple[int, int]) -> Mask:
    """A mask to write to, padded with False to whole lanes along x."""
    return np.zeros((shape[0], -(-shape[1] // _LANE) * _LANE), dtype=np.bool_)


def layers(windows: Windows) -> list[Int64s]:
    """Split windows into layers in which none overlap another: by rank along each axis, modulo how many overlap there.

    Windows at the very same place share a layer.
    """
    x_rank, x_many = _ranks(windows.x, windows.extent.width)
    y_rank, y_many = _ranks(windows.y, windows.extent.height)
    layer = (y_rank % y_many) * x_many + x_rank % x_many
    return [np.flatnonzero(layer == which) for which in range(x_many * y_many)]


def _ranks(starts: Int64s, size: int) -> tuple[Int64s, int]:
    """The rank of each start among the distinct ones, and how many windows overlap at most."""
    distinct, rank = np.unique(starts, return_inverse=True)
    overlapping = np.searchsorted(distinct, distinct + size) - np.arange(len(distinct))
    return rank, max(1, int(overlapping.max(initial=1)))


@dataclass(slots=True)
class _Pasted:
    """The ROI pasted at the windows of one chunk."""

    mask: Mask
    """Padded to whole lanes along x."""
    areas: dict[tuple[bytes, bytes], Sums] = field(default_factory=dict)
    """Its true pixels per cell, by where the cells begin."""


class Stencil:
    """The ROI pasted at every window of a layer, chunk by chunk; remembered by where windows lie in the chunk."""

    _KEPT = 64

    def __init__(self, windows: Windows, roi: Mask) -> None:
        """Prepare.

        Args:
            windows: Windows of which none overlap.
            roi: Which pixels of a window are inside, shape (height, width).
        """
        self._x, self._y = np.unique(windows.x), np.unique(windows.y)
        self._extent = windows.extent
        self._roi = roi
        self._kept: dict[tuple[object, ...], _Pasted] = {}
        self._pasted: _Pasted

    def move_to(self, x: int, y: int, shape: tuple[int, int]) -> Mask:
        """Which pixels of the chunk at (x, y) lie inside the ROI of some window; padded to whole lanes along x."""
        columns = _reaching(self._x, self._extent.width, x, shape[1])
        rows = _reaching(self._y, self._extent.height, y, shape[0])
        key = (columns.tobytes(), rows.tobytes(), shape)
        pasted = self._kept.pop(key, None)
        if pasted is None:
            pasted = _Pasted(padded(shape))
            for top in rows.tolist():
                for left in columns.tolist():
                    self._paste(pasted.mask[:, : shape[1]], left, top)
            if len(self._kept) == self._KEPT:
                del self._kept[next(iter(self._kept))]
        self._kept[key] = self._pasted = pasted  # the last used is the last to go
        return pasted.mask

    def areas(self, place: Place) -> Sums:
        """Pixels that each cell has inside the ROI in the chunk moved to."""
        key = (place.y.starts.tobytes(), place.x.starts.tobytes())
        areas = self._pasted.areas.get(key)
        if areas is None:
            areas = self._pasted.areas[key] = place.sums(self._pasted.mask)
        return areas.copy()

    def _paste(self, mask: Mask, left: int, top: int) -> None:
        bottom, right = top + self._extent.height, left + self._extent.width
        seen = self._roi[max(0, -top) : mask.shape[0] - top, max(0, -left) : mask.shape[1] - left]
        mask[max(0, top) : bottom, max(0, left) : right] = seen


def _reaching(starts: Int64s, size: int, begin: int, length: int) -> Int64s:
    """Where the windows that reach into [begin, begin + length) start, relative to `begin`."""
    first, stop = np.searchsorted(starts, [begin - size + 1, begin + length])
    return starts[first:stop] - begin
