"""The common part of the readers of pictures: one level, whole rows, decoded band by band."""

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from ratiopath.errors import SlideError, TruncatedError, UnsupportedImageError
from ratiopath.files import open_binary, read_at, size_of, store_errors
from ratiopath.geometry import Extent, Int64s, Mpp
from ratiopath.pyramid import Pyramid
from ratiopath.slides.reader import Chunk, SlideReader
from ratiopath.slides.tiff.errors import EXPORT_HINT

MAX_BYTES = 1 << 31
"""Decoded size of a picture that has to be in memory as a whole."""
_SIDE = 512
"""Largest side of a chunk in pixels."""
_BAND_BYTES = 1 << 25
"""Decoded size of a band, unless one row is larger."""

Band = tuple[npt.NDArray[np.generic], npt.NDArray[np.bool_] | None]
"""Whole rows: stored numbers as in `Chunk.pixels`, and the mask of the pixels that exist, None for all."""


@dataclass(frozen=True, slots=True)
class Picture:
    """The properties of a picture that its header tells."""

    extent: Extent
    """Size in pixels."""
    dtype: np.dtype[np.generic]
    """Stored type of a channel, in native byte order."""
    channels: int
    """Number of channels without alpha."""
    rows: int
    """Rows of a band, at most 512 or all; the last band has what is left."""
    palette: npt.NDArray[np.uint8] | None = None
    """Colours of class indices, shape (256, 3)."""


class DamageError(Exception):
    """Finding of damage, for the message about the file."""


class UnsupportedError(Exception):
    """Finding of an unsupported property, as a predicate of the file, and the hint."""

    def __init__(self, found: str, hint: str) -> None:
        super().__init__(found)
        self.hint = hint


class PictureReader(SlideReader):
    """An open picture, a `SlideReader` of one level without a resolution of its own.

    The band read last is kept: chunks in rows from the top are decoded once, as `plan_chunks` asks for them.
    """

    def __init__(self, path: str, mpp: Mpp | None = None, file: BinaryIO | None = None) -> None:
        """Open a picture and read its header.

        Args:
            path: The file.
            mpp: Resolution in µm/px; without it there is none, since density tags of pictures are those of screens.
            file: The file if it is open; it is closed with the reader.

        Raises:
            SlideError: See `open_slide`.
        """
        self.path = path
        self._file = file or open_binary(path)  # closed in close()
        self._file.seek(0)
        self._kept: tuple[int, Band] | None = None
        try:
            with self._named_errors():
                self._picture = self._open()
        except BaseException:
            self._file.close()
            raise
        self.pyramid = Pyramid.of([self._picture.extent], mpp)
        self.dtype = self._picture.dtype
        self.channels = self._picture.channels
        self.palette = self._picture.palette

    @abstractmethod
    def _open(self) -> Picture:
        """Read the header."""

    @abstractmethod
    def _band(self, index: int) -> Band:
        """Decode the band of an index."""

    @property
    def _size(self) -> int:
        """Size of the file in bytes."""
        return size_of(self._file)

    def _read(self, start: int, size: int) -> bytes:
        return read_at(self._file, start, size)

    def chunk_extent(self, level: int) -> Extent:
        """Return the size of the chunks, which bands are cut into."""
        extent = self.pyramid.levels[level].extent
        return Extent(min(_SIDE, extent.width), min(_SIDE, self._picture.rows, extent.height))

    def expect(self, level: int, columns: Int64s, rows: Int64s) -> None:
        """Do nothing: a picture is read on, which a store notices."""

    def read_chunk(self, level: int, column: int, row: int) -> Chunk:
        """Return a chunk; its band is decoded unless it is that of the chunk before.

        Raises:
            TruncatedError: The band, or what has to be decoded before it, is missing or damaged.
        """
        chunk = self.chunk_extent(level)
        index, top = divmod(row * chunk.height, self._picture.rows)
        if self._kept is None or self._kept[0] != index:
            self._kept = None
            with self._named_errors():
                self._kept = index, self._band(index)
        pixels, exists = self._kept[1]
        piece = np.s_[top : top + chunk.height, column * chunk.width : (column + 1) * chunk.width]
        return Chunk(pixels[piece], None if exists is None else exists[piece])

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        """Translate the findings of readers and the exceptions of codecs, which on damage may raise any class."""
        try:
            with store_errors(self._file):
                yield
        except (SlideError, MemoryError):
            raise
        except UnsupportedError as error:
            raise UnsupportedImageError(f"{self.path!r} {error}", path=self.path, hint=error.hint) from error
        except Exception as error:
            found = str(error) if isinstance(error, DamageError) else f"{type(error).__name__}: {error}"
            problem = f"{self.path!r} is truncated or damaged ({found})"
            raise TruncatedError(problem, path=self.path, hint=EXPORT_HINT) from error

    def close(self) -> None:
        """Release the file and the memory."""
        self._kept = None
        self._file.close()


class SequentialReader(PictureReader):
    """An open picture whose bands can only be decoded from the first on: an earlier one than the last begins again."""

    _ahead: Iterator[Band] = iter(())
    """Bands that are not decoded yet."""
    _next = 0
    """Index of the first of them; 0 before the first is read."""
    _is_checked = False
    """True once the checksums are compared."""

    @abstractmethod
    def _check(self) -> None:
        """Compare the checksums of the whole picture, before any of its pixels is returned."""

    @abstractmethod
    def _bands(self) -> Iterator[Band]:
        """Iterate over all bands."""

    def _band(self, index: int) -> Band:
        if not self._is_checked:
            self._check()
            self._is_checked = True
        if index < self._next or self._next == 0:
            self._ahead, self._next = self._bands(), 0
        skipped, self._next = index - self._next, 0
        band = next(islice(self._ahead, skipped, None))
        self._next = index + 1  # after an error the next band begins again
        return band


def rows_of_bands(row_bytes: int) -> int:
    """Return how many rows of a size a band has."""
    return max(1, min(_SIDE, _BAND_BYTES // row_bytes))


def require_memory(size: int, *, what: str) -> None:
    """Refuse a picture that would take too much memory as a whole.

    Args:
        size: Decoded size in bytes.
        what: Finding about the picture.

    Raises:
        UnsupportedError: It is larger than MAX_BYTES.
    """
    if size > MAX_BYTES:
        raise UnsupportedError(f"is too large ({what}, {size:,} bytes)", "export it as a tiled TIFF")
