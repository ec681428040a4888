"""The counting engine: pixels of each value inside the ROI of many windows, a chunk at a time.

The question: how often does each label occur in each window, if every chunk is looked at once and windows overlap?

1. `WindowCounter` cuts the level into cells at the edges of all windows (`counting.cells`); a ROI that is no box is
   stamped on layers of windows that do not overlap (`counting.roi_stamp`).
2. `add` and `add_uniform` count one chunk per cell, on the cheapest path that is exact for it:

       uniform chunk         its label times the area of each cell      no pixel is looked at
       few labels            a bit mask per label, counted per cell     `label_masks`, `bitmask`
       many labels, NaN      run-length counting per cell and label     `run_length`
       windows on no grid    the pixels of each window, one by one      `ValueAccumulator.add`

3. `value_counts` sums cells to windows. Background (label 0) is never counted by cells: it is what remains of the area
   of a window on the level.

The paths add to the same totals, so each chunk may take another one.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ratiopath.counting.bitmask import Mask, Words, unpack
from ratiopath.counting.cells import Cells, ChunkCells, Sums
from ratiopath.counting.label_masks import MAX_LABELS, LabelMasks, Labels, LabelSplit
from ratiopath.counting.roi_stamp import RoiStamp, StampedRoi, areas_on, disjoint_layers
from ratiopath.counting.run_length import SparseCells, count_runs
from ratiopath.counting.value_counts import ValueAccumulator, ValueCounts
from ratiopath.geometry import Extent, Int64s
from ratiopath.plan import ChunkVisit, Intersection, Windows, intersect

_MAX_LAYERS = 16
_WINDOWS_PER_LAYER = 4
"""Average from which more layers than the maximum pay off: on a grid, where each layer holds many windows."""
_MAX_CELLS_PER_WINDOW = 32
"""Cells per window on average: a grid has 1 to 9, random windows one per window."""
_MIN_CELL_LIMIT = 1 << 16
_MAX_TABLE_BYTES = 1 << 28
_MAX_TABLES = 4 * MAX_LABELS
"""Labels with a table of all cells each; every window is looked up in each table at the end."""


class Elsewhere:
    """Label of the pixels that are counted as runs, or do not exist."""


class Layer:
    """Windows that are counted together; with a ROI, windows of which none overlap."""

    def __init__(self, chosen: Int64s, cells: Cells, stamp: RoiStamp | None = None) -> None:
        """Start to count.

        Args:
            chosen: Indices of the windows.
            cells: Cells cut at the edges of these windows.
            stamp: The ROI at these windows; None if all pixels are inside.
        """
        self.chosen = chosen
        self.cells = cells
        self.sparse = SparseCells(cells.x, cells.y)
        self._stamp = stamp
        self._stamped: StampedRoi | None = None
        self._chunk: ChunkCells

    def move_to(self, visit: ChunkVisit) -> None:
        """Select the chunk that the other methods count."""
        self._chunk = self.cells.of_chunk(visit)
        if self._stamp is not None:
            self._stamped = self._stamp.at(visit)

    def areas(self) -> Sums:
        """Count the pixels of each cell inside the ROI."""
        return self._chunk.areas() if self._stamped is None else self._stamped.areas(self._chunk)

    def sums(self, words: Words) -> Sums:
        """Count the true pixels of a mask per cell inside the ROI."""
        return self._chunk.sums(words if self._stamped is None else words & self._stamped.words)

    def add(self, label: object, sums: Sums) -> None:
        """Add the counts of one label in the chunk."""
        self.cells.add(label, self._chunk, sums)

    def add_runs(self, labels: Labels, exists: Mask | None) -> npt.NDArray[np.generic]:
        """Add all labels of the chunk that exist and lie inside the ROI; return these labels."""
        inside = exists
        if self._stamped is not None:
            stamped = unpack(self._stamped.words, labels.shape[1])
            inside = stamped if exists is None else stamped & exists
        counts = count_runs(labels, self._chunk.x, self._chunk.y, inside)
        self.add(Elsewhere, self.areas())
        return self.sparse.add(self._chunk, counts)


class CellCounter(ABC):
    """Counter of values per cell, a chunk at a time; a subclass turns cells into windows."""

    def __init__(self, layers: Sequence[Layer], windows: int, values: ValueAccumulator) -> None:
        """Start to count.

        Args:
            layers: The windows with their cells; none if cells do not pay, then windows are counted one by one.
            windows: Number of windows.
            values: Accumulator that names the labels and counts what no cells can.
        """
        self._values = values
        self._label_masks = LabelMasks(values.labelling.label)
        self._background = self._label_masks.background
        self._layers = layers
        self._layer_of = np.zeros(windows, dtype=np.int64)
        for number, layer in enumerate(self._layers):
            self._layer_of[layer.chosen] = number
        table = sum(len(layer.cells.x) * len(layer.cells.y) for layer in self._layers) * np.dtype(np.int32).itemsize
        self._capacity = min(_MAX_TABLES, _MAX_TABLE_BYTES // max(1, table))
        self._known: set[Any] = set()

    def add(self, visit: ChunkVisit, labels: Labels, exists: Mask | None) -> None:
        """Count one chunk.

        Args:
            visit: The chunk's place and the windows that touch it.
            labels: One scalar per pixel, shape (height, width).
            exists: Mask of the pixels that exist, same shape; None if all do.
        """
        if not self._layers:
            self._add_to_windows(visit, labels, exists)
            return
        split = self._label_masks.split(labels)
        if split is not None and self._has_room_for([split.rest, *(label for label, _ in split.masks)]):
            self._add_to_cells(visit, split, None if exists is None else self._label_masks.pack(exists))
        else:
            self._add_as_runs(visit, labels, exists)

    def add_uniform(self, visit: ChunkVisit, label: Labels) -> None:
        """Count one chunk whose pixels all exist and have one label, without looking at them.

        Args:
            visit: The chunk's place and the windows that touch it.
            label: The label, shape (1, 1).
        """
        shape = (visit.extent.height, visit.extent.width)
        is_number = label.dtype.kind != "V" and label[0, 0] == label[0, 0]  # every NaN would be a label of its own
        if not self._layers or not is_number:
            self.add(visit, np.broadcast_to(label, shape), None)
        elif label[0, 0] != self._background:
            if self._has_room_for([label[0, 0]]):
                self._add_to_cells(visit, LabelSplit([], label[0, 0]), None)
            else:
                self._add_as_runs(visit, np.broadcast_to(label, shape), None)

    def _touched(self, visit: ChunkVisit) -> Iterator[Layer]:
        """Iterate over the layers with a window in a chunk, each moved to it."""
        for number in np.unique(self._layer_of[visit.windows]).tolist():
            layer = self._layers[number]
            layer.move_to(visit)
            yield layer

    def _add_to_cells(self, visit: ChunkVisit, split: LabelSplit, exists: Words | None) -> None:
        for layer in self._touched(visit):
            counted = [(label, layer.sums(words if exists is None else words & exists)) for label, words in split.masks]
            if exists is not None:
                counted.append((Elsewhere, layer.areas() - layer.sums(exists)))
            if split.rest != self._background:
                counted.append((split.rest, layer.areas() - sum(sums for _, sums in counted)))
            for label, sums in counted:
                layer.add(label, sums)

    def _add_as_runs(self, visit: ChunkVisit, labels: Labels, exists: Mask | None) -> None:
        for layer in self._touched(visit):
            self._values.note(layer.add_runs(labels, exists))

    @abstractmethod
    def _add_to_windows(self, visit: ChunkVisit, labels: Labels, exists: Mask | None) -> None:
        """Count one chunk window by window."""

    def _has_room_for(self, labels: list[Any]) -> bool:
        known = self._known.union(labels)
        if len(known) > self._capacity:
            return False
        self._known = known
        return True

    def _add_counts(self, windows: Int64s, label: Any, counts: Int64s) -> None:
        present = np.flatnonzero(counts)
        if len(present):
            self._values.add_counts(windows[present], np.full(len(present), label), counts[present])


class WindowCounter(CellCounter):
    """Counter of the values inside the ROI of many windows on one level, a chunk at a time."""

    def __init__(self, windows: Windows, level: Extent, roi: Mask | None, values: ValueAccumulator) -> None:
        """Cut the level into cells.

        Args:
            windows: The windows, in any order.
            level: Size of the level in pixels.
            roi: Mask of a window, true inside, shape (height, width); None if all pixels are inside.
            values: Accumulator that names the labels and counts what no cells can.
        """
        self._windows, self._level, self._roi = windows, level, roi
        layers = [np.arange(len(windows))] if roi is None else disjoint_layers(windows)
        max_layers = max(_MAX_LAYERS, len(windows) // _WINDOWS_PER_LAYER)
        cells = 4 * len(np.unique(windows.x)) * len(np.unique(windows.y))
        fits = len(layers) <= max_layers and cells <= max_cells(len(windows))
        super().__init__([self._layer(chosen) for chosen in layers] if fits else [], len(windows), values)

    def _layer(self, chosen: Int64s) -> Layer:
        windows = self._windows
        subset = Windows(windows.level, windows.x[chosen], windows.y[chosen], windows.extent)
        stamp = None if self._roi is None else RoiStamp(subset, self._roi)
        return Layer(chosen, Cells.of(subset, self._level), stamp)

    def _add_to_windows(self, visit: ChunkVisit, labels: Labels, exists: Mask | None) -> None:
        for window in visit.windows.tolist():
            self._values.add(window, _selected(labels, exists, self._roi, intersect(self._windows, window, visit)))

    def value_counts(self) -> ValueCounts:
        """Sum the counts of all windows, after the last chunk."""
        self.add_windows()
        size = self._windows.extent.width * self._windows.extent.height
        inside = size if self._roi is None else int(np.count_nonzero(self._roi))
        return self._values.value_counts(np.full(len(self._windows), inside, dtype=np.int64))

    def add_windows(self) -> None:
        """Add the counts of all windows to the accumulator, after the last chunk."""
        areas = areas_on(self._level, self._windows, self._roi)
        for layer in self._layers:
            background = areas[layer.chosen]
            for label, counts in layer.cells.per_window():
                background -= counts
                if label is not Elsewhere:
                    self._add_counts(layer.chosen, label, counts)
            self._add_counts(layer.chosen, self._background, background)
            if layer.sparse:
                windows, labels, pixels = layer.sparse.per_window()
                self._values.add_counts(layer.chosen[windows], labels, pixels)


def max_cells(windows: int) -> int:
    """Return the number of cells up to which some windows are counted by cells."""
    return max(_MIN_CELL_LIMIT, _MAX_CELLS_PER_WINDOW * windows)


def _selected(labels: Labels, exists: Mask | None, roi: Mask | None, common: Intersection) -> Labels:
    """Select the labels of a chunk that exist and lie inside one window's ROI."""
    pixels = labels[common.in_chunk]
    if exists is not None:
        chosen = exists[common.in_chunk]
        return pixels[chosen if roi is None else chosen & roi[common.in_window]]
    return pixels if roi is None else pixels[roi[common.in_window]]
