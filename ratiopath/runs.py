"""Many labels in a chunk: neighbours in a row that have one label, in one cell and inside the ROI, are counted as one.

    labels   7 7 7 7 7 9 | 9 9 2 2      a row of a chunk; | is where a cell begins
    runs     [---5---] 1   [2] [2]      (cell, label, length)

An instance mask of 512 x 512 pixels has some thousand runs, and only runs are sorted and added up. The slow reference
is counting pixel by pixel, in the tests.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ratiopath.bits import Mask
from ratiopath.cells import Span
from ratiopath.geometry import Int64s
from ratiopath.splitting import Labels

_FEW_BINS = 1 << 12
"""A bin for each cell and label, where they are so few, or no more than runs: quicker than sorting."""
_WORD_BITS = 64


@dataclass(frozen=True, slots=True)
class Found:
    """Pixels of each cell and label that occur together, each pair once."""

    row: Int64s
    """Cells from the chunk's first one along y."""
    column: Int64s
    """The same along x."""
    labels: npt.NDArray[np.generic]
    """The label of each."""
    counts: Int64s
    """How many pixels, > 0."""


def count_runs(labels: Labels, x: Span, y: Span, inside: Mask | None) -> Found:
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
    return Found(*np.divmod(cell, len(x.starts)), of_values, counts)


def _as_integers(labels: Labels) -> tuple[npt.NDArray[np.integer], npt.NDArray[np.generic] | None]:
    """The labels' bits as unsigned integers, so that NaN equals itself; or numbers into a list of labels too long."""
    if labels.dtype.kind != "V" and labels.itemsize * 8 <= _WORD_BITS:
        return labels.view(f"u{labels.itemsize}"), None
    values, numbers = np.unique(labels, return_inverse=True)
    return numbers.reshape(labels.shape), values


def _cell_of(span: Span) -> Int64s:
    return np.repeat(np.arange(len(span.starts)), span.lengths)


def _summed(
    cell: Int64s, label: npt.NDArray[np.integer], length: Int64s
) -> tuple[Int64s, npt.NDArray[np.integer], Int64s]:
    """Runs of the same cell and label added up; ordered by label and cell, or by cell and label."""
    if not len(cell):
        return cell, label.astype(np.int64), length
    label_bits, cell_bits, length_bits = (int(part.max()).bit_length() for part in (label, cell, length))
    if (int(cell.max()) + 1) << label_bits <= max(_FEW_BINS, len(cell)):
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
