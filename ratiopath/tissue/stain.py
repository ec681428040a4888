"""The saturation of a whole slide at about 8 µm/px, read chunk by chunk.

    level     0.25 µm/px   1 µm/px   4 µm/px   16 µm/px
    read                             x 1 = 4              the closest to 8 µm/px, a tie goes to the finer
    level     0.25 µm/px   1 µm/px             16 µm/px
    read                   x 8 = 8                        closer, but finer than 4 µm/px: averaged

A row of chunks is averaged at a time, so that the colours of the whole slide are never in memory.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby, product
from typing import Self, TypeAlias

import numpy as np
import numpy.typing as npt

from ratiopath.geometry import Extent, Int64s, Mpp
from ratiopath.pyramid import Level
from ratiopath.slides import SlideReader
from ratiopath.slides.windows import as_rgb
from ratiopath.tissue.colours import is_dark, is_pen, saturation_of

WANTED = 8.0
"""Resolution at which tissue is found, µm/px."""
FINEST = 4.0
"""Resolution below which a level is averaged, µm/px."""
_RGB = 3
_Piece: TypeAlias = tuple[tuple[int, int], npt.NDArray[np.uint8], npt.NDArray[np.bool_]]
"""Left and top of a rectangle, its colours, and a mask of its pixels that were scanned."""


@dataclass(frozen=True, slots=True)
class Reduction:
    """A level of a slide, and the blocks of it that are averaged to a pixel."""

    level: Level
    """Level that is read."""
    factors: tuple[int, int]
    """Pixels of the level per pixel of the result, along x and y."""
    mpp: Mpp
    """Resolution of the result, µm/px."""

    @classmethod
    def of(cls, reader: SlideReader) -> Self:
        """Choose a level.

        Raises:
            ParameterError: The slide has no resolution.
        """
        level, mpp = reader.pyramid.closest(Mpp(WANTED, WANTED))
        sides = ((mpp.x, level.extent.width), (mpp.y, level.extent.height))
        x, y = (1 if one >= FINEST else int(min(WANTED / one + 1 / 2, length)) for one, length in sides)
        return cls(level, (x, y), Mpp(mpp.x * x, mpp.y * y))

    @property
    def extent(self) -> Extent:
        """Size of the result in pixels; blocks at the right and bottom may be incomplete."""
        size = self.level.extent
        return Extent(-(-size.width // self.factors[0]), -(-size.height // self.factors[1]))


@dataclass(frozen=True, slots=True)
class Stain:
    """The stain of a slide, of shape (height, width)."""

    saturation: npt.NDArray[np.uint8]
    """Saturation of HSV, 0 to 255; 0 where a pixel is no candidate."""
    is_candidate: npt.NDArray[np.bool_]
    """True where a pixel was scanned and is neither dark nor, if that is asked, of a pen."""
    exists: npt.NDArray[np.bool_]
    """True where at least half of a pixel was scanned."""


def read_stain(reader: SlideReader, reduction: Reduction, *, drop_pen: bool) -> Stain:
    """Read a level and average it.

    Args:
        reader: An open slide.
        reduction: Level and blocks.
        drop_pen: True if pixels of the colour of a pen are no candidates.

    Raises:
        TruncatedError: A chunk is missing or damaged.
        UnsupportedImageError: The slide is not 8-bit RGB, 8-bit grey, bool or class indices.
    """
    shape = reduction.extent.height, reduction.extent.width
    stain = Stain(np.zeros(shape, np.uint8), np.zeros(shape, np.bool_), np.zeros(shape, np.bool_))
    pieces = _chunks(reader, reduction.level) if reduction.factors == (1, 1) else _bands(reader, reduction)
    for (x, y), rgb, exists in pieces:
        where = np.s_[y : y + rgb.shape[0], x : x + rgb.shape[1]]
        saturation, candidate = saturation_of(rgb), exists & ~is_dark(rgb)
        if drop_pen:
            candidate &= ~is_pen(rgb, saturation)
        stain.exists[where] = exists
        stain.is_candidate[where] = candidate
        stain.saturation[where] = saturation * candidate
    return stain


def _chunks(reader: SlideReader, level: Level) -> Iterator[_Piece]:
    """Read the chunks of a level, a row of them after the other; one that is not in the file was not scanned."""
    size = reader.chunk_extent(level.index)
    rows, columns = -(-level.extent.height // size.height), -(-level.extent.width // size.width)
    for row, column in product(range(rows), range(columns)):
        chunk = reader.read_chunk(level.index, column, row)
        rgb, is_there = as_rgb(reader, chunk), chunk.exists
        exists = np.full(rgb.shape[:2], chunk.is_stored) if is_there is None else is_there & chunk.is_stored
        yield (column * size.width, row * size.height), rgb, exists


def _bands(reader: SlideReader, reduction: Reduction) -> Iterator[_Piece]:
    """Average blocks, rounded half up: the rows of blocks that end in a row of chunks."""
    level, chunk, factor = reduction.level.extent, reader.chunk_extent(reduction.level.index), reduction.factors[1]
    widths, heights = map(_block_sizes, (level.width, level.height), reduction.factors)
    sums, numbers = np.zeros((0, len(widths), _RGB), np.int64), np.zeros((0, len(widths)), np.int64)
    done = 0
    for _, row in groupby(_chunks(reader, reduction.level), key=lambda piece: piece[0][1]):
        for (x, y), rgb, exists in row:
            end = min(y + chunk.height, level.height)
            more = -(-end // factor) - done - len(sums)
            sums = np.concatenate([sums, np.zeros((more, len(widths), _RGB), np.int64)]) if more else sums
            numbers = np.concatenate([numbers, np.zeros((more, len(widths)), np.int64)]) if more else numbers
            _add(sums, numbers, rgb, exists, (x, y - done * factor), reduction.factors)
        complete = len(sums) if end == level.height else end // factor - done
        n, sizes = np.maximum(numbers[:complete], 1)[..., None], heights[done : done + complete, None] * widths
        averages = ((2 * sums[:complete] + n) // (2 * n)).astype(np.uint8)
        yield (0, done), averages, (numbers[:complete] > 0) & (2 * numbers[:complete] >= sizes)
        sums, numbers, done = sums[complete:], numbers[complete:], done + complete


def _add(
    sums: Int64s,
    numbers: Int64s,
    rgb: npt.NDArray[np.uint8],
    exists: npt.NDArray[np.bool_],
    corner: tuple[int, int],
    factors: tuple[int, int],
) -> None:
    """Add the pixels of a chunk to the blocks that they lie in, and count them.

    Args:
        sums: Sum of the colours of each block of a band, shape (height, width, 3).
        numbers: Pixels of each block that were scanned, shape (height, width).
        rgb: Colours of the chunk.
        exists: Mask of its pixels that were scanned.
        corner: Left and top of the chunk in the band, px of the level.
        factors: Size of a block.
    """
    pixels: npt.NDArray[np.uint8] | Int64s = rgb if exists.all() else rgb * exists[..., None]
    scanned: npt.NDArray[np.bool_] | Int64s = exists
    where = []
    for axis, (start, factor) in enumerate(zip(reversed(corner), reversed(factors), strict=True)):
        first, last = start // factor, (start + rgb.shape[axis] - 1) // factor
        begins = np.maximum(np.arange(first, last + 1) * factor - start, 0)
        pixels, scanned = (np.add.reduceat(one, begins, axis=axis, dtype=np.int64) for one in (pixels, scanned))
        where.append(slice(first, last + 1))
    sums[tuple(where)] += pixels
    numbers[tuple(where)] += scanned


def _block_sizes(length: int, factor: int) -> Int64s:
    """Return the length of each block along one axis, px of the level; the last may be incomplete."""
    return np.minimum(length - np.arange(0, length, factor), factor)
