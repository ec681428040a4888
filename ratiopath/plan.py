"""From the columns of a tile table to what has to be read: windows on one level of an image, and chunks.

The question: which pixels of which level does each tile need, and which chunks of the file hold them?

1. `OverlayTransform.of` chooses the level of the overlay and the scale from tile space to it.
2. `OverlayTransform.windows` scales the ROI of every tile to a window on that level: `Windows`.
3. `plan_chunks` inverts the relation: each chunk that a window touches, once, with the windows that touch it.
4. `intersect` cuts a window and a chunk to the pixels they share.

Pure numpy: nothing here opens a file.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from shapely import affinity

from ratiopath.geometry import Extent, Float64s, Int64s, Mpp, round_half_up
from ratiopath.pyramid import Level, Pyramid
from ratiopath.roi import Roi


@dataclass(frozen=True, slots=True)
class Windows:
    """Windows of one size on one level of an image; they may overlap and reach beyond the level."""

    level: int
    """Index of the level that defines the pixels of x, y and extent."""
    x: Int64s
    """Left edges in pixels of the level."""
    y: Int64s
    """Top edges in pixels of the level."""
    extent: Extent
    """Size of every window in pixels of the level."""

    def __len__(self) -> int:
        return len(self.x)


@dataclass(frozen=True, slots=True)
class OverlayTransform:
    """The transform from tile space to one level of an overlay (docs/decisions/0001-mapping.md)."""

    level: Level
    """Level of the overlay closest to the tiles' resolution."""
    x: float
    """Scale along x: pixels of the level per pixel of a tile."""
    y: float
    """Scale along y: pixels of the level per pixel of a tile."""
    roi: Roi
    """Region of interest, relative to a tile."""

    @classmethod
    def of(cls, pyramid: Pyramid, mpp: Mpp, roi: Roi) -> "OverlayTransform":
        """Choose the level and compute the scale.

        Args:
            pyramid: Levels of the overlay, with mpp.
            mpp: Resolution of tile space, µm/px.
            roi: Region of interest, relative to a tile.

        Raises:
            ParameterError: The resolution of the pyramid is unknown.
        """
        level, level_mpp = pyramid.closest(mpp)
        return cls(level, mpp.x / level_mpp.x, mpp.y / level_mpp.y, roi)

    @property
    def patch(self) -> tuple[float, float]:
        """Width and height of the ROI's bounding box in pixels of the level, not rounded."""
        minx, miny, maxx, maxy = self.roi.bounds
        return (maxx - minx) * self.x, (maxy - miny) * self.y

    @property
    def perimeter(self) -> float:
        """Length of the ROI's border, holes included, in pixels of the level."""
        scaled = affinity.scale(self.roi.polygon, self.x, self.y, origin=(0, 0))
        return float(scaled.length)

    def windows(self, tile_x: Float64s, tile_y: Float64s) -> Windows:
        """Locate the ROI of every tile in the overlay.

        Args:
            tile_x: Left edge of each tile in tile space, float64 so that the ROI's fractions add exactly.
            tile_y: Top edge of each tile.

        Returns:
            A window per tile, in the order of the tiles.
        """
        minx, miny, _, _ = self.roi.bounds
        width, height = round_half_up(self.patch)
        return Windows(
            self.level.index,
            round_half_up((tile_x + minx) * self.x),
            round_half_up((tile_y + miny) * self.y),
            Extent(max(1, int(width)), max(1, int(height))),
        )


def reaching_beyond(windows: Windows, level: Extent) -> Int64s:
    """Return the indices of the windows that do not lie entirely on a level."""
    on_level = (windows.x >= 0) & (windows.x + windows.extent.width <= level.width) & (windows.y >= 0)
    on_level &= windows.y + windows.extent.height <= level.height
    return np.flatnonzero(~on_level)


@dataclass(frozen=True, slots=True)
class ChunkVisit:
    """One chunk of a level and the windows that touch it."""

    column: int
    """Index of the chunk from the left."""
    row: int
    """Index of the chunk from the top."""
    x: int
    """Left edge in pixels of the level."""
    y: int
    """Top edge in pixels of the level."""
    extent: Extent
    """Size in pixels; at the right and bottom edge what remains of the level."""
    windows: Int64s
    """Indices of the windows, ascending."""


