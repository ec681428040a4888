"""From a table's columns to what is read: windows on a level, and the chunks each window touches. Pure numpy."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ratiopath.geometry import Extent, Float64s, Int64s, Mpp, round_half_up
from ratiopath.pyramid import Level, Pyramid
from ratiopath.roi import Roi


@dataclass(frozen=True, slots=True)
class Windows:
    """Windows of one size on one level of one image; they may overlap and reach beyond the level."""

    level: int
    """Index of the level whose pixels x, y and extent count."""
    x: Int64s
    """Left edges."""
    y: Int64s
    """Top edges."""
    extent: Extent
    """Size of every window."""

    def __len__(self) -> int:
        return len(self.x)


@dataclass(frozen=True, slots=True)
class OverlayTransform:
    """From tile space to one level of an overlay (SEMANTICS, Mapping 1 to 4)."""

    level: Level
    """The overlay's level that is closest to the tiles' resolution."""
    x: float
    """Pixels of the level per pixel of a tile along x."""
    y: float
    """The same along y."""
    roi: Roi
    """The region of interest, relative to a tile."""

    @classmethod
    def of(cls, pyramid: Pyramid, mpp: Mpp, roi: Roi) -> "OverlayTransform":
        """Find the level and the scale.

        Args:
            pyramid: Levels of the overlay, with mpp.
            mpp: Resolution of tile space.
            roi: The region of interest, relative to a tile.

        Raises:
            ParameterError: The pyramid has no resolution.
        """
        level, of_level = pyramid.closest(mpp)
        return cls(level, mpp.x / of_level.x, mpp.y / of_level.y, roi)

    @property
    def patch(self) -> tuple[float, float]:
        """Width and height of the ROI's bounding box in pixels of the level, not rounded."""
        minx, miny, maxx, maxy = self.roi.bounds
        return (maxx - minx) * self.x, (maxy - miny) * self.y

    def windows(self, tile_x: Float64s, tile_y: Float64s) -> Windows:
        """Where the ROI of every tile lies in the overlay.

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
    """The windows that do not lie on a level as a whole."""
    on_level = (windows.x >= 0) & (windows.x + windows.extent.width <= level.width) & (windows.y >= 0)
    on_level &= windows.y + windows.extent.height <= level.height
    return np.flatnonzero(~on_level)


@dataclass(frozen=True, slots=True)
class ChunkVisit:
    """One chunk and the windows that touch it."""

    column: int
    """Chunks from the left."""
    row: int
    """Chunks from the top."""
    windows: Int64s
    """Indices of the windows, ascending."""


def plan_chunks(windows: Windows, level: Extent, chunk: Extent) -> Iterator[ChunkVisit]:
    """Every chunk that a window touches, once, top to bottom and left to right.

    Args:
        windows: What is wanted.
        level: Size of the level in pixels; what lies beyond does not exist and is not visited.
        chunk: Size of the pieces the level is read in.
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
    stops = np.append(starts, len(place))[1:]
    for where, start, stop in zip(place[starts].tolist(), starts.tolist(), stops.tolist(), strict=True):
        yield ChunkVisit(where % across, where // across, window[start:stop])


def nth_of_each(counts: Int64s) -> tuple[Int64s, Int64s]:
    """Count from 0 for each owner in turn.

    counts  2, 0, 3
    owner   0, 0, 2, 2, 2
    nth     0, 1, 0, 1, 2
    """
    owner = np.repeat(np.arange(len(counts)), counts)
    return owner, np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)


def _touched(start: Int64s, size: int, level: int, chunk: int) -> tuple[Int64s, Int64s]:
    """First chunk along one axis that the interval [start, start + size) touches within the level, and how many."""
    begin, end = np.clip(start, 0, level), np.clip(start + size, 0, level)
    first = begin // chunk
    count = -(-end // chunk) - first
    return first, np.where(end > begin, count, 0)


@dataclass(frozen=True, slots=True)
class Intersection:
    """Where a window and a chunk overlap, as numpy slices of (row, column)."""

    in_chunk: tuple[slice, slice]
    """The common pixels, seen from the chunk."""
    in_window: tuple[slice, slice]
    """The same pixels, seen from the window."""


def intersect(windows: Windows, window: int, visit: ChunkVisit, chunk: Extent, shape: tuple[int, ...]) -> Intersection:
    """The pixels that a visited chunk gives to one of its windows.

    Args:
        windows: What is wanted.
        window: Index of the window.
        visit: The chunk.
        chunk: Size of the pieces the level is read in.
        shape: Shape of the chunk's pixels, (height, width, ...): smaller than `chunk` at the level's edge.
    """
    rows = _common(int(windows.y[window]), windows.extent.height, visit.row * chunk.height, shape[0])
    columns = _common(int(windows.x[window]), windows.extent.width, visit.column * chunk.width, shape[1])
    return Intersection((rows[1], columns[1]), (rows[0], columns[0]))


def _common(a: int, a_size: int, b: int, b_size: int) -> tuple[slice, slice]:
    """[a, a + a_size) and [b, b + b_size): their common part, relative to a and relative to b."""
    begin, end = max(a, b), min(a + a_size, b + b_size)
    return slice(begin - a, end - a), slice(begin - b, end - b)
