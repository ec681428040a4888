"""The counting engine of the area rule for boxes: pixels weigh as much as the part of them inside the ROI.

The question: how much of each window does each label cover, if windows begin and end inside pixels?

1. A window is three by three blocks of whole pixels (`counting.fractional`). The level is cut into cells at the edges
   of all blocks, and counted as for whole windows (`counting.counter`): a window is a weighted sum of its nine blocks.
2. The pixels of windows on no grid are weighed one by one, per label and window.

All weights are whole numbers of units, so both ways give the same counts.
"""

import numpy as np
import numpy.typing as npt

from ratiopath.counting.area.fractional import BLOCKS, FractionalAxis, FractionalWindows
from ratiopath.counting.bitmask import Mask
from ratiopath.counting.cells import CellAxis, Cells, summed_area
from ratiopath.counting.counter import CellCounter, Elsewhere, Layer, max_cells
from ratiopath.counting.label_masks import Labels
from ratiopath.counting.run_length import as_integers
from ratiopath.counting.value_counts import ValueAccumulator, ValueCounts
from ratiopath.geometry import Extent, Float64s, Int64s
from ratiopath.plan import ChunkVisit, intersect

_MAX_BINS_BYTES = 2
"""Bytes of the integers that are counted without sorting."""


class AreaCounter(CellCounter):
    """Counter of the values of many boxes at fractions of a pixel, a chunk at a time."""

    def __init__(self, windows: FractionalWindows, level: Extent, values: ValueAccumulator) -> None:
        """Cut the level into cells.

        Args:
            windows: The windows, in any order.
            level: Size of the level in pixels.
            values: Accumulator that names the labels; it counts units.
        """
        self._windows = windows
        self._across, self._down = (
            _blocks(axis, length) for axis, length in ((windows.x, level.width), (windows.y, level.height))
        )
        layers = []
        if len(self._across[0]) * len(self._down[0]) <= max_cells(len(windows)):
            cells = Cells(_whole(self._across), _whole(self._down))
            layers = [Layer(np.arange(len(windows)), cells)]
        super().__init__(layers, len(windows), values)

    def value_counts(self) -> ValueCounts:
        """Sum the units of all windows, after the last chunk; `inside` is the area of the ROI in units."""
        every = np.arange(len(self._windows))
        for layer in self._layers:
            background = self._areas([axis.edges for axis in (self._down[0], self._across[0])])
            for label, table in layer.cells.counts.items():
                counts = self._sums(summed_area(table))
                background -= counts
                if label is not Elsewhere:
                    self._add_counts(every, label, counts)
            self._add_counts(every, self._background, background)
            if layer.sparse:
                self._add_runs(layer)
        return self._values.value_counts(self._inside())

    def _sums(self, table: Int64s) -> Int64s:
        """Weigh the nine blocks of each window, of a summed-area table over the cells."""
        rows, columns = (
            np.stack([*(axis.first for axis in axes), axes[-1].stop], axis=1) for axes in (self._down, self._across)
        )
        corners = table[rows[:, :, None], columns[:, None, :]]
        blocks = np.diff(np.diff(corners, axis=1), axis=2)
        weighed: Int64s = np.einsum("nij,nij->n", blocks, self._windows.weights)
        return weighed

    def _areas(self, edges: list[Int64s]) -> Int64s:
        """Measure the part of each window on the level, whose cells have some edges along y and x."""
        return self._sums(np.multiply.outer(edges[0], edges[1]))

    def _inside(self) -> Int64s:
        lengths = [np.diff(axis.pixels[axis.rank], axis=1) for axis in (self._windows.y, self._windows.x)]
        total: Int64s = np.einsum("ni,nj,nij->n", *lengths, self._windows.weights)
        return total

    def _add_runs(self, layer: Layer) -> None:
        for row, y in enumerate(self._down):
            for column, x in enumerate(self._across):
                windows, labels, pixels = layer.sparse.under(x, y).per_window()
                units = pixels * self._windows.weights[windows, row, column]
                kept = np.flatnonzero(units)
                self._values.add_counts(windows[kept], labels[kept], units[kept])

    def _add_to_windows(self, visit: ChunkVisit, labels: Labels, exists: Mask | None) -> None:
        numbers, values = _numbered(labels)
        self._values.note(values)
        for window in visit.windows.tolist():
            common = intersect(self._windows.touched, window, visit)
            weights = self._weights_of(window)[common.in_window]
            if exists is not None:
                weights = np.where(exists[common.in_chunk], weights, 0)
            units = np.bincount(numbers[common.in_chunk].ravel(), weights=weights.ravel())
            present = np.flatnonzero(units)
            self._values.add_counts(np.full(len(present), window), values[present], units[present].astype(np.int64))

    def _weights_of(self, window: int) -> Float64s:
        """Return the units of each pixel of `FractionalWindows.touched`."""
        extent = self._windows.touched.extent
        row, column = (
            np.searchsorted(axis.pixels[axis.rank[window]], axis.first[window] + np.arange(length), side="right") - 1
            for axis, length in ((self._windows.y, extent.height), (self._windows.x, extent.width))
        )
        weights = np.pad(self._windows.weights[window].astype(np.float64), (0, 1))  # 0 after the last block
        padded: Float64s = weights[row[:, None], column]
        return padded


def _blocks(axis: FractionalAxis, level: int) -> list[CellAxis]:
    """Cut a level of some length at the edges of all blocks along one axis; return the windows of each block."""
    pixels = np.clip(axis.pixels, 0, level)
    edges = np.unique(np.append(pixels, [0, level]))
    cells = np.searchsorted(edges, pixels)
    return [CellAxis(edges, cells[:, block], cells[:, block + 1], axis.rank) for block in range(BLOCKS)]


def _whole(blocks: list[CellAxis]) -> CellAxis:
    """Join the blocks of each window."""
    return CellAxis(blocks[0].edges, blocks[0].begin, blocks[-1].end, blocks[0].rank)


def _numbered(labels: Labels) -> tuple[npt.NDArray[np.integer], npt.NDArray[np.generic]]:
    """Replace the labels of a chunk by numbers; return the number of each pixel, and the label of each number."""
    if not any(labels.strides):  # a uniform chunk
        return np.broadcast_to(np.int64(0), labels.shape), labels[0, :1]
    integers, values = as_integers(labels)
    if values is None and integers.itemsize <= _MAX_BINS_BYTES:
        values = np.arange(int(integers.max()) + 1).astype(integers.dtype).view(labels.dtype)
    elif values is None:
        found, integers = np.unique(integers, return_inverse=True)
        values = found.view(labels.dtype)
    return integers.reshape(labels.shape), values
