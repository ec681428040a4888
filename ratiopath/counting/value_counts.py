"""From labels inside a ROI to counts per value. The denominator of every fraction is `existing`."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ratiopath.counting.labels import Labelling, distinct, distinct_sums
from ratiopath.geometry import Float64s, Int64s

MAX_VALUES = 65_536
"""More distinct values than this are no labels (SEMANTICS, Errors)."""


@dataclass(frozen=True, slots=True)
class ValueCounts:
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
        """The share of several values together, per row: 0 where none occurs, NaN where no pixel exists.

        Values are compared as numbers: 255 is also the 255.0 of a float overlay.
        """
        values = {_as_numbers(key) for key in keys}
        wanted = np.isin(self.key_index, [index for index, key in enumerate(self.keys) if _as_numbers(key) in values])
        counts = np.bincount(self.rows[wanted], weights=self.counts[wanted], minlength=len(self))
        with np.errstate(invalid="ignore"):  # 0 / 0 is NaN: nothing is known
            return counts / self.existing


def gather(parts: Sequence[tuple[Int64s, ValueCounts]], rows: int) -> ValueCounts:
    """Put the overlaps of several groups of rows together, under one list of keys.

    Args:
        parts: The rows of a group, and its overlaps in the same order. The groups share no row.
        rows: How many rows there are in all; those in no group stay empty.
    """
    keys = tuple(sorted({key for _, part in parts for key in part.keys}, key=_as_numbers))
    index_of = {key: index for index, key in enumerate(keys)}
    inside = np.zeros(rows, dtype=np.int64)
    for group, part in parts:
        inside[group] = part.inside
    if len(parts) == 1 and len(parts[0][0]) == rows and (np.diff(parts[0][0]) == 1).all():
        return parts[0][1]
    return _compressed(
        keys,
        _joined([group[part.rows] for group, part in parts]),
        _joined([np.array([index_of[key] for key in part.keys], dtype=np.int64)[part.key_index] for _, part in parts]),
        _joined([part.counts for _, part in parts]),
        inside,
    )


def _as_numbers(key: str) -> tuple[float, ...]:
    """The value behind a name; also an order in which numbers are ascending and colours follow their first channel."""
    return tuple(float(number) for number in key.split(","))


def _compressed(keys: tuple[str, ...], rows: Int64s, key_index: Int64s, counts: Int64s, inside: Int64s) -> ValueCounts:
    """Entries in any order, possibly several for one (row, key), to compressed sparse rows."""
    width = max(1, len(keys))
    joint, summed = distinct_sums(rows * width + key_index, counts)
    row, key = np.divmod(joint, width)
    offsets = np.searchsorted(row, np.arange(len(inside) + 1)).astype(np.int64)
    return ValueCounts(keys, offsets, key.astype(np.int32), summed, inside)


def _joined(arrays: Sequence[Int64s]) -> Int64s:
    return np.concatenate(arrays) if arrays else np.zeros(0, dtype=np.int64)


@dataclass(slots=True)
class ValueAccumulator:
    """Counts labels row by row, a piece at a time."""

    labelling: Labelling
    """Names the labels."""
    _rows: list[Int64s] = field(default_factory=list)
    _labels: list[npt.NDArray[np.generic]] = field(default_factory=list)
    _counts: list[Int64s] = field(default_factory=list)
    _seen: list[npt.NDArray[np.generic]] = field(default_factory=list)
    _unchecked: int = 0

    def add(self, row: int, labels: npt.NDArray[np.generic]) -> None:
        """Count the labels of some pixels, of any shape, as pixels of a row."""
        values, counts = distinct(labels)
        self.see(values)
        self.add_counts(np.full(len(values), row), values, counts)

    def add_counts(self, rows: Int64s, labels: npt.NDArray[np.generic], counts: Int64s) -> None:
        """Add how often labels occur in rows."""
        self._rows.append(rows)
        self._labels.append(labels)
        self._counts.append(counts)

    def see(self, labels: npt.NDArray[np.generic]) -> None:
        """Note labels that are counted, here or elsewhere, for `overflows`."""
        self._seen.append(labels)
        self._unchecked += len(labels)

    def overflows(self) -> bool:
        """Whether more distinct labels were seen than can be labels; looked at afresh every 65,536 of them."""
        if self._unchecked <= MAX_VALUES:
            return False
        self._seen, self._unchecked = [np.unique(np.concatenate(self._seen))], 0
        return len(self._seen[0]) > MAX_VALUES

    def overlaps(self, inside: Int64s) -> ValueCounts:
        """The counts of all rows.

        Args:
            inside: Pixels inside the ROI, per row.
        """
        if not self._labels:
            nothing = np.zeros(0, dtype=np.int64)
            return _compressed((), nothing, nothing, nothing, inside)
        values, key_index = np.unique(np.concatenate(self._labels), return_inverse=True)
        names = self.labelling.names(values)
        keys = tuple(sorted(set(names), key=_as_numbers))
        index_of = {key: index for index, key in enumerate(keys)}
        by_name = np.array([index_of[name] for name in names])
        return _compressed(keys, np.concatenate(self._rows), by_name[key_index], np.concatenate(self._counts), inside)
