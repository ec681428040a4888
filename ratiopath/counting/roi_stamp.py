"""The ROI mask stamped on a chunk at every window, as bits; overlapping windows are split into disjoint layers."""

from dataclasses import dataclass, field

import numpy as np

from ratiopath.counting.bitmask import Mask, Words, pack, padded
from ratiopath.counting.cells import ChunkCells, Sums, rectangle_sums, summed_area
from ratiopath.geometry import Extent, Int64s
from ratiopath.plan import ChunkVisit, Windows


def disjoint_layers(windows: Windows) -> list[Int64s]:
    """Split windows into layers of windows that do not overlap: by rank along each axis, modulo the overlaps there.

    Windows at the same position share a layer.
    """
    x_rank, x_overlaps = _ranks(windows.x, windows.extent.width)
    y_rank, y_overlaps = _ranks(windows.y, windows.extent.height)
    _, layer = np.unique((y_rank % y_overlaps) * x_overlaps + x_rank % x_overlaps, return_inverse=True)
    order = np.argsort(layer, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(layer[order])) + 1)


def _ranks(starts: Int64s, size: int) -> tuple[Int64s, int]:
    """Rank each start among the distinct ones, and count how many windows overlap at most."""
    distinct, rank = np.unique(starts, return_inverse=True)
    overlapping = np.searchsorted(distinct, distinct + size) - np.arange(len(distinct))
    return rank, max(1, int(overlapping.max(initial=1)))


def areas_on(level: Extent, windows: Windows, roi: Mask | None) -> Int64s:
    """Count the pixels of each window inside the ROI and on a level."""
    size = windows.extent
    left, right = np.clip(-windows.x, 0, size.width), np.clip(level.width - windows.x, 0, size.width)
    top, bottom = np.clip(-windows.y, 0, size.height), np.clip(level.height - windows.y, 0, size.height)
    if roi is None:
        areas: Int64s = (right - left) * (bottom - top)
        return areas
    return rectangle_sums(summed_area(roi), (top, bottom), (left, right))


@dataclass(slots=True)
class StampedRoi:
    """The ROI at the windows of one chunk."""

    words: Words
    """Packed mask of the pixels inside the ROI of any window."""
    _areas: dict[tuple[bytes, bytes], Sums] = field(default_factory=dict)

    def areas(self, chunk: ChunkCells) -> Sums:
        """Count the pixels of each cell inside the ROI."""
        key = (chunk.y.starts.tobytes(), chunk.x.starts.tobytes())
        areas = self._areas.get(key)
        if areas is None:
            areas = self._areas[key] = chunk.sums(self.words)
        return areas


class RoiStamp:
    """The ROI at every window of a layer, chunk by chunk; cached by the windows' positions in the chunk."""

    _MAX_CACHED_BYTES = 1 << 24

    def __init__(self, windows: Windows, roi: Mask) -> None:
        """Prepare for the windows of one layer.

        Args:
            windows: Windows of which none overlap.
            roi: Mask of a window, true inside, shape (height, width).
        """
        self._x, self._y = np.unique(windows.x), np.unique(windows.y)
        self._extent = windows.extent
        self._roi = roi
        self._cache: dict[tuple[object, ...], StampedRoi] = {}
        self._bytes = 0

    def at(self, visit: ChunkVisit) -> StampedRoi:
        """Stamp the ROI on a chunk."""
        width, height = visit.extent.width, visit.extent.height
        columns = _reaching(self._x, self._extent.width, visit.x, width)
        rows = _reaching(self._y, self._extent.height, visit.y, height)
        key = (columns.tobytes(), rows.tobytes(), width, height)
        stamped = self._cache.pop(key, None)
        if stamped is None:
            mask = padded((height, width))
            for top in rows.tolist():
                for left in columns.tolist():
                    self._stamp(mask[:, :width], left, top)
            stamped = StampedRoi(pack(mask))
            self._bytes += stamped.words.nbytes
            while self._cache and self._bytes > self._MAX_CACHED_BYTES:
                self._bytes -= self._cache.pop(next(iter(self._cache))).words.nbytes
        self._cache[key] = stamped  # reinserted last: the least recently used entry is dropped first
        return stamped

    def _stamp(self, mask: Mask, left: int, top: int) -> None:
        bottom, right = top + self._extent.height, left + self._extent.width
        visible = self._roi[max(0, -top) : mask.shape[0] - top, max(0, -left) : mask.shape[1] - left]
        mask[max(0, top) : bottom, max(0, left) : right] = visible


def _reaching(starts: Int64s, size: int, begin: int, length: int) -> Int64s:
    """Find the starts of the windows that reach into [begin, begin + length), relative to `begin`."""
    first, stop = np.searchsorted(starts, [begin - size + 1, begin + length])
    return starts[first:stop] - begin
