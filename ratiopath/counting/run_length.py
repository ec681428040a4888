"""Run-length counting of chunks with many labels: equal neighbours in a row, in one cell, inside the ROI, are one run.

    labels   7 7 7 7 7 9 | 9 9 2 2      a row of a chunk; | marks the start of a cell
    runs     [---5---] 1   [2] [2]      (cell, label, length)

A chunk of an instance mask, 512 x 512 pixels, has some thousand runs, and only runs are sorted and summed
(docs/decisions/0011-runs.md). The tests count pixel by pixel as the reference.
"""

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from ratiopath.counting.bitmask import Mask
from ratiopath.counting.cells import CellAxis, CellSpan, ChunkCells
from ratiopath.counting.label_masks import Labels
from ratiopath.counting.labels import distinct_sums
from ratiopath.geometry import Int64s
from ratiopath.plan import nth_of_each

_MAX_BINS = 1 << 12
"""Bins per cell and label up to which `np.bincount` is used whatever the number of runs: faster than sorting."""
_WORD_BITS = 64


@dataclass(frozen=True, slots=True)
class CellCounts:
    """Pixels per pair of cell and label that occurs, each pair once."""

    row: Int64s
    """Cell along y of each pair, from the chunk's first one."""
    column: Int64s
    """Cell along x of each pair, from the chunk's first one."""
    labels: npt.NDArray[np.generic]
    """Label of each pair."""
    counts: Int64s
    """Pixels of each pair, > 0."""


def count_runs(labels: Labels, x: CellSpan, y: CellSpan, inside: Mask | None) -> CellCounts:
    """Count the labels of a chunk in each of its cells.

    Args:
        labels: One scalar per pixel, shape (height, width).
        x: Cells along x.
        y: Cells along y.
        inside: Mask of the pixels to count, same shape; None to count all.
    """
    integers, values = as_integers(labels)
    begins = np.empty(labels.shape, dtype=np.bool_)
    np.not_equal(integers[:, 1:], integers[:, :-1], out=begins[:, 1:])
    if inside is not None:
        begins[:, 1:] |= inside[:, 1:] != inside[:, :-1]
    begins[:, x.starts] = True  # the first is 0: a run ends with its row
    first = np.flatnonzero(begins)
    length = np.diff(first, append=labels.size)
    row = np.repeat(np.arange(labels.shape[0]), np.count_nonzero(begins, axis=1))
    if inside is not None:
        counted = inside.ravel()[first]
        first, length, row = first[counted], length[counted], row[counted]
    cell = _cell_of(y)[row] * len(x.starts) + _cell_of(x)[first - row * labels.shape[1]]
    cell, label, counts = _summed(cell, integers.ravel()[first], length)
    original = label.astype(integers.dtype).view(labels.dtype) if values is None else values[label]
    return CellCounts(*np.divmod(cell, len(x.starts)), original, counts)


def as_integers(labels: Labels) -> tuple[npt.NDArray[np.integer], npt.NDArray[np.generic] | None]:
    """View labels as unsigned integers, so that NaN equals itself, or number those that are too long for it."""
    if labels.dtype.kind != "V" and labels.itemsize * 8 <= _WORD_BITS:
        return labels.view(f"u{labels.itemsize}"), None
    values, numbers = np.unique(labels, return_inverse=True)
    return numbers.reshape(labels.shape), values


def _cell_of(span: CellSpan) -> Int64s:
    return np.repeat(np.arange(len(span.starts)), span.lengths)


def _summed(
    cell: Int64s, label: npt.NDArray[np.integer], length: Int64s
) -> tuple[Int64s, npt.NDArray[np.integer], Int64s]:
    """Sum runs of the same cell and label; ordered by label and cell, or by cell and label."""
    if not len(cell):
        return cell, label.astype(np.int64), length
    label_bits, cell_bits, length_bits = (int(part.max()).bit_length() for part in (label, cell, length))
    if (int(cell.max()) + 1) << label_bits <= max(_MAX_BINS, len(cell)):
        counts = np.bincount((cell << label_bits) | label.astype(np.int64), weights=length).astype(np.int64)
        present = np.flatnonzero(counts)
        return present >> label_bits, present & ((1 << label_bits) - 1), counts[present]
    if label_bits + cell_bits + length_bits > _WORD_BITS:
        values, numbers = np.unique(label, return_inverse=True)
        cell, number, counts = _summed(cell, numbers, length)
        return cell, values[number], counts
    # label, cell and length in one word, since numpy sorts words ten times as fast as it argsorts them
    words = label.astype(np.uint64) << np.uint64(cell_bits + length_bits)
    words |= (cell.astype(np.uint64) << np.uint64(length_bits)) | length.astype(np.uint64)
    words.sort()
    lengths = (words & np.uint64((1 << length_bits) - 1)).astype(np.int64)
    pair = words >> np.uint64(length_bits)
    starts = np.flatnonzero(np.diff(pair, prepend=~pair[:1]))
    pair = pair[starts]
    cells = (pair & np.uint64((1 << cell_bits) - 1)).astype(np.int64)
    return cells, pair >> np.uint64(cell_bits), np.add.reduceat(lengths, starts)


