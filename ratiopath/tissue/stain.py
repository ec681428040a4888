"""The saturation of a whole slide at about 8 µm/px, read chunk by chunk.

    level     0.25 µm/px   1 µm/px   4 µm/px   16 µm/px
    read                             x 1 = 4              the closest to 8 µm/px, a tie goes to the finer
    level     0.25 µm/px   1 µm/px             16 µm/px
    read                   x 8 = 8                        closer, but finer than 4 µm/px: averaged

A row of chunks is averaged at a time, so that the colours of the whole slide are never in memory.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from ratiopath.geometry import Extent, Int64s, Mpp
from ratiopath.pyramid import Level
from ratiopath.slides import Chunk, SlideReader
from ratiopath.slides.windows import as_rgb
from ratiopath.tissue.colours import is_dark, is_pen, saturation_of

WANTED = 8.0
"""Resolution at which tissue is found, µm/px."""
FINEST = 4.0
"""Resolution below which a level is averaged, µm/px."""
_RGB = 3


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
    level, chunk, factor = reduction.level.extent, reader.chunk_extent(reduction.level.index), reduction.factors[1]
    sums, numbers = np.zeros((0, shape[1], _RGB), np.int64), np.zeros((0, shape[1]), np.int64)
    widths, heights = map(_block_sizes, (level.width, level.height), reduction.factors)
    done = 0
    for row in range(-(-level.height // chunk.height)):
        end = min((row + 1) * chunk.height, level.height)
        more = -(-end // factor) - done - len(sums)
        sums = np.concatenate([sums, np.zeros((more, *sums.shape[1:]), np.int64)])
        numbers = np.concatenate([numbers, np.zeros((more, shape[1]), np.int64)])
        for column in range(-(-level.width // chunk.width)):
            piece = reader.read_chunk(reduction.level.index, column, row)
            if piece.is_stored:
                x, y = column * chunk.width, row * chunk.height - done * factor
                _add(sums, numbers, as_rgb(reader, piece), piece, (x, y), reduction.factors)
        complete = len(sums) if end == level.height else end // factor - done
        rows = slice(done, done + complete)
        _put(stain, rows, sums[:complete], numbers[:complete], heights[rows, None] * widths, drop_pen=drop_pen)
        sums, numbers, done = sums[complete:], numbers[complete:], done + complete
    return stain


def _add(
    sums: Int64s,
    numbers: Int64s,
    rgb: npt.NDArray[np.uint8],
    chunk: Chunk,
    corner: tuple[int, int],
    factors: tuple[int, int],
) -> None:
    """Add the pixels of a chunk to the blocks that they lie in, and count them.

    Args:
        sums: Sum of the colours of each block of a band, shape (height, width, 3).
        numbers: Pixels of each block that were scanned, shape (height, width).
        rgb: Colours of the chunk.
        chunk: The chunk.
        corner: Left and top of the chunk in the band, px of the level.
        factors: Size of a block.
    """
    exists = np.ones(rgb.shape[:2], np.int64) if chunk.exists is None else chunk.exists.astype(np.int64)
    pixels = rgb if chunk.exists is None else rgb * exists[..., None]
    where = []
    for axis, (start, factor) in enumerate(zip(reversed(corner), reversed(factors), strict=True)):
        first, last = start // factor, (start + rgb.shape[axis] - 1) // factor
        begins = np.maximum(np.arange(first, last + 1) * factor - start, 0)
        pixels, exists = (np.add.reduceat(one, begins, axis=axis, dtype=np.int64) for one in (pixels, exists))
        where.append(slice(first, last + 1))
    sums[tuple(where)] += pixels
    numbers[tuple(where)] += exists


def _put(
    stain: Stain,
    rows: slice,
    sums: Int64s,
    numbers: Int64s,
    sizes: Int64s,
    *,
    drop_pen: bool,
) -> None:
    """Average complete rows of blocks, rounded half up, and write their stain."""
    n = np.maximum(numbers, 1)[..., None]
    rgb = ((2 * sums + n) // (2 * n)).astype(np.uint8)
    stain.exists[rows] = (numbers > 0) & (2 * numbers >= sizes)
    saturation, candidate = saturation_of(rgb), stain.exists[rows] & ~is_dark(rgb)
    if drop_pen:
        candidate &= ~is_pen(rgb, saturation)
    stain.is_candidate[rows] = candidate
    stain.saturation[rows] = saturation * candidate


def _block_sizes(length: int, factor: int) -> Int64s:
    """Return the length of each block along one axis, px of the level; the last may be incomplete."""
    return np.minimum(length - np.arange(0, length, factor), factor)
