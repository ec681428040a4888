"""TIFF and OME-TIFF, read natively: in their own dtype and channels, whatever layout and codec imagecodecs knows."""

import logging
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

import numpy as np
import numpy.typing as npt
from tifffile import TiffFile, TiffPage

from ratiopath.errors import SlideError, TruncatedError, UnsupportedImageError
from ratiopath.geometry import Extent, Mpp
from ratiopath.pyramid import Pyramid
from ratiopath.slides.reader import Chunk
from ratiopath.slides.tiff_layout import Plane, TiffLevel, stored_dtype, stored_palette, tiff_levels
from ratiopath.slides.tiff_mpp import tiff_mpp

_STRIP_ROWS = 128
"""Strips are read in bands of at least this many rows: a chunk of one row costs more to handle than to decode."""


class TiffReader:
    """An open TIFF, a `SlideReader`."""

    def __init__(self, path: str, mpp: Mpp | None = None) -> None:
        """Open a TIFF and check that all pixels of all its levels are in the file.

        Args:
            path: The file.
            mpp: Resolution of level 0, instead of what the file says.

        Raises:
            SlideError: See `open_slide`.
        """
        self.path = path
        with _explained(path):
            self._tiff = TiffFile(path)
        try:
            with _explained(path):
                self._levels = tiff_levels(self._tiff, path)
                base = self._levels[0]
                known = mpp or tiff_mpp(self._tiff, base.page, path)
                for level in self._levels:
                    _check_segments(level, os.path.getsize(path), path)
        except BaseException:
            self._tiff.close()
            raise
        self.pyramid = Pyramid.of([level.extent for level in self._levels], known)
        self.dtype = stored_dtype(base.page)
        self.palette = stored_palette(base.page)
        self._alpha = base.alpha
        self.channels = base.samples - (self._alpha is not None)

    def chunk_extent(self, level: int) -> Extent:
        """A TIFF tile, or a band of whole strips."""
        page = self._levels[level].page
        if page.is_tiled:
            return Extent(int(page.tilewidth), int(page.tilelength))
        rows = min(int(page.rowsperstrip), int(page.imagelength))
        return Extent(int(page.imagewidth), rows * math.ceil(_STRIP_ROWS / rows))

    def read_chunk(self, level: int, column: int, row: int) -> Chunk:
        """Decode one TIFF tile or one band of strips, all its samples.

        Raises:
            TruncatedError: It is not there or does not decode.
        """
        source = self._levels[level]
        chunk = self.chunk_extent(level)
        height = min(chunk.height, source.extent.height - row * chunk.height)
        width = min(chunk.width, source.extent.width - column * chunk.width)
        stored = list(self._segments(source, level, column, row))
        is_stored = any(plane.databytecounts[segment] for plane, segments in stored for segment in segments)
        with _explained(self.path):
            samples = [
                np.concatenate([self._decode(source.page, plane, segment) for segment in segments])
                for plane, segments in stored
            ]
        pixels = samples[0] if len(samples) == 1 else np.concatenate(samples, axis=2)
        return self._without_alpha(pixels[:height, :width], is_stored=is_stored)

    def _segments(self, source: TiffLevel, level: int, column: int, row: int) -> Iterator[tuple[Plane, range]]:
        """What to decode for one chunk: per page and separate sample, its tile or the strips of its band."""
        page = source.page
        if page.is_tiled:
            across, down = _tiles(page)
            first, count, per_sample = row * across + column, 1, across * down
        else:
            per_sample = math.ceil(page.imagelength / page.rowsperstrip)
            count = math.ceil(self.chunk_extent(level).height / page.rowsperstrip)
            first = row * count
        for plane in source.planes:
            for sample in range(_separate_samples(page)):
                start = sample * per_sample + first
                yield plane, range(start, start + min(count, per_sample - first))

    def _decode(self, page: TiffPage, plane: Plane, segment: int) -> npt.NDArray[np.generic]:
        """One segment, shape (height, width, samples), at the edges as the file pads it."""
        offset, size = plane.dataoffsets[segment], plane.databytecounts[segment]
        encoded = None
        if offset and size:
            self._tiff.filehandle.seek(offset)
            encoded = self._tiff.filehandle.read(size)
        pixels, _, shape = page.decode(encoded, segment, jpegtables=page.jpegtables, jpegheader=page.jpegheader)
        if pixels is None:  # a sparse segment: the writer left it out because it holds nothing but the fill value
            return np.full(shape[1:], page.nodata, dtype=self.dtype)
        return np.asarray(pixels[0], dtype=self.dtype)

    def _without_alpha(self, pixels: npt.NDArray[np.generic], *, is_stored: bool) -> Chunk:
        exists = None
        if self._alpha is not None:
            scanned = pixels[..., self._alpha] != 0
            exists = None if scanned.all() else scanned
            pixels = np.delete(pixels, self._alpha, axis=2)
        return Chunk(pixels[..., 0] if self.channels == 1 else pixels, exists, is_stored)

    def close(self) -> None:
        """Release the file."""
        self._tiff.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


