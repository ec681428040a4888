"""A reader of PNG that keeps stored numbers: class indices of palettes, grey of 1, 2 and 4 bits, 16 bits."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ratiopath.geometry import Extent
from ratiopath.slides.pictures.exif import require_upright
from ratiopath.slides.pictures.png_chunks import PngChunks
from ratiopath.slides.pictures.png_rows import PixelFormat, RowStream
from ratiopath.slides.pictures.reader import (
    Band,
    DamageError,
    Picture,
    SequentialReader,
    UnsupportedError,
    require_memory,
    rows_of_bands,
)

_GREY, _RGB, _PALETTE, _GREY_ALPHA, _RGB_ALPHA = 0, 2, 3, 4, 6
_SAMPLES = {_GREY: 1, _RGB: 3, _PALETTE: 1, _GREY_ALPHA: 2, _RGB_ALPHA: 4}
_WHOLE = frozenset({(kind, depth) for kind in _SAMPLES for depth in (8, 16)} - {(_PALETTE, 16)})
_FORMATS = _WHOLE | {(kind, depth) for kind in (_GREY, _PALETTE) for depth in (1, 2, 4)}
"""Colour types with their depths in bits."""
_MAX_SIDE = (1 << 31) - 1
_MAX_WIDTH = 1_000_000
"""Pixels of a row, as libpng has it."""
_COLOURS = 256
_MOST_INFLATED = 1032
"""Bytes that one byte of Deflate can stand for."""


@dataclass(frozen=True, slots=True)
class _Header:
    """The content of an IHDR chunk."""

    width: int
    height: int
    depth: int
    colours: int
    compression: int
    filters: int
    interlace: int

    @property
    def is_valid(self) -> bool:
        is_sized = 0 < self.width <= _MAX_SIDE and 0 < self.height <= _MAX_SIDE
        is_known = not self.compression and not self.filters and self.interlace in (0, 1)
        return is_sized and is_known and (self.colours, self.depth) in _FORMATS


class PngReader(SequentialReader):
    """An open PNG, a `SlideReader`. Pixels with alpha 0, by a sample or by tRNS, do not exist.

    An interlaced image is one band.
    """

    def _open(self) -> Picture:
        self._chunks = PngChunks.of(self._file, self._size)
        self._header = header = _Header(*struct.unpack(">IIBBBBB", self._chunks.contents[b"IHDR"]))
        if not header.is_valid:
            raise DamageError(f"an invalid header: {header.width} x {header.height} px, type {header.colours}")
        self._refuse_unsupported()
        self._format = PixelFormat(_SAMPLES[header.colours], header.depth)
        row_bytes = header.width * self._format.samples * self._format.dtype.itemsize
        if header.interlace:
            require_memory(row_bytes * header.height, what=f"{header.width} x {header.height} px, interlaced")
        packed = self._format.row_bytes(header.width) * header.height
        if packed > self._chunks.image_bytes * _MOST_INFLATED:
            raise DamageError(f"{self._chunks.image_bytes:,} bytes cannot hold {header.width} x {header.height} px")
        self._rows = rows_of_bands(row_bytes)
        palette, self._opaque = self._colours()
        return Picture(
            Extent(header.width, header.height),
            np.dtype(np.bool_) if (header.colours, header.depth) == (_GREY, 1) else self._format.dtype,
            _SAMPLES[header.colours] - (header.colours in (_GREY_ALPHA, _RGB_ALPHA)),
            header.height if header.interlace else self._rows,
            palette,
        )

    def _refuse_unsupported(self) -> None:
        chunks, width = self._chunks.contents, self._header.width
        frames = int.from_bytes(chunks.get(b"acTL", b"\0\0\0\1")[:4], "big")
        if frames != 1 or b"fdAT" in chunks:
            raise UnsupportedError(f"is an animation of {frames} frame(s)", "export one image")
        if width > _MAX_WIDTH:
            raise UnsupportedError(f"is {width:,} px wide, more than {_MAX_WIDTH:,}", "export it as a tiled TIFF")
        require_upright(chunks.get(b"eXIf", b""))

    def _colours(self) -> tuple[npt.NDArray[np.uint8] | None, npt.NDArray[np.bool_] | list[int] | None]:
        """Return the palette, and the indices that are not transparent or the samples of the transparent colour."""
        stored, transparent = (self._chunks.contents.get(kind) for kind in (b"PLTE", b"tRNS"))
        kind, depth = self._header.colours, self._header.depth
        if kind == _PALETTE:
            found = np.frombuffer(stored or b"", np.uint8)
            if not 0 < len(found) <= 3 << depth or len(found) % 3 or len(transparent or b"") > len(found) // 3:
                raise DamageError(f"a palette of {len(found)} bytes, {len(transparent or b'')} of transparency")
            palette = np.zeros((_COLOURS, 3), np.uint8)
            palette[: len(found) // 3] = found.reshape(-1, 3)
            opaque = np.ones(_COLOURS, np.bool_)
            opaque[: len(transparent or b"")] = np.frombuffer(transparent or b"", np.uint8) != 0
            return palette, None if opaque.all() else opaque
        if transparent is None:
            return None, None
        if kind not in (_GREY, _RGB) or len(transparent) != 2 * _SAMPLES[kind]:
            raise DamageError(f"a transparent colour of {len(transparent)} bytes in an image of type {kind}")
        return None, [sample & ((1 << depth) - 1) for sample in struct.unpack(f">{_SAMPLES[kind]}H", transparent)]

    def _check(self) -> None:
        self._chunks.check_image()

    def _bands(self) -> Iterator[Band]:
        header, stream = self._header, RowStream(self._chunks.rows())
        if header.interlace:
            whole = self._format.interlaced(stream, header.width, header.height, self._rows)
            stream.finish()
            yield self._with_existence(whole)
            return
        last = -(-header.height // self._rows) - 1
        bands = self._format.bands(stream, header.width, header.height, self._rows)
        for number, band in enumerate(bands):
            if number == last:
                stream.finish()
            yield self._with_existence(band)

    def _with_existence(self, numbers: npt.NDArray[np.generic]) -> Band:
        """Split stored samples, shape (rows, width, samples), into pixels and the mask of those that exist."""
        exists: npt.NDArray[np.bool_] | None = None
        if self._header.colours in (_GREY_ALPHA, _RGB_ALPHA):
            exists, numbers = numbers[..., -1] != 0, numbers[..., :-1]
        elif isinstance(self._opaque, list):
            exists = (numbers != np.array(self._opaque, numbers.dtype)).any(axis=2)
        elif self._opaque is not None:
            exists = self._opaque[numbers[..., 0]]
        pixels = numbers[..., 0] if numbers.shape[2] == 1 else numbers
        if (self._header.colours, self._header.depth) == (_GREY, 1):
            pixels = pixels.view(np.bool_)
        return pixels, None if exists is None or exists.all() else exists
