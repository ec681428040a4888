"""From labels inside a ROI to counts per value. The denominator of every fraction is `existing`."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ratiopath.geometry import Float64s, Int64s

MAX_VALUES = 65_536
"""More distinct values than this are no labels (SEMANTICS, Errors)."""


@dataclass(frozen=True, slots=True)
class Overlaps:
    """How many pixels of each value lie inside the ROI of each row, in compressed sparse rows."""

    keys: tuple[str, ...]
    """Names of the values: "255", or "255,0,0" where channels differ."""
    offsets: Int64s
    """Row r's entries are [offsets[r], offsets[r + 1]); one longer than there are rows."""
    key_index: npt.NDArray[np.int32]
    """Which key an entry counts; ascending within a row."""
    counts: Int64s
    """Pixels of that value, > 0."""
    inside: Int64s
    """Pixels of the row's patch that lie inside the ROI, whether the overlay has them or not."""

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def rows(self) -> Int64s:
        """The row of each entry."""
        return np.repeat(np.arange(len(self)), np.diff(self.offsets))

    @property
    def existing(self) -> Int64s:
        """Pixels inside the ROI that the overlay has, per row: the denominator of its fractions."""
        sums = np.concatenate([[0], np.cumsum(self.counts)])
        existing: Int64s = sums[self.offsets[1:]] - sums[self.offsets[:-1]]
        return existing

    @property
    def fractions(self) -> Float64s:
        """The share of each entry among the existing pixels of its row: > 0, and 1 in sum over a row."""
        return self.counts / self.existing[self.rows]

    def coverage(self, keys: Sequence[str]) -> Float64s:
        """The share of several values together, per row: 0 where none occurs, NaN where no pixel exists."""
        wanted = np.isin(self.key_index, [index for index, key in enumerate(self.keys) if key in set(keys)])
        counts = np.bincount(self.rows[wanted], weights=self.counts[wanted], minlength=len(self))
        with np.errstate(invalid="ignore"):  # 0 / 0 is NaN: nothing is known
            return counts / self.existing


def scattered(parts: Sequence[tuple[Int64s, Overlaps]], rows: int) -> Overlaps:
    """Put the overlaps of several groups of rows together, under one list of keys.

    Args:
        parts: The rows of a group, and its overlaps in the same order. The groups share no row.
        rows: How many rows there are in all; those in no group stay empty.
    """
    keys = sorted({key for _, part in parts for key in part.keys}, key=_key_order)
    index_of = {key: index for index, key in enumerate(keys)}
    entry_row, entry_key, entry_count = [], [], []
    inside = np.zeros(rows, dtype=np.int64)
    for group, part in parts:
        entry_row.append(group[part.rows])
        entry_key.append(np.array([index_of[key] for key in part.keys], dtype=np.int32)[part.key_index])
        entry_count.append(part.counts)
        inside[group] = part.inside
    return _compressed(tuple(keys), entry_row, entry_key, entry_count, inside)


def _key_order(key: str) -> tuple[object, ...]:
    """Numbers by size and before colours."""
    return ("," in key, [float(number) for number in key.split(",")])


def _compressed(
    keys: tuple[str, ...],
    rows: Sequence[Int64s],
    key_index: Sequence[npt.NDArray[np.integer]],
    counts: Sequence[Int64s],
    inside: Int64s,
) -> Overlaps:
    """Entries in any order, possibly several for one (row, key), to compressed sparse rows."""
    cell = _joined(rows) * max(1, len(keys)) + _joined(key_index)
    cells, entry = np.unique(cell, return_inverse=True)
    summed = np.zeros(len(cells), dtype=np.int64)
    np.add.at(summed, entry, _joined(counts))
    row, key = np.divmod(cells, max(1, len(keys)))
    offsets = np.searchsorted(row, np.arange(len(inside) + 1)).astype(np.int64)
    return Overlaps(keys, offsets, key.astype(np.int32), summed, inside)


def _joined(arrays: Sequence[npt.NDArray[np.integer]]) -> Int64s:
    return np.concatenate(arrays).astype(np.int64) if arrays else np.zeros(0, dtype=np.int64)


@dataclass(slots=True)
class Tally:
    """Counts values row by row, a piece at a time; every piece of one file, of one dtype and channel count."""

    dtype: np.dtype[np.generic]
    """The stored type of a channel."""
    channels: int
    """Values per pixel."""
    _rows: list[Int64s] = field(default_factory=list)
    _labels: list[npt.NDArray[np.generic]] = field(default_factory=list)
    _counts: list[Int64s] = field(default_factory=list)
    _unchecked: int = 0

    def labels(self, pixels: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        """One sortable scalar per pixel, shape (height, width): the number itself, or the bytes of the channels."""
        if self.channels > 1:
            packed = np.ascontiguousarray(pixels)
            return packed.view(np.dtype((np.void, packed.itemsize * self.channels)))[..., 0]
        return pixels.view(np.uint8) if self.dtype == np.bool_ else pixels

    def add(self, row: int, labels: npt.NDArray[np.generic]) -> None:
        """Count the labels of some pixels, of any shape, as pixels of a row."""
        values, counts = _counted(labels.ravel())
        self._unchecked += len(values)
        self._rows.append(np.full(len(values), row, dtype=np.int64))
        self._labels.append(values)
        self._counts.append(counts)

    def distinct(self) -> npt.NDArray[np.generic]:
        """The labels counted so far, ascending."""
        if not self._labels:
            return np.zeros(0, dtype=self.dtype)
        return np.unique(np.concatenate(self._labels))

    def overflows(self) -> bool:
        """Whether more distinct values were counted than can be labels; looked at afresh every 65,536 entries."""
        if self._unchecked <= MAX_VALUES:
            return False
        self._unchecked = 0
        return len(self.distinct()) > MAX_VALUES

    def overlaps(self, inside: Int64s) -> Overlaps:
        """The counts of all rows.

        Args:
            inside: Pixels inside the ROI, per row.
        """
        values = self.distinct()
        index = [np.searchsorted(values, labels) for labels in self._labels]
        parts = _compressed(self._names(values), self._rows, index, self._counts, inside)
        return scattered([(np.arange(len(inside)), parts)], len(inside))

    def _names(self, labels: npt.NDArray[np.generic]) -> tuple[str, ...]:
        if self.channels == 1:
            return tuple(str(label) for label in labels)
        pixels = np.frombuffer(labels.tobytes(), dtype=self.dtype).reshape(-1, self.channels)
        return tuple(str(p[0]) if (p == p[0]).all() else ",".join(str(value) for value in p) for p in pixels)


def _counted(labels: npt.NDArray[np.generic]) -> tuple[npt.NDArray[np.generic], Int64s]:
    """The distinct labels, ascending, and how often each occurs."""
    if labels.dtype == np.uint8:  # bincount: ten times np.unique
        counts = np.bincount(labels)
        values = np.flatnonzero(counts)
        return values.astype(np.uint8), counts[values]
    values, counts = np.unique(labels, return_counts=True)
    return values, counts.astype(np.int64)
