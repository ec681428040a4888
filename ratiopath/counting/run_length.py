"""Many labels in a chunk: neighbours in a row that have one label, in one cell and inside the ROI, are counted as one.

    labels   7 7 7 7 7 9 | 9 9 2 2      a row of a chunk; | is where a cell begins
    runs     [---5---] 1   [2] [2]      (cell, label, length)

An instance mask of 512 x 512 pixels has some thousand runs, and only runs are sorted and added up. The slow reference
is counting pixel by pixel, in the tests.
"""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ratiopath.counting.bitmask import Mask
from ratiopath.counting.cells import CellAxis, CellSpan, ChunkCells
from ratiopath.counting.label_masks import Labels
from ratiopath.counting.labels import distinct_sums
from ratiopath.geometry import Int64s
from ratiopath.plan import nth_of_each

_MAX_BINS = 1 << 12
"""A bin for each cell and label, where they are so few, or no more than runs: quicker than sorting."""
_WORD_BITS = 64


@dataclass(frozen=True, slots=True)
class CellCounts:
    """Pixels of each cell and label that occur together, each pair once."""

    row: Int64s
    """Cells from the chunk's first one along y."""
    column: Int64s
    """The same along x."""
    labels: npt.NDArray[np.generic]
    """The label of each."""
    counts: Int64s
    """How many pixels, > 0."""


def count_runs(labels: Labels, x: CellSpan, y: CellSpan, inside: Mask | None) -> CellCounts:
    """Count the labels of a chunk in each of its cells.

    Args:
        labels: One scalar per pixel, shape (height, width).
        x: Cells along x.
        y: Cells along y.
        inside: Which pixels count, same shape; None where all do.
    """
    integers, values = _as_integers(labels)
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
    of_values = label.astype(integers.dtype).view(labels.dtype) if values is None else values[label]
    return CellCounts(*np.divmod(cell, len(x.starts)), of_values, counts)


def _as_integers(labels: Labels) -> tuple[npt.NDArray[np.integer], npt.NDArray[np.generic] | None]:
    """The labels' bits as unsigned integers, so that NaN equals itself; or numbers into a list of labels too long."""
    if labels.dtype.kind != "V" and labels.itemsize * 8 <= _WORD_BITS:
        return labels.view(f"u{labels.itemsize}"), None
    values, numbers = np.unique(labels, return_inverse=True)
    return numbers.reshape(labels.shape), values


def _cell_of(span: CellSpan) -> Int64s:
    return np.repeat(np.arange(len(span.starts)), span.lengths)


def _summed(
    cell: Int64s, label: npt.NDArray[np.integer], length: Int64s
) -> tuple[Int64s, npt.NDArray[np.integer], Int64s]:
    """Runs of the same cell and label added up; ordered by label and cell, or by cell and label."""
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
    # label, cell and length in one word, since numpy sorts words ten times as fast as it finds their order
    words = label.astype(np.uint64) << np.uint64(cell_bits + length_bits)
    words |= (cell.astype(np.uint64) << np.uint64(length_bits)) | length.astype(np.uint64)
    words.sort()
    lengths = (words & np.uint64((1 << length_bits) - 1)).astype(np.int64)
    pair = words >> np.uint64(length_bits)
    starts = np.flatnonzero(np.diff(pair, prepend=~pair[:1]))
    pair = pair[starts]
    of_cell = (pair & np.uint64((1 << cell_bits) - 1)).astype(np.int64)
    return of_cell, pair >> np.uint64(cell_bits), np.add.reduceat(lengths, starts)


@dataclass(slots=True)
class SparseCells:
    """Pixels of each cell and label that occur together, for the same windows as `Cells`."""

    x: CellAxis
    """Cells along x."""
    y: CellAxis
    """Cells along y."""
    _cells: list[Int64s] = field(default_factory=list)
    _labels: list[npt.NDArray[np.generic]] = field(default_factory=list)
    _counts: list[Int64s] = field(default_factory=list)
    _covered: npt.NDArray[np.bool_] | None = None

    def __bool__(self) -> bool:
        return bool(self._cells)

    def add(self, place: ChunkCells, found: CellCounts) -> npt.NDArray[np.generic]:
        """Keep what one chunk counts, where a window reaches.

        Returns:
            The labels kept, possibly several times.
        """
        if self._covered is None:
            self._covered = self._under_windows()
        row, column = found.row + place.y.cells.start, found.column + place.x.cells.start
        kept = self._covered[row, column]
        self._cells.append(row[kept] * len(self.x) + column[kept])
        self._labels.append(found.labels[kept])
        self._counts.append(found.counts[kept])
        return self._labels[-1]

    def _under_windows(self) -> npt.NDArray[np.bool_]:
        """The cells under a window: +1 and -1 at its corners, summed along both axes."""
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
        """Windows, labels and how many pixels; each pair of window and label once. Only where something was added."""
        values, label = np.unique(np.concatenate(self._labels), return_inverse=True)
        row, column = np.divmod(np.concatenate(self._cells), len(self.x))
        counts = np.concatenate(self._counts)
        entry, x = self.x.over(column)
        (row, x, label), counts = _added((row[entry], x, label[entry]), counts[entry])
        entry, y = self.y.over(row)
        (y, x, label), counts = _added((y, x[entry], label[entry]), counts[entry])

        # from places to windows: several may share one, and not every place of a grid has one
        across = len(self.x.begin)
        place = self.y.rank * across + self.x.rank
        order = np.argsort(place, kind="stable")
        first = np.searchsorted(place[order], np.arange(len(self.y.begin) * across + 1))
        wanted = y * across + x
        entry, nth = nth_of_each(first[wanted + 1] - first[wanted])
        return order[first[wanted][entry] + nth], values[label[entry]], counts[entry]


def _added(keys: tuple[Int64s, Int64s, Int64s], counts: Int64s) -> tuple[tuple[Int64s, ...], Int64s]:
    """Entries with equal keys as one."""
    sizes = tuple(int(key.max(initial=0)) + 1 for key in keys)
    joint, sums = distinct_sums(np.ravel_multi_index(keys, sizes), counts)
    return np.unravel_index(joint, sizes), sums
