"""A ROI pasted at the windows of a chunk, as bits; overlapping windows are split into layers that do not overlap."""

from dataclasses import dataclass, field

import numpy as np

from ratiopath.counting.bitmask import Mask, Words, pack, padded
from ratiopath.counting.cells import ChunkCells, Sums, rectangle_sums
from ratiopath.geometry import Extent, Int64s
from ratiopath.plan import Windows


def disjoint_layers(windows: Windows) -> list[Int64s]:
    """Split windows into layers in which none overlap another: by rank along each axis, modulo how many overlap there.

    Windows at the very same place share a layer.
    """
    x_rank, x_many = _ranks(windows.x, windows.extent.width)
    y_rank, y_many = _ranks(windows.y, windows.extent.height)
    _, layer = np.unique((y_rank % y_many) * x_many + x_rank % x_many, return_inverse=True)
    order = np.argsort(layer, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(layer[order])) + 1)


def _ranks(starts: Int64s, size: int) -> tuple[Int64s, int]:
    """The rank of each start among the distinct ones, and how many windows overlap at most."""
    distinct, rank = np.unique(starts, return_inverse=True)
    overlapping = np.searchsorted(distinct, distinct + size) - np.arange(len(distinct))
    return rank, max(1, int(overlapping.max(initial=1)))


def areas_on(level: Extent, windows: Windows, roi: Mask | None) -> Int64s:
    """Pixels that each window has inside the ROI and on a level."""
    size = windows.extent
    left, right = np.clip(-windows.x, 0, size.width), np.clip(level.width - windows.x, 0, size.width)
    top, bottom = np.clip(-windows.y, 0, size.height), np.clip(level.height - windows.y, 0, size.height)
    if roi is None:
        areas: Int64s = (right - left) * (bottom - top)
        return areas
    above = np.zeros((size.height + 1, size.width + 1), dtype=np.int64)
    np.cumsum(np.cumsum(roi, axis=0, dtype=np.int64), axis=1, out=above[1:, 1:])
    return rectangle_sums(above, (top, bottom), (left, right))


@dataclass(slots=True)
class StampedRoi:
    """The ROI at the windows of one chunk."""

    words: Words
    """Which pixels of the chunk lie inside the ROI of some window."""
    _areas: dict[tuple[bytes, bytes], Sums] = field(default_factory=dict)

    def areas(self, place: ChunkCells) -> Sums:
        """Pixels that each cell has inside the ROI."""
        key = (place.y.starts.tobytes(), place.x.starts.tobytes())
        areas = self._areas.get(key)
        if areas is None:
            areas = self._areas[key] = place.sums(self.words)
        return areas


class RoiStamp:
    """The ROI pasted at every window of a layer, chunk by chunk; remembered by where windows lie in the chunk."""

    _KEPT_BYTES = 1 << 24

    def __init__(self, windows: Windows, roi: Mask) -> None:
        """Prepare.

        Args:
            windows: Windows of which none overlap.
            roi: Which pixels of a window are inside, shape (height, width).
        """
        self._x, self._y = np.unique(windows.x), np.unique(windows.y)
        self._extent = windows.extent
        self._roi = roi
        self._kept: dict[tuple[object, ...], StampedRoi] = {}
        self._bytes = 0

    def at(self, x: int, y: int, shape: tuple[int, ...]) -> StampedRoi:
        """The ROI in the chunk of some (height, width) with its top-left corner at (x, y)."""
        columns = _reaching(self._x, self._extent.width, x, shape[1])
        rows = _reaching(self._y, self._extent.height, y, shape[0])
        key = (columns.tobytes(), rows.tobytes(), shape)
        pasted = self._kept.pop(key, None)
        if pasted is None:
            mask = padded((shape[0], shape[1]))
            for top in rows.tolist():
                for left in columns.tolist():
                    self._paste(mask[:, : shape[1]], left, top)
            pasted = StampedRoi(pack(mask))
            self._bytes += pasted.words.nbytes
            while self._kept and self._bytes > self._KEPT_BYTES:
                self._bytes -= self._kept.pop(next(iter(self._kept))).words.nbytes
        self._kept[key] = pasted  # the last used is the last to go
        return pasted

    def _paste(self, mask: Mask, left: int, top: int) -> None:
        bottom, right = top + self._extent.height, left + self._extent.width
        seen = self._roi[max(0, -top) : mask.shape[0] - top, max(0, -left) : mask.shape[1] - left]
        mask[max(0, top) : bottom, max(0, left) : right] = seen


def _reaching(starts: Int64s, size: int, begin: int, length: int) -> Int64s:
    """Where the windows that reach into [begin, begin + length) start, relative to `begin`."""
    first, stop = np.searchsorted(starts, [begin - size + 1, begin + length])
    return starts[first:stop] - begin