@dataclass(slots=True)
class SparseCells:
    """Pixels per pair of cell and label, accumulated over chunks; the sparse counterpart of `Cells`."""

    x: CellAxis
    """Cells along x of the whole level."""
    y: CellAxis
    """Cells along y of the whole level."""
    _cells: list[Int64s] = field(default_factory=list)
    _labels: list[npt.NDArray[np.generic]] = field(default_factory=list)
    _counts: list[Int64s] = field(default_factory=list)
    _covered: npt.NDArray[np.bool_] | None = None

    def __bool__(self) -> bool:
        return bool(self._cells)

    def add(self, chunk: ChunkCells, counts: CellCounts) -> npt.NDArray[np.generic]:
        """Keep the counts of one chunk in the cells under a window.

        Returns:
            The labels kept, possibly with repetitions.
        """
        if self._covered is None:
            self._covered = self._under_windows()
        row, column = counts.row + chunk.y.cells.start, counts.column + chunk.x.cells.start
        kept = self._covered[row, column]
        self._cells.append(row[kept] * len(self.x) + column[kept])
        self._labels.append(counts.labels[kept])
        self._counts.append(counts.counts[kept])
        return self._labels[-1]

    def under(self, x: CellAxis, y: CellAxis) -> "SparseCells":
        """Return the same counts for other windows on the same cells."""
        return replace(self, x=x, y=y)

    def _under_windows(self) -> npt.NDArray[np.bool_]:
        """Find the cells under a window: +1 and -1 at its corners, summed along both axes."""
        corners = np.zeros((len(self.y) + 1, len(self.x) + 1), dtype=np.int64)
        for y, x, step in (
            (self.y.first, self.x.first, 1),
            (self.y.first, self.x.stop, -1),
            (self.y.stop, self.x.first, -1),
            (self.y.stop, self.x.stop, 1),
        ):
            np.add.at(corners, (y, x), step)
        covered: npt.NDArray[np.bool_] = np.cumsum(np.cumsum(corners, axis=0), axis=1) > 0
        return covered

    def per_window(self) -> tuple[Int64s, npt.NDArray[np.generic], Int64s]:
        """Return windows, labels and pixels, each pair of window and label once; requires that counts were added."""
        values, label = np.unique(np.concatenate(self._labels), return_inverse=True)
        row, column = np.divmod(np.concatenate(self._cells), len(self.x))
        counts = np.concatenate(self._counts)
        entry, x = self.x.over(column)
        (row, x, label), counts = _merged((row[entry], x, label[entry]), counts[entry])
        entry, y = self.y.over(row)
        (y, x, label), counts = _merged((y, x[entry], label[entry]), counts[entry])

        # from grid positions to windows: several may share a position, and a position may have none
        across = len(self.x.begin)
        position = self.y.rank * across + self.x.rank
        order = np.argsort(position, kind="stable")
        first = np.searchsorted(position[order], np.arange(len(self.y.begin) * across + 1))
        wanted = y * across + x
        entry, nth = nth_of_each(first[wanted + 1] - first[wanted])
        return order[first[wanted][entry] + nth], values[label[entry]], counts[entry]


def _merged(keys: tuple[Int64s, Int64s, Int64s], counts: Int64s) -> tuple[tuple[Int64s, ...], Int64s]:
    """Merge entries with equal keys."""
    sizes = tuple(int(key.max(initial=0)) + 1 for key in keys)
    joint, sums = distinct_sums(np.ravel_multi_index(keys, sizes), counts)
    return np.unravel_index(joint, sizes), sums
