"""Connected components of a mask, by runs: the set pixels of a row side by side are one run.

    row 0   . # # # . .      run 0: [1, 4)
    row 1   # . . # # .      run 1: [0, 1)   run 2: [3, 5)

1. Runs of neighbouring rows that touch are joined by an edge: 0 and 2; with diagonals also 0 and 1.
2. A run's root is the smallest run that it can reach: roots are hooked onto smaller ones along the edges, and chains of
   roots are shortened, until no edge joins two roots. All edges take part in a step, which is numpy's work.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ratiopath.geometry import Float64s, Int64s
from ratiopath.plan import nth_of_each

Mask = npt.NDArray[np.bool_]


def remove_small_objects(mask: Mask, pixels: float) -> Mask:
    """Remove the objects of fewer pixels; pixels that touch by a side or a corner are one object.

    Args:
        mask: Shape (height, width).
        pixels: Number of pixels, may be a fraction.
    """
    parts = _Components.of(mask, diagonals=True)
    return parts.drawn(parts.sizes >= pixels)


def fill_small_holes(mask: Mask, pixels: float) -> Mask:
    """Fill the holes of fewer pixels: parts of the background, connected by sides, that do not reach the border.

    Args:
        mask: Shape (height, width).
        pixels: Number of pixels, may be a fraction.
    """
    parts = _Components.of(~mask, diagonals=False)
    return mask | parts.drawn((parts.sizes < pixels) & ~parts.at_border)


@dataclass(frozen=True, slots=True)
class _Components:
    """Runs of a mask, each with the first run of its component."""

    shape: tuple[int, int]
    """Height and width of the mask."""
    start: Int64s
    """First pixel of each run, in a plane whose rows have an empty pixel on either side."""
    end: Int64s
    """Pixel after each run."""
    root: Int64s
    """Smallest run of the component of each run."""

    @classmethod
    def of(cls, mask: Mask, *, diagonals: bool) -> "_Components":
        height, width = mask.shape
        row = width + 2
        changes = np.flatnonzero(np.diff(np.pad(mask, ((0, 0), (1, 1))).ravel())) + 1
        start, end = changes[::2], changes[1::2]
        reach = row + diagonals
        first = np.searchsorted(end, start + row - diagonals, side="right")
        last = np.searchsorted(start, end + reach, side="left")
        run, nth = nth_of_each(np.maximum(last - first, 0))
        return cls((height, width), start, end, _roots(len(start), run, first[run] + nth))

    @property
    def sizes(self) -> Float64s:
        """Pixels of the component of each run."""
        return np.bincount(self.root, self.end - self.start, len(self.root))[self.root].astype(np.float64)

    @property
    def at_border(self) -> Mask:
        """True for each run whose component reaches the border of the mask."""
        height, width = self.shape
        row, left = np.divmod(self.start, width + 2)
        right = self.end - row * (width + 2)
        is_outer = (row == 0) | (row == height - 1) | (left == 1) | (right == width + 1)
        reaches: Mask = np.bincount(self.root, is_outer, len(self.root))[self.root] > 0
        return reaches

    def drawn(self, is_wanted: Mask) -> Mask:
        """Return a mask of some of the runs."""
        height, width = self.shape
        steps = np.zeros(height * (width + 2), dtype=np.int8)
        steps[self.start[is_wanted]] = 1
        steps[self.end[is_wanted]] = -1
        plane = np.cumsum(steps, dtype=np.int8).view(np.bool_).reshape(height, width + 2)
        return plane[:, 1:-1]


def _roots(runs: int, one: Int64s, other: Int64s) -> Int64s:
    """Return the smallest run that each run can reach along edges."""
    root = np.arange(runs)
    while True:
        a, b = root[one], root[other]
        is_open = a != b
        if not is_open.any():
            return root
        one, other, a, b = (ends[is_open] for ends in (one, other, a, b))
        np.minimum.at(root, np.maximum(a, b), np.minimum(a, b))
        while not np.array_equal(root, shorter := root[root]):
            root = shorter