_SEPARATE = 2  # PlanarConfiguration (TIFF 6.0, page 38)


def _separate_samples(page: TiffPage) -> int:
    """How many times a page lists its segments: once, or once per sample."""
    return int(page.samplesperpixel) if page.planarconfig == _SEPARATE else 1


def _tiles(page: TiffPage) -> tuple[int, int]:
    """Tiles across and down."""
    return math.ceil(page.imagewidth / page.tilewidth), math.ceil(page.imagelength / page.tilelength)


def _check_segments(level: TiffLevel, file_size: int, path: str) -> None:
    """All strips or tiles of a level are listed and lie within the file."""
    page = level.page
    per_sample = math.prod(_tiles(page)) if page.is_tiled else math.ceil(page.imagelength / page.rowsperstrip)
    expected = per_sample * _separate_samples(page)
    remedy = "copy or export the file again"
    for plane in level.planes:
        offsets = np.asarray(plane.dataoffsets, dtype=np.uint64)
        sizes = np.asarray(plane.databytecounts, dtype=np.uint64)
        if min(len(offsets), len(sizes)) < expected:
            found = f"{min(len(offsets), len(sizes))} of {expected} segments in page {plane.index}"
            raise TruncatedError("a TIFF lists all its segments", path=path, found=found, remedy=remedy)
        beyond = offsets + sizes > file_size
        if beyond.any():
            found = f"{int(beyond.sum())} of {len(offsets)} segments of page {plane.index} end beyond {file_size} bytes"
            raise TruncatedError("a TIFF holds all its segments", path=path, found=found, remedy=remedy)


@contextmanager
def _explained(path: str) -> Iterator[None]:
    """Turn what tifffile and the codecs raise, or merely log as an error, into this library's errors.

    tifffile logs a directory that is cut off and goes on with the pages before it: a level would silently be missing.
    """
    complaints = _Complaints()
    logger = logging.getLogger("tifffile")
    logger.addHandler(complaints)
    try:
        yield
    except (SlideError, MemoryError):
        raise
    except NotImplementedError as error:
        remedy = "export it with another layout or codec"
        raise UnsupportedImageError("an image can be decoded", path=path, found=str(error), remedy=remedy) from error
    except OSError as error:
        found, remedy = f"{type(error).__name__}: {error}", "check the file and the storage it lies on"
        raise TruncatedError("a file can be read", path=path, found=found, remedy=remedy) from error
    except Exception as error:  # a codec may raise anything on a corrupt file, each its own class
        found, remedy = f"{type(error).__name__}: {error}", "copy or export the file again"
        raise TruncatedError("a TIFF is whole", path=path, found=found, remedy=remedy) from error
    finally:
        logger.removeHandler(complaints)
    if complaints.messages:
        found, remedy = "; ".join(complaints.messages), "copy or export the file again"
        raise TruncatedError("a TIFF is whole", path=path, found=found, remedy=remedy)


class _Complaints(logging.Handler):
    """Collects what a library logs as an error."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())
