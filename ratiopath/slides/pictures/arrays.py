"""Readers of arrays that NumPy saved: NPY, and NPZ with one array."""

import math
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, cast

import numpy as np
import numpy.typing as npt

from ratiopath.geometry import Extent
from ratiopath.slides.pictures.reader import (
    Band,
    DamageError,
    Picture,
    PictureReader,
    SequentialReader,
    UnsupportedError,
    require_memory,
    rows_of_bands,
)

_HINT = "save one array of shape (height, width), of bool, integers or floats"
_KINDS, _MAX_ITEM = "biuf", 8
_MOST_INFLATED = 1032
"""Bytes that one byte of Deflate can stand for."""
_PACKED, _ENCRYPTED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED), 1
_PLANE = 2
_PART = 1 << 20
"""Bytes that are read at once."""
_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


@dataclass(frozen=True, slots=True)
class _Header:
    """The header of an array."""

    shape: tuple[int, int]
    """Rows and columns."""
    is_fortran: bool
    """True if columns, not rows, lie one after another."""
    dtype: np.dtype[np.generic]
    """Type of a number, in the byte order of the file."""
    start: int
    """Place of the numbers in bytes."""

    @property
    def size(self) -> int:
        """Size of the numbers in bytes."""
        return math.prod(self.shape) * self.dtype.itemsize

    @property
    def row_bytes(self) -> int:
        """Size of a row in bytes."""
        return self.shape[1] * self.dtype.itemsize

    def picture(self, rows: int) -> Picture:
        """Describe the array as a picture with bands of some rows.

        Raises:
            UnsupportedError: One row alone takes too much memory.
        """
        height, width = self.shape
        require_memory(self.row_bytes, what=f"rows of {width:,} px")
        return Picture(Extent(width, height), self.dtype.newbyteorder("="), 1, rows)

    def numbers(self, content: bytes, shape: tuple[int, int]) -> npt.NDArray[np.generic]:
        """Take bytes of the array as numbers in native byte order, in its order of rows and columns."""
        if self.dtype.kind == "b":
            found: npt.NDArray[np.generic] = np.frombuffer(content, np.uint8) != 0  # a bool of 2 is none of numpy's
        else:
            found = np.frombuffer(content, self.dtype).astype(self.dtype.newbyteorder("="), copy=False)
        return found.reshape(shape, order="F" if self.is_fortran else "C")

    @classmethod
    def read(cls, file: IO[bytes]) -> "_Header":
        """Read a header from the start of a file.

        Raises:
            UnsupportedError: It is of another version, shape or type.
            ValueError: It is damaged.
        """
        version = np.lib.format.read_magic(file)
        if version not in _HEADERS:
            raise UnsupportedError(f"has version {version[0]}.{version[1]} of the NPY format", _HINT)
        try:
            shape, is_fortran, dtype = _HEADERS[version](file)
        except MemoryError:  # of the parser of Python, for a header nested too deep
            raise DamageError("a header nested too deep") from None
        plane = tuple(shape)
        if len(plane) == _PLANE + 1 and (plane[0] == 1) != (plane[2] == 1):
            plane = plane[1:] if plane[0] == 1 else plane[:2]
        if len(plane) != _PLANE or min(plane) < 1 or dtype.kind not in _KINDS or dtype.itemsize > _MAX_ITEM:
            raise UnsupportedError(f"holds an array of shape {shape} and type {dtype}", _HINT)
        return cls(cast("tuple[int, int]", plane), is_fortran, dtype, file.tell())


class NpyReader(PictureReader):
    """An open NPY, a `SlideReader` of one channel, read where it is needed. Nothing is unpickled."""

    def _open(self) -> Picture:
        self._header = header = _Header.read(self._file)
        if header.start + header.size != self._size:
            raise DamageError(f"{self._size:,} bytes instead of {header.start + header.size:,}")
        return header.picture(rows_of_bands(header.row_bytes))

    def _band(self, index: int) -> Band:
        header, (height, width), first = self._header, self._header.shape, index * self._picture.rows
        rows, itemsize = min(self._picture.rows, height - first), header.dtype.itemsize
        if header.is_fortran:
            starts = [header.start + (column * height + first) * itemsize for column in range(width)]
            content = b"".join(self._read(start, rows * itemsize) for start in starts)
        else:
            content = self._read(header.start + first * header.row_bytes, rows * header.row_bytes)
        return header.numbers(content, (rows, width)), None


class NpzReader(SequentialReader):
    """An open NPZ with one array, a `SlideReader` of one channel; by columns it is one band. Nothing is unpickled."""

    def _open(self) -> Picture:
        self._archive = zipfile.ZipFile(self._file)
        members = self._archive.infolist()
        if len(members) != 1 or members[0].compress_type not in _PACKED or members[0].flag_bits & _ENCRYPTED:
            raise UnsupportedError(f"is an archive of {len(members)} file(s), not of one array by NumPy", _HINT)
        [self._member] = members
        with self._archive.open(self._member) as file:
            self._header = header = _Header.read(file)
        found = self._member.file_size
        if header.start + header.size != found or found > _MOST_INFLATED * max(1, self._member.compress_size):
            raise DamageError(f"{found:,} bytes instead of {header.start + header.size:,}")
        if header.is_fortran:
            require_memory(header.size, what=f"{header.shape[1]} x {header.shape[0]} px, by columns in an archive")
        return header.picture(header.shape[0] if header.is_fortran else rows_of_bands(header.row_bytes))

    def _check(self) -> None:
        with self._archive.open(self._member) as file:
            while file.read(_PART):
                pass  # it is compared with the checksum at the end

    def _bands(self) -> Iterator[Band]:
        header, (height, width), rows = self._header, self._header.shape, self._picture.rows
        with self._archive.open(self._member) as file:
            file.read(header.start)
            for first in range(0, height, rows):
                shape = min(rows, height - first), width
                yield header.numbers(file.read(shape[0] * header.row_bytes), shape), None
