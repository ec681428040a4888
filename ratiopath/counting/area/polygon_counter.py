"""The counting engine of the area rule for ROIs that are no boxes.

The question: how much of the ROI of each window does each label cover, if its border runs through pixels?

1. The core of the ROI are the pixels that lie in it wherever a window begins inside a pixel. They are whole, and
   counted like any ROI by the centre rule (`counting.counter`).
2. The other pixels, the border, have units of their own (`counting.border`).
"""

import numpy as np

from ratiopath.counting.area.border import BorderCounter
from ratiopath.counting.area.fractional import FractionalWindows
from ratiopath.counting.area.pixel_areas import PixelAreas
from ratiopath.counting.bitmask import Mask
from ratiopath.counting.counter import WindowCounter
from ratiopath.counting.label_masks import Labels
from ratiopath.counting.value_counts import ValueAccumulator, ValueCounts
from ratiopath.geometry import Extent
from ratiopath.plan import ChunkVisit, Windows


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
        self._roi, self._values, self._units = roi, values, int(windows.units)
        self._core = _core(windows.touched, level, roi.core, values) if roi.core.any() else None
        self._border = BorderCounter(windows.touched, level, roi, values)

    def add(self, visit: ChunkVisit, labels: Labels, exists: Mask | None) -> None:
        """Count one chunk; the arguments are those of `CellCounter`."""
        if self._core is not None:
            self._core.add(visit, labels, exists)
        self._border.add(visit, labels, exists)

    def add_uniform(self, visit: ChunkVisit, label: Labels) -> None:
        """Count one chunk of one label; the arguments are those of `CellCounter`."""
        if self._core is not None:
            self._core.add_uniform(visit, label)
        self._border.add_uniform(visit, label)

    def value_counts(self) -> ValueCounts:
        """Sum the units of all windows, after the last chunk; `inside` is the area of the ROI in units."""
        if self._core is not None:
            self._core.add_windows()
        self._values.scale(self._units)
        self._border.add_counts()
        return self._values.value_counts(self._roi.totals())


def _core(windows: Windows, level: Extent, core: Mask, values: ValueAccumulator) -> WindowCounter:
    """Count the core in windows as small as it is: of adjacent tiles, these do not overlap."""
    (top, bottom), (left, right) = (np.flatnonzero(core.any(axis=axis))[[0, -1]].tolist() for axis in (1, 0))
    extent = Extent(right - left + 1, bottom - top + 1)
    around = Windows(windows.level, windows.x + left, windows.y + top, extent)
    return WindowCounter(around, level, core[top : bottom + 1, left : right + 1], values)
