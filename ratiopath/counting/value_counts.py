"""Counts per value and row, and the fractions derived from them (docs/decisions/0003-edges.md)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ratiopath.counting.labels import Labelling, distinct, distinct_sums
from ratiopath.counting.shares import Shares, gathered
from ratiopath.counting.values import sort_key
from ratiopath.counting.wanted import Wanted, chosen_values
from ratiopath.geometry import Float64s, Int64s

MAX_VALUES = 65_536
"""Distinct values a label image may have (docs/decisions/0005-values.md)."""


@dataclass(frozen=True, slots=True)
class ValueCounts:
    """Pixels of each value inside the ROI of each row, in compressed sparse rows, a `Shares`.

    By the area rule the unit is not a pixel but an equal part of one, the same for all rows of a file and a resolution.
    """

    keys: tuple[str, ...]
    """Names of the values: "255", or "255,0,0" if channels differ."""
    offsets: Int64s
    """First entry of each row, and the number of entries: row r is [offsets[r], offsets[r + 1])."""
    key_index: npt.NDArray[np.int32]
    """Index into `keys` of each entry; ascending within a row."""
    counts: Int64s
    """Pixels of each entry, > 0."""
    inside: Int64s
    """Pixels inside the ROI of each row, also those that do not exist in the overlay."""
    dtype: np.dtype[Any] | None = None
    """Stored type of the values; None if they are of several types."""

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def rows(self) -> Int64s:
        """Row of each entry."""
        return np.repeat(np.arange(len(self)), np.diff(self.offsets))

    @property
    def existing(self) -> Int64s:
        """Pixels inside the ROI that exist in the overlay, per row: the denominator of its fractions."""
        sums = np.concatenate([[0], np.cumsum(self.counts)])
        existing: Int64s = sums[self.offsets[1:]] - sums[self.offsets[:-1]]
        return existing

    @property
    def fractions(self) -> Float64s:
        """Share of each entry among the existing pixels of its row: > 0, and 1 in sum over a row."""
        return self.counts / self.existing[self.rows]

    def share_of(self, keys: Sequence[Wanted]) -> Float64s:
        """Sum the shares of several values, per row: 0 if none occurs, NaN if no pixel exists.

        Values are compared as the overlay stores them: 255 is also the 255.0 of a float overlay, and integers are
        compared exactly (`ratiopath.counting.values`). A `ValueRange` holds every number between its limits, no NaN and
        no colour. A pattern is compared with the names of the values.
        """
        wanted = np.isin(self.key_index, chosen_values(keys, self.keys, self.dtype))
        counts = np.bincount(self.rows[wanted], weights=self.counts[wanted], minlength=len(self))
        with np.errstate(invalid="ignore"):  # 0 / 0 is NaN: unknown
            return counts / self.existing


def gather(groups: Sequence[tuple[Int64s, Shares]], rows: int) -> Shares:
    """Combine the counts or shares of several groups of rows under one list of keys.

    Args:
        groups: Row indices of each group, and its counts in the same order. The groups share no row.
        rows: Number of rows of the result; those in no group stay empty.

    Returns:
        Counts if all groups have counts.
    """
    if len(groups) == 1 and len(groups[0][0]) == rows and (np.diff(groups[0][0]) == 1).all():
        return groups[0][1]
    counted = [(group, counts) for group, counts in groups if isinstance(counts, ValueCounts)]
    return _gathered_counts(counted, rows) if len(counted) == len(groups) else gathered(groups, rows)


def _gathered_counts(groups: Sequence[tuple[Int64s, ValueCounts]], rows: int) -> ValueCounts:
    keys = tuple(sorted({key for _, counts in groups for key in counts.keys}, key=sort_key))
    index_of = {key: index for index, key in enumerate(keys)}
    dtypes = {counts.dtype for _, counts in groups}
    inside = np.zeros(rows, dtype=np.int64)
    for group, counts in groups:
        inside[group] = counts.inside
    return _compressed(
        keys,
        _joined([group[counts.rows] for group, counts in groups]),
        _joined([np.array([index_of[key] for key in c.keys], dtype=np.int64)[c.key_index] for _, c in groups]),
        _joined([counts.counts for _, counts in groups]),
        inside,
        dtypes.pop() if len(dtypes) == 1 else None,
    )


def _compressed(
    keys: tuple[str, ...], rows: Int64s, key_index: Int64s, counts: Int64s, inside: Int64s, dtype: np.dtype[Any] | None
) -> ValueCounts:
    """Build compressed sparse rows from entries in any order, possibly several per (row, key)."""
    width = max(1, len(keys))
    joint, summed = distinct_sums(rows * width + key_index, counts)
    row, key = np.divmod(joint, width)
    offsets = np.searchsorted(row, np.arange(len(inside) + 1)).astype(np.int64)
    return ValueCounts(keys, offsets, key.astype(np.int32), summed, inside, dtype)


def _joined(arrays: Sequence[Int64s]) -> Int64s:
    return np.concatenate(arrays) if arrays else np.zeros(0, dtype=np.int64)


@dataclass(slots=True)
class ValueAccumulator:
    """Accumulator of label counts per row."""

    labelling: Labelling
    """Conversion of labels to names."""
    _rows: list[Int64s] = field(default_factory=list)
    _labels: list[npt.NDArray[np.generic]] = field(default_factory=list)
    _counts: list[Int64s] = field(default_factory=list)
    _noted: list[npt.NDArray[np.generic]] = field(default_factory=list)
    _unchecked: int = 0

    def add(self, row: int, labels: npt.NDArray[np.generic]) -> None:
        """Count labels, an array of any shape, in one row."""
        values, counts = distinct(labels)
        self.note(values)
        self.add_counts(np.full(len(values), row), values, counts)

    def add_counts(self, rows: Int64s, labels: npt.NDArray[np.generic], counts: Int64s) -> None:
        """Add counts of labels in rows, one entry each."""
        self._rows.append(rows)
        self._labels.append(labels)
        self._counts.append(counts)

    def scale(self, factor: int) -> None:
        """Multiply all counts so far by a factor."""
        self._counts = [counts * factor for counts in self._counts]

    def note(self, labels: npt.NDArray[np.generic]) -> None:
        """Note labels that are counted, here or elsewhere, for `overflows`."""
        self._noted.append(labels)
        self._unchecked += len(labels)

    def overflows(self) -> bool:
        """Return True if more than MAX_VALUES distinct labels were noted; recounted after every MAX_VALUES labels."""
        if self._unchecked <= MAX_VALUES:
            return False
        self._noted, self._unchecked = [np.unique(np.concatenate(self._noted))], 0
        return len(self._noted[0]) > MAX_VALUES

    def value_counts(self, inside: Int64s) -> ValueCounts:
        """Combine the counts of all rows.

        Args:
            inside: Pixels inside the ROI, per row.
        """
        dtype = self.labelling.dtype
        if not self._labels:
            nothing = np.zeros(0, dtype=np.int64)
            return _compressed((), nothing, nothing, nothing, inside, dtype)
        values, key_index = np.unique(np.concatenate(self._labels), return_inverse=True)
        names = self.labelling.names(values)
        keys = tuple(sorted(set(names), key=sort_key))
        index_of = {key: index for index, key in enumerate(keys)}
        by_name = np.array([index_of[name] for name in names])
        rows, counts = np.concatenate(self._rows), np.concatenate(self._counts)
        return _compressed(keys, rows, by_name[key_index], counts, inside, dtype)
