"""A reader of arrays that NumPy saved: NPY row by row, NPZ with one array as a whole."""

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


class ArrayFileReader(PictureReader):
    """An open NPY, or an NPZ with one array, a `SlideReader` of one channel. Nothing is unpickled."""

    def _open(self) -> Picture:
        self._archive: zipfile.ZipFile | None = None
        if self._read(0, 1) == b"P":
            self._archive = zipfile.ZipFile(self._file)
            header = self._open_member(self._archive)
        else:
            self._file.seek(0)
            header = _Header.read(self._file)
            if header.start + header.size != self._size:
                raise DamageError(f"{self._size:,} bytes instead of {header.start + header.size:,}")
        self._header = header
        height, width = header.shape
        rows = height if self._archive else rows_of_bands(width * header.dtype.itemsize)
        return Picture(Extent(width, height), header.dtype.newbyteorder("="), 1, rows)

    def _open_member(self, archive: zipfile.ZipFile) -> _Header:
        members = archive.infolist()
        if len(members) != 1 or members[0].compress_type not in _PACKED or members[0].flag_bits & _ENCRYPTED:
            raise UnsupportedError(f"is an archive of {len(members)} file(s), not of one array by NumPy", _HINT)
        [self._member] = members
        with archive.open(self._member) as file:
            header = _Header.read(file)
        found = self._member.file_size
        require_memory(header.size, what=f"{header.shape[1]} x {header.shape[0]} px in an archive")
        if header.start + header.size != found or found > _MOST_INFLATED * max(1, self._member.compress_size):
            raise DamageError(f"{found:,} bytes instead of {header.start + header.size:,}")
        return header

    def _band(self, index: int) -> Band:
        header = self._header
        if self._archive is not None:
            with self._archive.open(self._member) as file:
                content = file.read(self._member.file_size)  # all, since the checksum is compared at the end
            numbers = np.frombuffer(content, header.dtype, offset=header.start)
            whole = numbers.reshape(header.shape, order="F" if header.is_fortran else "C")
            return self._native(whole), None
        first = index * self._picture.rows
        rows = min(self._picture.rows, header.shape[0] - first)
        if not header.is_fortran:
            [numbers] = self._numbers(first * header.shape[1], 0, 1, rows * header.shape[1])
            return self._native(numbers.reshape(rows, header.shape[1])), None
        columns = self._numbers(first, header.shape[0], header.shape[1], rows)
        return self._native(np.stack(list(columns), axis=1)), None

    def _numbers(self, first: int, step: int, runs: int, length: int) -> Iterator[npt.NDArray[np.generic]]:
        """Read runs of numbers, each a step further in the file than the one before."""
        itemsize = self._header.dtype.itemsize
        for run in range(runs):
            start = self._header.start + (first + run * step) * itemsize
            yield np.frombuffer(self._read(start, length * itemsize), self._header.dtype)

    def _native(self, numbers: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        return numbers.astype(numbers.dtype.newbyteorder("="), copy=False)
