"""The engine of statistics: windows are put together from chunks and measured as soon as they are complete.

The question: which numbers of the whole image has each window, if every chunk is decoded once and memory is bounded?

1. Chunks arrive top to bottom and left to right (`ratiopath.plan.plan_chunks`); each is kept until the last window on
   it is complete. A window is complete with the last chunk that it touches.
2. The windows that a chunk completes are put together, half a megabyte at a time; pixels outside the ROI or the
   image, without existence or NaN are left out.
3. `ratiopath.statistics.numbers` measures windows that have all their pixels together, any other one by itself.

A window on a single uniform chunk is measured once for its value. Kept are at most the chunks of one height of a window
and of one chunk, across the image: windows on the lattice of chunks keep one chunk.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ratiopath.geometry import Extent, Float64s, Int64s
from ratiopath.plan import ChunkVisit, Windows, intersect, reaching_beyond
from ratiopath.statistics.numbers import measure_rows
from ratiopath.statistics.results import Statistics
from ratiopath.statistics.statistic import Statistic

MAX_BYTES = 1 << 19
"""Bytes of pixels that are put together at a time: they and what is computed from them stay near the processor."""
Mask = npt.NDArray[np.bool_]
Pixels = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class _Chunk:
    """A chunk that a window waits for."""

    visit: ChunkVisit
    """Place of the chunk, and the windows on it."""
    pixels: Pixels
    """Numbers, shape (height, width)."""
    exists: Mask | None
    """Mask of the pixels that exist; None if all do."""


class WindowMeasure:
    """Measure of the numbers inside the ROI of many windows on one level, a chunk at a time."""

    def __init__(
        self, windows: Windows, level: Extent, roi: Mask | None, dtype: np.dtype[Any], statistics: Sequence[Statistic]
    ) -> None:
        """Prepare for windows.

        Args:
            windows: The windows, in any order.
            level: Size of the level in pixels.
            roi: Mask of a window, true inside, shape (height, width); None if all pixels are inside.
            dtype: Type of the numbers.
            statistics: The statistics.
        """
        self._windows, self._roi, self._dtype, self._statistics = windows, roi, dtype, tuple(statistics)
        self._values: Float64s = np.full((len(windows), len(self._statistics)), np.nan)
        self._existing: Int64s = np.zeros(len(windows), dtype=np.int64)
        size = windows.extent
        self._inside = size.width * size.height if roi is None else int(np.count_nonzero(roi))
        self._chosen = None if roi is None else np.flatnonzero(roi)
        self._is_on_level = np.ones(len(windows), dtype=np.bool_)
        self._is_on_level[reaching_beyond(windows, level)] = False
        self._left, self._top = np.maximum(windows.x, 0), np.maximum(windows.y, 0)
        self._right = np.minimum(windows.x + size.width, level.width)
        self._bottom = np.minimum(windows.y + size.height, level.height)
        self._waiting: dict[int, list[_Chunk]] = {}
        self._uniform: dict[bytes, tuple[Float64s, Int64s]] = {}

    def add(self, visit: ChunkVisit, pixels: Pixels, exists: Mask | None, *, is_uniform: bool = False) -> None:
        """Take one chunk, in the order of the plan.

        Args:
            visit: The chunk's place and the windows that touch it.
            pixels: Shape (height, width); kept until the windows on it are complete.
            exists: Mask of the pixels that exist, same shape; None if all do.
            is_uniform: True if all pixels exist and are equal.
        """
        windows = visit.windows
        ends = self._right[windows] <= visit.x + visit.extent.width
        ends &= self._bottom[windows] <= visit.y + visit.extent.height
        if is_uniform:
            is_alone = ends & (self._left[windows] >= visit.x) & (self._top[windows] >= visit.y)
            is_alone &= self._is_on_level[windows]
            self._set_uniform(windows[is_alone], pixels[:1, :1])
            windows, ends = windows[~is_alone], ends[~is_alone]
            pixels = np.broadcast_to(pixels[:1, :1].copy(), pixels.shape)
        chunk = _Chunk(visit, pixels, exists)
        for window in windows.tolist():
            self._waiting.setdefault(window, []).append(chunk)
        complete = windows[ends]
        step = max(1, MAX_BYTES // (self._windows.extent.width * self._windows.extent.height * self._dtype.itemsize))
        for first in range(0, len(complete), step):
            self._complete(complete[first : first + step])

    def statistics(self) -> Statistics:
        """Return the statistics of all windows, after the last chunk."""
        inside = np.full(len(self._windows), float(self._inside))
        values = self._values + 0.0  # -0.0 becomes 0.0: the first of equal numbers depends on the processor
        return Statistics(self._statistics, values, inside, self._existing.astype(np.float64))

    def _set_uniform(self, windows: Int64s, pixel: Pixels) -> None:
        """Measure windows of which every pixel has one value: once for each value."""
        key = pixel.tobytes()
        if len(windows) and key not in self._uniform:
            self._set(windows[:1], np.full((1, self._inside), pixel[0, 0], dtype=self._dtype))
            self._uniform[key] = self._values[windows[0]], self._existing[windows[0]]
        if len(windows):
            self._values[windows], self._existing[windows] = self._uniform[key]

    def _complete(self, windows: Int64s) -> None:
        """Put windows together, of which no pixel is to come, and measure them."""
        chunks = [self._waiting.pop(window) for window in windows.tolist()]
        has_all = [all(chunk.exists is None for chunk in some) for some in chunks]
        is_whole = self._is_on_level[windows] & np.array(has_all, dtype=np.bool_)
        size = self._windows.extent
        pixels = np.empty((len(windows), size.height, size.width), dtype=self._dtype)
        for place, (window, some) in enumerate(zip(windows.tolist(), chunks, strict=True)):
            for chunk in some:
                common = intersect(self._windows, window, chunk.visit)
                pixels[place][common.in_window] = chunk.pixels[common.in_chunk]
            if not is_whole[place]:
                exists = self._exists(window, some)
                self._set(windows[place : place + 1], pixels[place][exists][None])
        whole = pixels if is_whole.all() else pixels[is_whole]
        if len(whole):
            rows = whole.reshape(len(whole), -1)
            self._set(windows[is_whole], rows if self._chosen is None else rows.take(self._chosen, axis=1))

    def _exists(self, window: int, chunks: Sequence[_Chunk]) -> Mask:
        """Mark the pixels of a window that exist inside the ROI."""
        size = self._windows.extent
        exists = np.zeros((size.height, size.width), dtype=np.bool_)
        for chunk in chunks:
            common = intersect(self._windows, window, chunk.visit)
            exists[common.in_window] = True if chunk.exists is None else chunk.exists[common.in_chunk]
        return exists if self._roi is None else exists & self._roi

    def _set(self, windows: Int64s, rows: Pixels) -> None:
        """Measure windows, a row of numbers each; those with NaN one by one, without it."""
        if not rows.shape[1]:
            return
        has_nan = np.isnan(rows.min(axis=1)) if rows.dtype.kind == "f" else np.zeros(len(rows), dtype=np.bool_)
        if has_nan.any():
            for window, row in zip(windows[has_nan].tolist(), rows[has_nan], strict=True):
                self._set(np.array([window]), row[~np.isnan(row)][None])
            windows, rows = windows[~has_nan], rows[~has_nan]
        if len(rows):
            self._values[windows] = measure_rows(rows, self._statistics)
            self._existing[windows] = rows.shape[1]
