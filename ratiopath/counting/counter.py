"""The overlap engine: every chunk is decoded once and counted on the cheapest path that is exact for it.

    uniform chunk           its label times the area of each cell           no pixel is looked at
    few labels              a mask a label, as bits, counted per cell       `ratiopath.cells`
    many labels, NaN        runs of pixels, counted per cell and label      `ratiopath.runs`, `ratiopath.sparse`
    windows on no grid      the pixels of each window, one window at a      `ratiopath.coverage.Tally`
                            time

All three add up, so that a chunk's path is its own affair. The background 0 is never counted by cells: at the end it is
what the area of a window on the level has left.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from ratiopath.counting.bitmask import Mask, Words, unpack
from ratiopath.counting.cells import Cells, ChunkCells, Sums
from ratiopath.counting.label_masks import MAX_LABELS, LabelMasks, Labels, Split
from ratiopath.counting.roi_stamp import RoiStamp, StampedRoi, areas_on, disjoint_layers
from ratiopath.counting.run_length import SparseCells, count_runs
from ratiopath.counting.value_counts import ValueAccumulator, ValueCounts
from ratiopath.geometry import Extent, Int64s
from ratiopath.plan import ChunkVisit, Windows, intersect

_MAX_LAYERS = 16
_WINDOWS_PER_LAYER = 4
"""More layers than this are worth it only for a grid, where each holds many of the windows."""
_MAX_CELLS_PER_WINDOW = 32
"""Cells per window: a grid has 1 to 9, random windows have as many as there are windows."""
_MIN_CELL_LIMIT = 1 << 16
_MAX_TABLE_BYTES = 1 << 28
_MAX_TABLES = 4 * MAX_LABELS
"""Labels with a table of all cells each; a window looks into each of them at the end."""


class _Elsewhere:
    """Stands among the labels for pixels that are counted as runs, or do not exist."""


class _Layer:
    """Windows that are counted together."""

    def __init__(self, windows: Windows, chosen: Int64s, level: Extent, roi: Mask | None) -> None:
        subset = Windows(windows.level, windows.x[chosen], windows.y[chosen], windows.extent)
        self.chosen = chosen
        self.cells = Cells.of(subset, level)
        self.sparse = SparseCells(self.cells.x, self.cells.y)
        self._stencil = None if roi is None else RoiStamp(subset, roi)
        self._pasted: StampedRoi | None = None
        self._place: ChunkCells

    def move_to(self, x: int, y: int, shape: tuple[int, ...]) -> None:
        """Turn to the chunk at (x, y)."""
        self._place = self.cells.place(x, y, shape)
        if self._stencil is not None:
            self._pasted = self._stencil.at(x, y, shape)

    def areas(self) -> Sums:
        """All pixels of the chunk per cell, inside the ROI."""
        return self._place.areas() if self._pasted is None else self._pasted.areas(self._place)

    def sums(self, words: Words) -> Sums:
        """The pixels of a mask per cell, inside the ROI."""
        return self._place.sums(words if self._pasted is None else words & self._pasted.words)

    def add(self, label: object, sums: Sums) -> None:
        """Add what the chunk counts of a label."""
        self.cells.add(label, self._place, sums)

    def add_runs(self, labels: Labels, exists: Mask | None) -> npt.NDArray[np.generic]:
        """Add all labels of the chunk that exist and lie inside the ROI; gives those."""
        inside = exists
        if self._pasted is not None:
            pasted = unpack(self._pasted.words, labels.shape[1])
            inside = pasted if exists is None else pasted & exists
        found = count_runs(labels, self._place.x, self._place.y, inside)
        self.add(_Elsewhere, self.areas())
        return self.sparse.add(self._place, found)


class Counter:
    """Counts the values inside the ROI of many windows on one level, a chunk at a time."""

    def __init__(
        self, windows: Windows, level: Extent, chunk: Extent, roi: Mask | None, tally: ValueAccumulator
    ) -> None:
        """Lay out the cells.

        Args:
            windows: The windows, in any order.
            level: Size of the level in pixels.
            chunk: Size of the pieces it is read in.
            roi: Which pixels of a window are inside, shape (height, width); None where all are.
            tally: Names the labels, and counts what no cells can.
        """
        self._windows, self._level, self._chunk, self._roi, self._tally = windows, level, chunk, roi, tally
        split = [np.arange(len(windows))] if roi is None else disjoint_layers(windows)
        label = tally.labelling.label
        self._splitter = LabelMasks(label)
        self._background = self._splitter.background
        most_cells = max(_MIN_CELL_LIMIT, _MAX_CELLS_PER_WINDOW * len(windows))
        most_layers = max(_MAX_LAYERS, len(windows) // _WINDOWS_PER_LAYER)
        fits = len(split) <= most_layers and _cells_of(windows) <= most_cells
        self._layers = [_Layer(windows, chosen, level, roi) for chosen in split] if fits else []
        self._layer_of = np.zeros(len(windows), dtype=np.int64)
        for number, layer in enumerate(self._layers):
            self._layer_of[layer.chosen] = number
        table = sum(len(layer.cells.x) * len(layer.cells.y) for layer in self._layers) * np.dtype(np.int32).itemsize
        self._capacity = min(_MAX_TABLES, _MAX_TABLE_BYTES // max(1, table))
        self._known: set[Any] = set()

    def add(self, visit: ChunkVisit, labels: Labels, exists: Mask | None) -> None:
        """Count one chunk.

        Args:
            visit: Where it lies, and the windows that touch it.
            labels: One scalar per pixel, shape (height, width).
            exists: Which pixels exist; None where all do.
        """
        if not self._layers:
            self._add_to_windows(visit, labels, exists)
            return
        split = self._splitter.split(labels)
        if split is not None and self._has_room_for([split.rest, *(label for label, _ in split.masks)]):
            self._add_to_cells(visit, split, None if exists is None else self._splitter.pack(exists), labels.shape)
        else:
            self._add_as_runs(visit, labels, exists)

    def add_uniform(self, visit: ChunkVisit, label: Labels, shape: tuple[int, int]) -> None:
        """Count one chunk whose pixels all exist and have one label, without looking at them.

        Args:
            visit: Where it lies, and the windows that touch it.
            label: The label, shape (1, 1).
            shape: Height and width of the chunk.
        """
        is_number = label.dtype.kind != "V" and label[0, 0] == label[0, 0]  # every NaN would be a label of its own
        if not self._layers or not is_number:
            self.add(visit, np.broadcast_to(label, shape), None)
        elif label[0, 0] != self._background:
            if self._has_room_for([label[0, 0]]):
                self._add_to_cells(visit, Split([], label[0, 0]), None, shape)
            else:
                self._add_as_runs(visit, np.broadcast_to(label, shape), None)

    def _touched(self, visit: ChunkVisit, shape: tuple[int, ...]) -> Iterator[_Layer]:
        """The layers with a window in a chunk of some shape, each turned to it."""
        for number in np.unique(self._layer_of[visit.windows]).tolist():
            layer = self._layers[number]
            layer.move_to(visit.column * self._chunk.width, visit.row * self._chunk.height, shape)
            yield layer

    def _add_to_cells(self, visit: ChunkVisit, split: Split, exists: Words | None, shape: tuple[int, ...]) -> None:
        for layer in self._touched(visit, shape):
            taken = [(label, layer.sums(words if exists is None else words & exists)) for label, words in split.masks]
            if exists is not None:
                taken.append((_Elsewhere, layer.areas() - layer.sums(exists)))
            if split.rest != self._background:
                taken.append((split.rest, layer.areas() - sum(sums for _, sums in taken)))
            for label, sums in taken:
                layer.add(label, sums)

    def _add_as_runs(self, visit: ChunkVisit, labels: Labels, exists: Mask | None) -> None:
        for layer in self._touched(visit, labels.shape):
            self._tally.see(layer.add_runs(labels, exists))

    def _add_to_windows(self, visit: ChunkVisit, labels: Labels, exists: Mask | None) -> None:
        for window in visit.windows.tolist():
            part = intersect(self._windows, window, visit, self._chunk, labels.shape)
            self._tally.add(window, _selected(labels, exists, self._roi, part.in_chunk, part.in_window))

    def _has_room_for(self, labels: list[Any]) -> bool:
        known = self._known.union(labels)
        if len(known) > self._capacity:
            return False
        self._known = known
        return True

    def overlaps(self) -> ValueCounts:
        """The counts of all windows."""
        areas = areas_on(self._level, self._windows, self._roi)
        for layer in self._layers:
            background = areas[layer.chosen]
            for label, counts in layer.cells.per_window():
                background -= counts
                if label is not _Elsewhere:
                    self._add_counts(layer.chosen, label, counts)
            self._add_counts(layer.chosen, self._background, background)
            if layer.sparse:
                windows, labels, pixels = layer.sparse.per_window()
                self._tally.add_counts(layer.chosen[windows], labels, pixels)
        size = self._windows.extent.width * self._windows.extent.height
        inside = size if self._roi is None else int(np.count_nonzero(self._roi))
        return self._tally.overlaps(np.full(len(self._windows), inside, dtype=np.int64))

    def _add_counts(self, windows: Int64s, label: Any, counts: Int64s) -> None:
        present = np.flatnonzero(counts)
        if len(present):
            self._tally.add_counts(windows[present], np.full(len(present), label), counts[present])


def _cells_of(windows: Windows) -> int:
    return 4 * len(np.unique(windows.x)) * len(np.unique(windows.y))


def _selected(
    labels: Labels,
    exists: Mask | None,
    roi: Mask | None,
    in_chunk: tuple[slice, slice],
    in_window: tuple[slice, slice],
) -> Labels:
    """The labels of a chunk that exist and lie inside one window's ROI."""
    pixels = labels[in_chunk]
    if exists is not None:
        seen = exists[in_chunk]
        return pixels[seen if roi is None else seen & roi[in_window]]
    return pixels if roi is None else pixels[roi[in_window]]
