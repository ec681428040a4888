"""Pixels on the border of the ROI of many windows, which count by the part inside, a chunk at a time.

The question: how many units of the border of each window does each label cover, without a Python step per window?

1. The border pixels of all windows of a chunk are looked up at once, a row per window. Windows that the chunk cuts take
   0 (background) for the pixels beyond it.
2. Few labels: each is compared with all pixels, and the units of a window are one scalar product. They are whole
   numbers below 2**53, so that sums in float64 are exact in any order. Many labels: units are summed by sorting.
3. Background is never counted: it is what remains of the units of a window on the level.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ratiopath.counting.area.pixel_areas import PixelAreas
from ratiopath.counting.bitmask import Mask
from ratiopath.counting.label_masks import MAX_LABELS, Labels
from ratiopath.counting.labels import distinct, distinct_sums
from ratiopath.counting.run_length import as_integers
from ratiopath.counting.value_counts import ValueAccumulator
from ratiopath.geometry import Extent, Float64s, Int64s
from ratiopath.plan import ChunkVisit, Windows, reaching_beyond

_MAX_LOOKUPS = 1 << 18
"""Pixels looked up at once, which bounds memory."""
_MAX_TABLE_BYTES = 1 << 26
"""Bytes of the labels that are counted in a table of all windows each."""


@dataclass(frozen=True, slots=True)
class _Lookup:
    """Border pixels of some windows that a chunk cuts all, or none."""

    windows: Int64s
    """Indices of the windows."""
    at: Int64s
    """Index of each pixel in the flat chunk, shape (windows, pixels); anything beyond it."""
    inside: Mask | None
    """Mask of the pixels in the chunk, same shape; None if all are."""
    weights: Float64s
    """Units of the pixels, shape (windows, pixels), or (pixels,) if they are those of every window."""

    def take(self, chunk: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Look up a chunk, with 0 beyond it."""
        found = chunk.ravel().take(self.at, mode="clip")
        return found if self.inside is None else found * self.inside

    def units(self, mask: Mask) -> Int64s:
        """Sum the units of the true pixels of each window."""
        chosen = mask.astype(np.float64)
        sums = chosen @ self.weights if self.weights.ndim == 1 else np.vecdot(chosen, self.weights)
        return sums.astype(np.int64)