@dataclass(frozen=True, slots=True)
class ChunkPlan:
    """The chunks of a level that a window touches, each once, top to bottom and left to right; iterates over visits."""

    level: Extent
    """Size of the level in pixels."""
    chunk: Extent
    """Size of a chunk in pixels."""
    columns: Int64s
    """Index of each chunk from the left."""
    rows: Int64s
    """Index of each chunk from the top."""
    starts: Int64s
    """Index in `windows` of the first window of each chunk; a last one stands for the end."""
    windows: Int64s
    """Indices of the windows, ascending for each chunk."""

    def __iter__(self) -> Iterator[ChunkVisit]:
        """Iterate over the chunks, each with the windows that touch it."""
        begin, width, height = self.starts.tolist(), self.chunk.width, self.chunk.height
        for number, (column, row) in enumerate(zip(self.columns.tolist(), self.rows.tolist(), strict=True)):
            x, y = column * width, row * height
            extent = Extent(min(width, self.level.width - x), min(height, self.level.height - y))
            yield ChunkVisit(column, row, x, y, extent, self.windows[begin[number] : begin[number + 1]])


def plan_chunks(windows: Windows, level: Extent, chunk: Extent) -> ChunkPlan:
    """Find the chunks that a window touches.

    Args:
        windows: The windows, in any order.
        level: Size of the level in pixels; nothing beyond it is visited.
        chunk: Size in pixels of the chunks the level is read in.

    Examples:
        >>> windows = Windows(0, np.array([1, 6]), np.array([0, 0]), Extent(4, 3))
        >>> [(visit.x, visit.windows.tolist()) for visit in plan_chunks(windows, Extent(8, 8), Extent(4, 4))]
        [(0, [0]), (4, [0, 1])]
    """
    first_column, columns = _touched(windows.x, windows.extent.width, level.width, chunk.width)
    first_row, rows = _touched(windows.y, windows.extent.height, level.height, chunk.height)
    window, nth = nth_of_each(columns * rows)
    column = first_column[window] + nth % columns[window]
    row = first_row[window] + nth // columns[window]

    across = -(-level.width // chunk.width)
    place = row * across + column
    order = np.argsort(place, kind="stable")
    place, window = place[order], window[order]
    starts = np.flatnonzero(np.diff(place, prepend=-1))
    rows, columns = np.divmod(place[starts], across)
    return ChunkPlan(level, chunk, columns, rows, np.append(starts, len(place)), window)


def nth_of_each(counts: Int64s) -> tuple[Int64s, Int64s]:
    """Count from 0 for each owner in turn.

    counts  2, 0, 3
    owner   0, 0, 2, 2, 2
    nth     0, 1, 0, 1, 2
    """
    owner = np.repeat(np.arange(len(counts)), counts)
    return owner, np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)


def _touched(start: Int64s, size: int, level: int, chunk: int) -> tuple[Int64s, Int64s]:
    """Return the first chunk along one axis that [start, start + size) touches within the level, and their number."""
    begin, end = np.clip(start, 0, level), np.clip(start + size, 0, level)
    first = begin // chunk
    count = -(-end // chunk) - first
    return first, np.where(end > begin, count, 0)


@dataclass(frozen=True, slots=True)
class Intersection:
    """The pixels that a window and a chunk share, as numpy slices of (row, column)."""

    in_chunk: tuple[slice, slice]
    """The shared pixels, relative to the chunk."""
    in_window: tuple[slice, slice]
    """The same pixels, relative to the window."""


def intersect(windows: Windows, window: int, visit: ChunkVisit) -> Intersection:
    """Cut one window and a chunk to the pixels they share, possibly none."""
    rows = _common(int(windows.y[window]), windows.extent.height, visit.y, visit.extent.height)
    columns = _common(int(windows.x[window]), windows.extent.width, visit.x, visit.extent.width)
    return Intersection((rows[1], columns[1]), (rows[0], columns[0]))


def _common(a: int, a_size: int, b: int, b_size: int) -> tuple[slice, slice]:
    """Intersect [a, a + a_size) and [b, b + b_size); return the common part relative to a and relative to b."""
    begin = max(a, b)
    end = max(begin, min(a + a_size, b + b_size))
    return slice(begin - a, end - a), slice(begin - b, end - b)
