"""Rows of a PNG: inflated as they are needed, without their filters, unpacked to numbers."""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import imagecodecs
import numpy as np
import numpy.typing as npt

from ratiopath.files import PNG_MAGIC
from ratiopath.slides.pictures.reader import DamageError

Bytes = npt.NDArray[np.uint8]
_BYTE = 8
_KINDS = {1: (8, 0), 2: (8, 4), 3: (8, 2), 4: (8, 6), 6: (16, 2), 8: (16, 6)}
"""Depth and colour type of an image whose pixels have a number of bytes."""
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""First column, first row, step along x and step along y of each pass of an interlaced image."""


class RowStream:
    """The inflated rows of a PNG, read from the first to the last."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        """Begin at the first of the parts of a zlib stream."""
        self._parts = parts
        self._inflate = zlib.decompressobj()

    def read(self, size: int) -> bytearray:
        """Inflate a number of bytes.

        Raises:
            DamageError: The stream ends before.
        """
        found = bytearray()
        while len(found) < size:
            piece = self._next(size - len(found))
            if piece is None:
                raise DamageError("its rows end early")
            found += piece
        return found

    def finish(self) -> None:
        """Compare the checksum at the end; a stream may hold more than an image needs, and then has none to compare.

        Raises:
            DamageError: The end is missing.
        """
        while not self._inflate.eof:
            piece = self._next(1)
            if piece is None:
                raise DamageError("its rows end without checksum")
            if piece:
                return

    def _next(self, most: int) -> bytes | None:
        """Inflate up to a number of bytes, possibly none; None at the end of the stream or of its parts."""
        if self._inflate.eof:
            return None
        piece = self._inflate.decompress(self._inflate.unconsumed_tail, most)
        if piece or self._inflate.unconsumed_tail:
            return piece
        part = next(self._parts, None)
        return None if part is None else self._inflate.decompress(part, most)


@dataclass(frozen=True, slots=True)
class PixelFormat:
    """The format of a pixel in a row."""

    samples: int
    """Numbers of a pixel, alpha included."""
    depth: int
    """Bits of a number: 1, 2, 4, 8 or 16."""

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """Type that holds the numbers."""
        return np.dtype(np.uint16 if self.depth > _BYTE else np.uint8)

    def row_bytes(self, width: int) -> int:
        """Return the size of a row without its filter."""
        return -(-width * self.samples * self.depth // _BYTE)

    def bands(self, stream: RowStream, width: int, height: int, rows: int) -> Iterator[npt.NDArray[np.generic]]:
        """Iterate over the rows of an image in bands.

        Args:
            stream: The inflated rows.
            width: Width of the image in pixels.
            height: Height of the image in pixels.
            rows: Rows of a band.

        Returns:
            Stored numbers, shape (rows, width, samples).

        Raises:
            Exception: The rows are damaged; of any class.
        """
        size, pixel = self.row_bytes(width), max(1, self.samples * self.depth // _BYTE)
        above = np.zeros(size, np.uint8)
        for top in range(0, height, rows):
            number = min(rows, height - top)
            filtered = np.frombuffer(stream.read(number * (1 + size)), np.uint8).reshape(number, 1 + size)
            plain = _unfiltered(filtered, above, pixel)
            above = plain[-1]
            yield self._unpacked(plain, width)

    def interlaced(self, stream: RowStream, width: int, height: int, rows: int) -> npt.NDArray[np.generic]:
        """Read all passes of an interlaced image; arguments and errors are those of `bands`."""
        whole = np.empty((height, width, self.samples), self.dtype)
        for x, y, along_x, along_y in _ADAM7:
            part = whole[y::along_y, x::along_x]
            if part.size:
                for number, band in enumerate(self.bands(stream, part.shape[1], part.shape[0], rows)):
                    part[number * rows : (number + 1) * rows] = band
        return whole

    def _unpacked(self, plain: Bytes, width: int) -> npt.NDArray[np.generic]:
        numbers = self._numbers(plain)[:, : width * self.samples]
        return numbers.reshape(len(plain), width, self.samples)

    def _numbers(self, plain: Bytes) -> npt.NDArray[np.generic]:
        """Convert bytes of rows to the numbers in them, with those of the padding at the end."""
        if self.depth > _BYTE:
            return np.ascontiguousarray(plain).view(">u2").astype(self.dtype)
        if self.depth == _BYTE:
            return plain
        if self.depth == 1:
            return np.unpackbits(plain, axis=1)
        shifts = np.arange(_BYTE - self.depth, -1, -self.depth, dtype=np.uint8)
        numbers = plain[..., None] >> shifts & np.uint8((1 << self.depth) - 1)
        return numbers.reshape(len(plain), -1)


def _unfiltered(filtered: Bytes, above: Bytes, pixel: int) -> Bytes:
    """Undo the filters of rows by libpng, which gets them as an image of whole bytes below the row that precedes them.

    Args:
        filtered: Rows, each with the type of its filter before it.
        above: Bytes of the row before the first.
        pixel: Bytes of a pixel, at least 1: filters refer to the byte of the pixel before.

    Returns:
        Bytes of the rows, shape (rows, bytes).
    """
    if not filtered[:, 0].any():
        return filtered[:, 1:]
    rows, size = len(filtered), len(above)
    depth, colours = _KINDS[pixel]
    header = struct.pack(">IIBBBBB", size // pixel, rows + 1, depth, colours, 0, 0, 0)
    stream = zlib.compress(b"\0" + above.tobytes() + filtered.tobytes(), 0)
    chunks = ((b"IHDR", header), (b"IDAT", stream), (b"IEND", b""))
    decoded = imagecodecs.png_decode(PNG_MAGIC + b"".join(_chunk(kind, content) for kind, content in chunks))
    plain = decoded if decoded.dtype == np.uint8 else decoded.astype(">u2").view(np.uint8)
    return np.asarray(plain).reshape(rows + 1, size)[1:]


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(content, zlib.crc32(kind)))
