"""The overlap engine: every chunk is decoded once and counted on the cheapest path that is exact for it.

    uniform chunk           its label times the area of each cell           no pixel is looked at
    few labels              one comparison and one byte-wide sum a label    `ratiopath.cells`
    many labels, NaN, or    the pixels of each window, one window at a      `ratiopath.coverage.Tally`
    windows on no grid      time

All three add up, so that a chunk's path is its own affair.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from ratiopath.cells import Cells, Mask, Place, Stencil, Sums, layers, padded
from ratiopath.coverage import Overlaps, Tally
from ratiopath.geometry import Extent, Int64s
from ratiopath.labels import distinct
from ratiopath.plan import Visit, Windows, overlap

MANY_VALUES = 16
"""A chunk with more labels is counted window by window: joint counting costs as much and is harder to read."""
_MANY_LAYERS = 16
_MANY_CELLS = 32
"""Cells per window: a grid has 1 to 9, random windows have as many as there are windows."""
_FEW_CELLS = 1 << 16
_TABLE_BYTES = 1 << 28


class _Layer:
    """Windows that are counted together."""

    def __init__(self, windows: Windows, chosen: Int64s, level: Extent, roi: Mask | None) -> None:
        subset = Windows(windows.level, windows.x[chosen], windows.y[chosen], windows.extent)
        self.chosen = chosen
        self.cells = Cells.of(subset, level)
        self._stencil = None if roi is None else Stencil(subset, roi)
        self._inside: Mask | None = None
        self._buffer = padded((1, 1))
        self._place: Place

    def move_to(self, x: int, y: int, shape: tuple[int, int]) -> None:
        """Turn to the chunk at (x, y)."""
        self._place = self.cells.place(x, y, shape)
        if self._stencil is not None:
            self._inside = self._stencil.move_to(x, y, shape)
            if self._buffer.shape != self._inside.shape:
                self._buffer = np.empty_like(self._inside)

    def count(self, equal: Mask) -> Sums:
        """True pixels of the chunk per cell, inside the ROI."""
        if self._inside is None:
            return self._place.sums(equal)
        return self._place.sums(np.logical_and(equal, self._inside, out=self._buffer))

    def rest(self, taken: Sequence[Sums]) -> Sums:
        """What some labels leave of all pixels of the chunk per cell, inside the ROI."""
        left = self.count_all()
        for sums in taken:
            left -= sums
        return left

    def count_all(self) -> Sums:
        """All pixels of the chunk per cell, inside the ROI."""
        if self._stencil is None:
            return self._place.areas()
        return self._stencil.areas(self._place)

    def add(self, label: np.generic, sums: Sums) -> None:
        """Add what the chunk counts of a label."""
        self.cells.add(label, self._place, sums)


class Counter:
    """Counts the values inside the ROI of many windows on one level, a chunk at a time."""

    def __init__(self, windows: Windows, level: Extent, chunk: Extent, roi: Mask | None, tally: Tally) -> None:
        """Lay out the cells.

        Args:
            windows: The windows, in any order.
            level: Size of the level in pixels.
            chunk: Size of the pieces it is read in.
            roi: Which pixels of a window are inside, shape (height, width); None where all are.
            tally: Names the labels, and counts what no cells can.
        """
        self._windows, self._chunk, self._roi, self._tally = windows, chunk, roi, tally
        split = [np.arange(len(windows))] if roi is None else layers(windows)
        fits = len(split) <= _MANY_LAYERS and _cells_of(windows) <= max(_FEW_CELLS, _MANY_CELLS * len(windows))
        self._layers = [_Layer(windows, chosen, level, roi) for chosen in split if len(chosen)] if fits else []
        table = sum(len(layer.cells.x) * len(layer.cells.y) for layer in self._layers) * np.dtype(np.int32).itemsize
        self._capacity = _TABLE_BYTES // max(1, table)
        self._known: list[np.generic] = []
        self._recent: list[np.generic] = []
        self._shape: tuple[int, ...] = ()
        self._equal = padded((1, 1))

    def add(self, visit: Visit, labels: npt.NDArray[np.generic], exists: Mask | None) -> None:
        """Count one chunk.

        Args:
            visit: Where it lies, and the windows that touch it.
            labels: One scalar per pixel, shape (height, width).
            exists: Which pixels exist; None where all do.
        """
        if not self._add_to_cells(visit, labels, exists):
            for window in visit.windows.tolist():
                part = overlap(self._windows, window, visit, self._chunk, labels.shape)
                self._tally.add(window, _selected(labels, exists, self._roi, part.in_chunk, part.in_window))

    def add_uniform(self, visit: Visit, label: npt.NDArray[np.generic], shape: tuple[int, int]) -> None:
        """Count one chunk whose pixels all exist and have one label, without looking at them.

        Args:
            visit: Where it lies, and the windows that touch it.
            label: The label, shape (1, 1).
            shape: Height and width of the chunk.
        """
        if label.dtype.kind == "V" or not self._layers or not self._room_for([label[0, 0]]):
            self.add(visit, np.broadcast_to(label, shape), None)
            return
        self._move_to(visit, shape)
        for layer in self._layers:
            layer.add(label[0, 0], layer.count_all())

    def _move_to(self, visit: Visit, shape: tuple[int, int]) -> None:
        for layer in self._layers:
            layer.move_to(visit.column * self._chunk.width, visit.row * self._chunk.height, shape)

    def _add_to_cells(self, visit: Visit, labels: npt.NDArray[np.generic], exists: Mask | None) -> bool:
        if not self._layers or labels.dtype.kind == "V":
            return False
        self._move_to(visit, labels.shape)
        by_complement = exists is None and labels.dtype.kind == "u"
        background = labels.dtype.type(0)
        remaining = int(np.count_nonzero(labels)) if by_complement else labels.size
        counted: list[tuple[np.generic, list[Sums]]] = []
        for label in self._candidates(labels, but=[background] if by_complement else []) if remaining else ():
            pixels, sums = self._count(labels, label, exists)
            if pixels:
                counted.append((label, sums))
                remaining -= pixels
            if not remaining or len(counted) > MANY_VALUES:
                break
        self._recent = [label for label, _ in counted]
        if by_complement:  # the background: what no other label takes, for the price of one look at the chunk
            taken = [sums for _, sums in counted]
            rests = [layer.rest(others) for layer, *others in zip(self._layers, *taken, strict=True)]
            counted.append((background, rests))
        if remaining or len(counted) > MANY_VALUES or not self._room_for([label for label, _ in counted]):
            return False
        for label, per_layer in counted:
            for layer, per_cell in zip(self._layers, per_layer, strict=True):
                layer.add(label, per_cell)
        return True

    def _count(self, labels: npt.NDArray[np.generic], label: np.generic, exists: Mask | None) -> tuple[int, list[Sums]]:
        """Pixels of a label in the whole chunk, and per cell of each layer those that exist inside the ROI."""
        equal = self._where(labels, label)
        if exists is None and self._roi is None:
            sums = [layer.count(equal) for layer in self._layers]
            return int(sums[0].sum()), sums
        pixels = int(np.count_nonzero(equal))
        if exists is not None:
            equal[:, : labels.shape[1]] &= exists
        return pixels, [layer.count(equal) for layer in self._layers] if pixels else []

    def _candidates(self, labels: npt.NDArray[np.generic], but: Sequence[np.generic]) -> Iterator[np.generic]:
        """Labels the chunk may hold, each once: the surest first, so that the last ones need not be tried."""
        greatest = labels.max()
        yield greatest
        tried = {*but, greatest}
        for label in self._recent:  # of the chunk before: masks are smooth
            if label not in tried:
                tried.add(label)
                yield label
        least = labels.min()
        between = [label for label in self._known if least < label < greatest]
        for label in (least, *between):
            if label not in tried:
                tried.add(label)
                yield label
        others, _ = distinct(labels)
        yield from (label for label in others if label not in tried)

    def _where(self, labels: npt.NDArray[np.generic], label: np.generic) -> Mask:
        if self._shape != labels.shape:  # a buffer of another width would keep old pixels where it must be False
            self._shape, self._equal = labels.shape, padded(labels.shape)
        np.equal(labels, label, out=self._equal[:, : labels.shape[1]])
        return self._equal

    def _room_for(self, labels: Sequence[np.generic]) -> bool:
        fresh = [label for label in labels if label not in self._known]
        if len(self._known) + len(fresh) > self._capacity:
            return False
        self._known.extend(fresh)
        return True

    def overlaps(self) -> Overlaps:
        """The counts of all windows."""
        for layer in self._layers:
            for label, counts in layer.cells.per_window():
                present = np.flatnonzero(counts)
                self._tally.add_counts(layer.chosen[present], label, counts[present])
        size = self._windows.extent.width * self._windows.extent.height
        inside = size if self._roi is None else int(np.count_nonzero(self._roi))
        return self._tally.overlaps(np.full(len(self._windows), inside, dtype=np.int64))


def _cells_of(windows: Windows) -> int:
    return 4 * len(np.unique(windows.x)) * len(np.unique(windows.y))


def _selected(
    labels: npt.NDArray[np.generic],
    exists: Mask | None,
    roi: Mask | None,
    in_chunk: tuple[slice, slice],
    in_window: tuple[slice, slice],
) -> npt.NDArray[np.generic]:
    """The labels of a chunk that exist and lie inside one window's ROI."""
    pixels = labels[in_chunk]
    if exists is not None:
        seen = exists[in_chunk]
        return pixels[seen if roi is None else seen & roi[in_window]]
    return pixels if roi is None else pixels[roi[in_window]]
