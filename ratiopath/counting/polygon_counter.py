"""The counting engine of the area rule for ROIs that are no boxes.

The question: how much of the ROI of each window does each label cover, if its border runs through pixels?

1. The core of the ROI are the pixels that lie in it wherever a window begins inside a pixel. They are whole, and
   counted like any ROI by the centre rule (`counting.counter`).
2. The pixels around the core, some thousand per window, have weights of their own (`counting.pixel_areas`); their
   labels are looked up for many windows at once.
"""

import numpy as np
import numpy.typing as npt

from ratiopath.counting.bitmask import Mask
from ratiopath.counting.counter import WindowCounter
from ratiopath.counting.fractional import FractionalWindows
from ratiopath.counting.label_masks import Labels
from ratiopath.counting.labels import distinct_sums
from ratiopath.counting.pixel_areas import PixelAreas
from ratiopath.counting.run_length import as_integers
from ratiopath.counting.value_counts import ValueAccumulator, ValueCounts
from ratiopath.geometry import Extent, Int64s
from ratiopath.plan import ChunkVisit

_MAX_LOOKUPS = 1 << 18
"""Pixels looked up at once, which bounds memory."""
_MAX_BINS_BYTES = 2
"""Bytes of the integers that are counted without sorting them first."""


class PolygonCounter:
    """Counter of the values inside the ROI of many windows at fractions of a pixel, a chunk at a time."""

    def __init__(self, windows: FractionalWindows, level: Extent, roi: PixelAreas, values: ValueAccumulator) -> None:
        """Prepare to count.

        Args:
            windows: The windows, in any order.
            level: Size of the level in pixels.
            roi: The ROI at these windows.
            values: Accumulator that names the labels; it counts units in the end.
        """
        self._windows, self._roi, self._values = windows, roi, values
        self._core = WindowCounter(windows.touched, level, roi.core, values) if roi.core.any() else None
        self._around: list[tuple[Int64s, npt.NDArray[np.generic], Int64s]] = []

    def add(self, visit: ChunkVisit, labels: Labels, exists: Mask | None) -> None:
        """Count one chunk; the arguments are those of `CellCounter`."""
        if self._core is not None:
            self._core.add(visit, labels, exists)
        self._add_around(visit, labels, exists)

    def add_uniform(self, visit: ChunkVisit, label: Labels) -> None:
        """Count one chunk of one label; the arguments are those of `CellCounter`."""
        if self._core is not None:
            self._core.add_uniform(visit, label)
        self._add_around(visit, np.broadcast_to(label, (visit.extent.height, visit.extent.width)), None)

    def value_counts(self) -> ValueCounts:
        """Sum the units of all windows, after the last chunk; `inside` is the area of the ROI in units."""
        if self._core is not None:
            self._core.add_windows()
        self._values.scale(int(self._windows.units))
        for entries in self._around:
            self._values.add_counts(*entries)
        return self._values.value_counts(self._roi.totals())

    def _add_around(self, visit: ChunkVisit, labels: Labels, exists: Mask | None) -> None:
        integers, values = as_integers(labels)
        step = max(1, _MAX_LOOKUPS // max(1, len(self._roi.row)))
        for first in range(0, len(visit.windows), step):
            windows = visit.windows[first : first + step]
            row = (self._windows.touched.y[windows] - visit.y)[:, None] + self._roi.row
            column = (self._windows.touched.x[windows] - visit.x)[:, None] + self._roi.column
            kept = (row >= 0) & (row < visit.extent.height) & (column >= 0) & (column < visit.extent.width)
            at = np.nonzero(kept)
            place = row[at], column[at]
            weights = self._roi.weights(windows)[at]
            if exists is not None:
                weights *= exists[place]
            number = integers[place]
            window, label, units = _summed(at[0], number, weights)
            found = label.astype(integers.dtype).view(labels.dtype) if values is None else values[label]
            self._values.note(np.unique(found))
            self._around.append((windows[window], found, units))


def _summed(
    window: Int64s, label: npt.NDArray[np.integer], units: Int64s
) -> tuple[Int64s, npt.NDArray[np.integer], Int64s]:
    """Sum the units of each window and label that occur together."""
    if label.dtype.itemsize > _MAX_BINS_BYTES:
        values, number = np.unique(label, return_inverse=True)
    else:
        number, values = label.astype(np.int64), np.arange(int(label.max(initial=0)) + 1)
    joint, width = window * max(1, len(values)) + number, max(1, len(values))
    if int(joint.max(initial=0)) < 4 * len(joint):
        sums = np.bincount(joint, weights=units).astype(np.int64)  # exact: fewer than 2**53 units
        pair = np.flatnonzero(sums)
        sums = sums[pair]
    else:
        pair, sums = distinct_sums(joint, units)
        pair, sums = pair[sums > 0], sums[sums > 0]
    window, number = np.divmod(pair, width)
    return window, values[number], sums
