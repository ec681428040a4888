"""Shares of values or labels in the ROI of each row, whatever they were measured on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt

from ratiopath.counting.labels import distinct_sums
from ratiopath.counting.values import sort_key
from ratiopath.counting.wanted import Wanted, chosen, chosen_values
from ratiopath.geometry import Float64s, Int64s

MIN_SHARE = 1e-9
"""Smallest share of an ROI that an area can have: less is rounding, and more than 1 - MIN_SHARE is 1."""
DECIMALS = 12
"""Decimals of the shares of areas: the same bytes whatever computed them."""
UNCOVERED = "0"
"""Key of what exists and no label covers."""
JOINT = " + "
"""Text between labels that cover the same place."""


class Shares(Protocol):
    """Share of each key in each row, in compressed sparse rows."""

    @property
    def keys(self) -> tuple[str, ...]:
        """Names of the values, or of the labels."""

    @property
    def offsets(self) -> Int64s:
        """First entry of each row, and the number of entries: row r is [offsets[r], offsets[r + 1])."""

    @property
    def key_index(self) -> npt.NDArray[np.int32]:
        """Index into `keys` of each entry; ascending within a row."""

    @property
    def rows(self) -> Int64s:
        """Row of each entry."""

    @property
    def fractions(self) -> Float64s:
        """Share of each entry in what exists of its row: > 0, and 1 in sum over a row."""

    @property
    def inside(self) -> npt.NDArray[np.number[Any]]:
        """Size of the ROI of each row, pixels or an area."""

    @property
    def existing(self) -> npt.NDArray[np.number[Any]]:
        """Size of the part of the ROI that exists, per row, in the unit of `inside`."""

    def __len__(self) -> int:
        """Return the number of rows."""

    def share_of(self, keys: Sequence[Wanted]) -> Float64s:
        """Sum the shares of several values or labels, per row: 0 if none occurs, NaN if nothing exists."""


@dataclass(frozen=True, slots=True)
class LabelShares:
    """Shares of sets of labels in each row, a `Shares`; rows of images may stand among them."""

    keys: tuple[str, ...]
    """Names of the sets: "0" for the empty one, "a + b" for labels that overlap; values, in rows of images."""
    labels: tuple[frozenset[str] | None, ...]
    """Labels of each key; None for a value."""
    offsets: Int64s
    """First entry of each row, and the number of entries: row r is [offsets[r], offsets[r + 1])."""
    key_index: npt.NDArray[np.int32]
    """Index into `keys` of each entry; ascending within a row."""
    fractions: Float64s
    """Share of each entry in what exists of its row: > 0, and 1 in sum over a row."""
    inside: Float64s
    """Size of the ROI of each row: 1, or pixels in rows of images."""
    existing: Float64s
    """Size of the part of the ROI that exists, in the unit of `inside`."""

    @classmethod
    def of(
        cls,
        labels: Sequence[frozenset[str]],
        entries: tuple[Int64s, Int64s, Float64s],
        rows: int,
        roi_area: float,
    ) -> Self:
        """Turn areas into shares.

        Args:
            labels: Sets of labels, none twice.
            entries: Row, index into `labels` and area, ordered by row; no pair of row and set twice.
            rows: Number of rows.
            roi_area: Area of the ROI, in the same unit.
        """
        row, found, area = entries
        share = area / roi_area
        kept = share >= MIN_SHARE
        row, found, share = row[kept], found[kept], share[kept]
        existing = np.bincount(row, weights=share, minlength=rows)
        share = share / existing[row]
        kept = share >= MIN_SHARE
        row, found, share = row[kept], found[kept], share[kept]
        used = sorted(np.unique(found).tolist(), key=lambda index: sort_key(key_name(labels[index])))
        place = np.zeros(len(labels), dtype=np.int32)
        place[used] = np.arange(len(used))
        key_index = place[found]
        order = np.lexsort((key_index, row))
        offsets = np.searchsorted(row, np.arange(rows + 1))
        used_labels = tuple(labels[index] for index in used)
        return cls(
            tuple(key_name(one) for one in used_labels),
            used_labels,
            offsets,
            key_index[order],
            _rounded(share[order], offsets),
            np.ones(rows),
            np.where(existing > 1 - MIN_SHARE, 1.0, np.round(existing, DECIMALS)),
        )

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def rows(self) -> Int64s:
        """Row of each entry."""
        return np.repeat(np.arange(len(self)), np.diff(self.offsets))

    def share_of(self, keys: Sequence[Wanted]) -> Float64s:
        """Sum the shares of all sets with one of several labels, per row: 0 if none occurs, NaN if nothing exists.

        Where labels overlap, each has the whole. "0" names what no label covers. A range holds values of images.
        """
        texts = [key for key in keys if isinstance(key, str)]
        values, uncovered = (set(chosen_values(some, self.keys)) for some in (keys, texts))
        named = [
            index
            for index, labels in enumerate(self.labels)
            if (chosen(keys, labels) if labels else index in (values if labels is None else uncovered))
        ]
        wanted = np.isin(self.key_index, named)
        sums = np.bincount(self.rows[wanted], weights=self.fractions[wanted], minlength=len(self))
        return np.where(self.existing > 0, np.round(sums, DECIMALS), np.nan)


def key_name(labels: frozenset[str]) -> str:
    """Name a set of labels; a label that reads like another key is put in quotes."""
    names = (f'"{label}"' if label == UNCOVERED or JOINT in label or label[0] == '"' else label for label in labels)
    return JOINT.join(sorted(names)) or UNCOVERED


def gathered(groups: Sequence[tuple[Int64s, Shares]], rows: int) -> LabelShares:
    """Combine the shares of several groups of rows under one list of keys; see `gather`."""
    labels_of: dict[str, frozenset[str] | None] = {}
    for _, shares in groups:
        for key, labels in zip(shares.keys, _labels(shares), strict=True):
            known = labels_of.get(key, labels)
            labels_of[key] = known or labels or (None if None in {known, labels} else known)  # "0" may be both
    keys = tuple(sorted(labels_of, key=sort_key))
    index_of = {key: index for index, key in enumerate(keys)}
    inside, existing = np.zeros(rows), np.zeros(rows)
    entries = [(np.empty(0, dtype=np.int64), np.empty(0))]
    for group, shares in groups:
        inside[group], existing[group] = shares.inside, shares.existing
        place = np.array([index_of[key] for key in shares.keys], dtype=np.int64)
        entries.append((group[shares.rows] * max(1, len(keys)) + place[shares.key_index], shares.fractions))
    joint, fractions = distinct_sums(*(np.concatenate(column) for column in zip(*entries, strict=True)))
    row, key_index = np.divmod(joint, max(1, len(keys)))
    offsets = np.searchsorted(row, np.arange(rows + 1))
    together = tuple(labels_of[key] for key in keys)
    return LabelShares(keys, together, offsets, key_index.astype(np.int32), fractions, inside, existing)


def _labels(shares: Shares) -> Sequence[frozenset[str] | None]:
    return shares.labels if isinstance(shares, LabelShares) else [None] * len(shares.keys)


def _rounded(shares: Float64s, offsets: Int64s) -> Float64s:
    """Round shares, and make the first of the largest ones of a row what the others leave."""
    rounded = np.round(shares, DECIMALS)
    filled = np.flatnonzero(np.diff(offsets))
    starts = offsets[filled]
    if len(starts):
        row = np.repeat(np.arange(len(starts)), np.diff(offsets)[filled])
        is_largest = rounded == np.maximum.reduceat(rounded, starts)[row]
        largest = np.flatnonzero(is_largest)[np.unique(row[is_largest], return_index=True)[1]]
        others = np.add.reduceat(rounded, starts) - rounded[largest]
        rounded[largest] = np.round(1 - others, DECIMALS)
    return rounded