class BorderCounter:
    """Counter of the labels on the border of the ROI of many windows, in units."""

    def __init__(self, windows: Windows, level: Extent, roi: PixelAreas, values: ValueAccumulator) -> None:
        """Prepare to count.

        Args:
            windows: Windows of whole pixels around those that are measured.
            level: Size of the level in pixels.
            roi: The ROI at these windows.
            values: Accumulator that names the labels.
        """
        self._windows, self._level, self._roi, self._values = windows, level, roi, values
        self._row, self._column = roi.row.astype(np.int32), roi.column.astype(np.int32)
        self._counted = np.zeros(len(windows), dtype=np.int64)
        self._tables: dict[int, Int64s] = {}
        self._capacity = min(MAX_LABELS, _MAX_TABLE_BYTES // (8 * max(1, len(windows))))
        self._sparse: list[tuple[Int64s, npt.NDArray[np.generic], Int64s]] = []

    def add(self, visit: ChunkVisit, labels: Labels, exists: Mask | None) -> None:
        """Count one chunk; the arguments are those of `CellCounter`."""
        integers, values = as_integers(labels)
        if values is not None:  # numbers of raw bytes: 0 is kept for what is not counted
            integers = integers + 1
        for lookup in self._lookups(visit):
            found = lookup.take(integers)
            if exists is not None:
                known = lookup.take(exists)
                inside = True if lookup.inside is None else lookup.inside
                self._counted[lookup.windows] += lookup.units(inside & ~known)
                found = found * known
            if values is not None:
                self._add_sparse(lookup, found, np.concatenate([values[:1], values]))
            elif not self._add_to_tables(lookup, found):
                self._add_sparse(lookup, found, None)

    def add_uniform(self, visit: ChunkVisit, label: Labels) -> None:
        """Count one chunk of one label; the arguments are those of `CellCounter`."""
        integers, values = as_integers(label)
        if values is not None:
            self.add(visit, np.broadcast_to(label, (visit.extent.height, visit.extent.width)), None)
        elif integers.any():
            for lookup in self._lookups(visit):
                every = np.broadcast_to(np.True_, lookup.at.shape)
                units = lookup.units(every if lookup.inside is None else lookup.inside)
                self._add(int(integers[0, 0]), lookup.windows, units)

    def add_counts(self) -> None:
        """Add the units of all windows to the accumulator, after the last chunk."""
        label = self._values.labelling.label
        every = np.arange(len(self._windows))
        rest = self._roi.totals() - self._roi.core_units - self._counted
        beyond = reaching_beyond(self._windows, self._level)
        for lookup in self._lookups(ChunkVisit(0, 0, 0, 0, self._level, beyond)):
            if lookup.inside is not None:
                rest[lookup.windows] -= lookup.units(~lookup.inside)
        tables = [(_label(number, label), units) for number, units in self._tables.items()]
        for found, units in [(np.zeros(1, dtype=label), rest), *tables]:
            present = np.flatnonzero(units)
            self._values.add_counts(every[present], np.repeat(found, len(present)), units[present])
        for entries in self._sparse:
            self._values.add_counts(*entries)

    def _lookups(self, visit: ChunkVisit) -> Iterator[_Lookup]:
        """Find the border pixels of the windows of a chunk, in parts that bound memory."""
        roi, (width, height) = self._roi, (visit.extent.width, visit.extent.height)
        left, top = self._windows.x[visit.windows] - visit.x, self._windows.y[visit.windows] - visit.y
        is_whole = (left >= 0) & (left + self._windows.extent.width <= width)
        is_whole &= (top >= 0) & (top + self._windows.extent.height <= height)
        step = max(1, _MAX_LOOKUPS // max(1, len(roi.row)))
        for is_cut, some in ((False, np.flatnonzero(is_whole)), (True, np.flatnonzero(~is_whole))):
            for first in range(0, len(some), step):
                part = some[first : first + step]
                at = (top[part] * width + left[part])[:, None] + (roi.row * width + roi.column)
                inside = None
                if is_cut:
                    inside = _within(top[part], self._row, height)
                    inside &= _within(left[part], self._column, width)
                windows = visit.windows[part]
                yield _Lookup(windows, at, inside, roi.weights(windows))

    def _add_to_tables(self, lookup: _Lookup, found: npt.NDArray[np.integer]) -> bool:
        """Count integers but 0 by the table of each; return False if there are too many, and count nothing."""
        remaining = int(np.count_nonzero(found))
        masks: dict[int, Mask] = {}
        for number in self._tables:
            if not remaining:
                break
            mask = found == number
            if pixels := int(np.count_nonzero(mask)):
                masks[number] = mask
                remaining -= pixels
        if remaining:
            others = [number for number in distinct(found)[0].tolist() if number and number not in self._tables]
            if len(self._tables) + len(others) > self._capacity:
                return False
            masks.update((number, found == number) for number in others)
        for number, mask in masks.items():
            self._add(number, lookup.windows, lookup.units(mask))
        return True

    def _add(self, number: int, windows: Int64s, units: Int64s) -> None:
        """Add units of one label, each window once."""
        table = self._tables.get(number)
        if table is None:
            label = _label(number, self._values.labelling.label)
            self._values.note(label)
            if len(self._tables) >= self._capacity:
                self._sparse.append((windows, np.repeat(label, len(windows)), units))
                self._counted[windows] += units
                return
            table = self._tables[number] = np.zeros(len(self._windows), dtype=np.int64)
        table[windows] += units
        self._counted[windows] += units

    def _add_sparse(
        self, lookup: _Lookup, found: npt.NDArray[np.integer], values: npt.NDArray[np.generic] | None
    ) -> None:
        """Count integers but 0 by sorting; they stand for labels by their bits, or are indices of values."""
        at = np.nonzero(found)
        window, number, units = _summed(at[0], found[at], np.broadcast_to(lookup.weights, found.shape)[at])
        label = number.astype(found.dtype).view(self._values.labelling.label) if values is None else values[number]
        windows = lookup.windows[window]
        np.add.at(self._counted, windows, units)
        self._values.note(label)
        self._sparse.append((windows, label, units))


def _within(start: Int64s, offset: npt.NDArray[np.int32], length: int) -> Mask:
    """Return True where a start and an offset add up to 0 or more and less than a length; shape (starts, offsets)."""
    at = (start.astype(np.int32)[:, None] + offset).view(np.uint32)  # unsigned, a negative number is a large one
    within: Mask = at < length
    return within


def _label(number: int, dtype: np.dtype[Any]) -> npt.NDArray[np.generic]:
    """Return the label of the same bits as an unsigned integer, in an array of one."""
    return np.array([number], dtype=f"u{dtype.itemsize}").view(dtype)


def _summed(
    window: Int64s, label: npt.NDArray[np.integer], units: Float64s
) -> tuple[Int64s, npt.NDArray[np.integer], Int64s]:
    """Sum the units of each window and label that occur together."""
    values, number = np.unique(label, return_inverse=True)
    pair, sums = distinct_sums(window * max(1, len(values)) + number, units)
    present = np.flatnonzero(sums)
    window, number = np.divmod(pair[present], max(1, len(values)))
    return window, values[number], sums[present].astype(np.int64)
