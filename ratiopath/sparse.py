"""Counts per cell of labels that are too many for a table each: only pairs of cell and label that occur are kept.

entries   (cell, label, pixels)    as chunks give them; a cell that chunks cut has several
windows   first each entry goes to all windows that reach over its cell along x, and equal ones are added up,
          then along y: a window of 8 x 8 cells costs 8 + 8 steps, not 64
"""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ratiopath.cells import Axis, Place
from ratiopath.geometry import Int64s
from ratiopath.labels import distinct_sums
from ratiopath.plan import nth_of_each
from ratiopath.runs import Found


@dataclass(slots=True)
class SparseCells:
    """Pixels of each cell and label that occur together, for the same windows as `Cells`."""

    x: Axis
    """Cells along x."""
    y: Axis
    """Cells along y."""
    _cells: list[Int64s] = field(default_factory=list)
    _labels: list[npt.NDArray[np.generic]] = field(default_factory=list)
    _counts: list[Int64s] = field(default_factory=list)
    _covered: npt.NDArray[np.bool_] | None = None

    def __bool__(self) -> bool:
        return bool(self._cells)

    def add(self, place: Place, found: Found) -> npt.NDArray[np.generic]:
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
