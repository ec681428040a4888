"""Packed bit masks, 64 pixels in a word: a ROI is applied by one `and`, a cell counted by population counts.

    pixels    0 1 1 0 1 ... 1 | 1 0 0 ...          a row of a chunk, 64 pixels a word, the first in the lowest bit
    cells     [    a    |      b       |  c ...    the intervals counted along x
    segments  [    a    |  b  | b      |  c ...    each cell cut at word boundaries: (word, bits of it)

A chunk of 512 x 512 pixels is 32 kB of bits and stays in the L1 cache (measured: 8 µs to pack it, 2 µs to `and` it with
a ROI, 8-20 µs to count its cells; with a byte per pixel 10 µs for the `and` alone; docs/decisions/0007-bits.md).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ratiopath.geometry import Int64s

Mask = npt.NDArray[np.bool_]
Words = npt.NDArray[np.uint64]
"""A packed mask, shape (height, words of a row); bits beyond the last pixel of a row are 0."""
_WORD = np.dtype("<u8")
_BITS = 64


def padded_width(width: int) -> int:
    """Round a width in pixels up to whole words."""
    return -(-width // _BITS) * _BITS


def padded(shape: tuple[int, int]) -> Mask:
    """Allocate a mask of False, padded to whole words along x."""
    return np.zeros((shape[0], padded_width(shape[1])), dtype=np.bool_)


def pack(mask: Mask | npt.NDArray[np.integer]) -> Words:
    """Pack a mask, or integers that are true if not 0, padded to whole words along x."""
    words: Words = np.packbits(mask, bitorder="little").view(_WORD).reshape(mask.shape[0], -1)
    return words


def unpack(words: Words, width: int) -> Mask:
    """Unpack a mask without its padding."""
    return np.unpackbits(words.view(np.uint8), axis=1, count=width, bitorder="little").view(np.bool_)


def popcount(words: Words) -> int:
    """Count the true pixels."""
    return int(np.bitwise_count(words).sum(dtype=np.int64))


@dataclass(frozen=True, slots=True)
class WordSegments:
    """Cells along x of one chunk, cut at word boundaries."""

    word: Int64s | None
    """Word of each segment; None if every segment is a whole word, as in a grid of multiples of 64 pixels."""
    bits: Words
    """Bits of each segment in its word."""
    first: Int64s
    """First segment of each cell."""

    @classmethod
    def of(cls, starts: Int64s, length: int) -> "WordSegments":
        """Cut cells into segments.

        Args:
            starts: First pixel of each cell, ascending from 0.
            length: Width of the chunk in pixels.
        """
        begin = np.unique(np.concatenate([starts, np.arange(0, length, _BITS)]))
        end = np.append(begin[1:], length)
        word = begin // _BITS
        is_whole = len(word) == word[-1] + 1  # bits beyond the row are 0
        first = np.searchsorted(begin, starts)
        return cls(None if is_whole else word, _below(end - word * _BITS) ^ _below(begin - word * _BITS), first)

    def counts(self, words: Words, rows: Int64s) -> npt.NDArray[np.int32]:
        """Count the true pixels of each cell, shape (cells along y, cells along x).

        Args:
            words: Packed mask of the chunk.
            rows: First row of each cell along y, ascending from 0.
        """
        segments = words if self.word is None else words[:, self.word] & self.bits
        per_row = np.add.reduceat(np.bitwise_count(segments), rows, axis=0, dtype=np.int32)
        counts: npt.NDArray[np.int32] = np.add.reduceat(per_row, self.first, axis=1)
        return counts


def _below(bit: Int64s) -> Words:
    """Build words in which all bits below a bit from 0 to 64 are set."""
    ones = np.uint64(0xFFFF_FFFF_FFFF_FFFF)
    shift = (_BITS - np.maximum(bit, 1)).astype(np.uint64)
    return np.where(bit > 0, ones >> shift, np.uint64(0))
