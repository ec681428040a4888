"""A native reader of TIFF and OME-TIFF in their own dtype and channels, with any layout and codec of imagecodecs."""

from typing import TYPE_CHECKING, BinaryIO, Self

import numpy as np
import numpy.typing as npt
from tifffile import COMPRESSION, TiffFile, TiffPage

from ratiopath.errors import SlideError, TruncatedError, UnsupportedImageError
from ratiopath.files import open_binary, read_at, size_of, store_errors
from ratiopath.geometry import Extent, Int64s, Mpp
from ratiopath.pyramid import Pyramid
from ratiopath.remote.file import RemoteFile
from ratiopath.slides.reader import Chunk, SlideReader, described
from ratiopath.slides.tiff.decode import CCITT, JPEG_2000, decode_segment, segment_shape
from ratiopath.slides.tiff.errors import EXPORT_HINT, strict_tifffile, translate_error
from ratiopath.slides.tiff.integers import with_wide_integers
from ratiopath.slides.tiff.levels import TiffLevel, stored_palette
from ratiopath.slides.tiff.pages import TiffImage, find_image
from ratiopath.slides.tiff.resolution import tiff_mpp

Segment = tuple[TiffPage, int, bytes | None]
"""A strip or tile: its page, its index there, and its encoded bytes, None if it is sparse."""
_MEMO_BYTES, _MEMO_ENTRIES = 4096, 1024
"""Limits of the memo of uniform TIFF tiles by their compressed bytes: with it, counting a smooth binary mask takes 1.5x
instead of 2.4x the decode time. 512 x 512 equal pixels are some 300 bytes in Deflate."""
MAX_CHUNK_BYTES = 3 << 26
"""Decoded size of a compressed chunk: a few bytes may claim a strip of any size, and decoding and counting take three
times that, of the 1 GiB that a Ray task reserves."""
_OTHER_MAX_BYTES = {COMPRESSION.NONE: 1 << 31} | dict.fromkeys(JPEG_2000, 1 << 26)
"""The same for chunks whose bytes are in the file, since ImageJ and others write a whole image as one strip; and for a
codec that takes four bytes per sample."""
_HEADER_BYTES = 8
"""Size of a classic TIFF's header; that of a BigTIFF is larger."""
_SAMPLED = 32
"""Distance in pixels, along each axis, of the samples that reveal most tiles that are not uniform."""


class TiffReader:
    """An open TIFF, a `SlideReader`. Sparse tiles hold the fill value."""

    is_scan = False
    """True if sparse tiles were not scanned, instead of holding the fill value."""
    tags_of_mpp = "resolution tags"
    """Place of a resolution that is not in OME metadata."""

    def __init__(self, path: str, mpp: Mpp | None = None, file: BinaryIO | None = None) -> None:
        """Open a TIFF and check that all pixels of all its levels are in the file.

        Args:
            path: The file.
            mpp: Resolution of level 0 in µm/px, replacing that of the file.
            file: The file if it is open; it is closed with the reader.

        Raises:
            SlideError: See `open_slide`.
        """
        self.path = path
        self._file = file or open_binary(path)  # closed in close(); tifffile leaves open a file it cannot parse
        self._file.seek(0)
        try:
            with store_errors(self._file), strict_tifffile(path):
                self._tiff = TiffFile(with_wide_integers(self._file))
                image = self._image(self._tiff)
                self._levels = image.levels
                base = self._levels[0]
                known = mpp or self._resolution(image, base.page)
                for level in self._levels:
                    for one in (level, level.mask) if level.mask else (level,):
                        _check_segments(one, size_of(self._file), path)
        except BaseException:
            self._file.close()
            raise
        self.pyramid = Pyramid.of([level.extent for level in self._levels], known)
        self.page = base.page
        self.mpp_source = "OME PhysicalSize" if image.ome_mpp else self.tags_of_mpp
        self.dtype = base.dtype
        self._uniform: dict[tuple[int, bytes], npt.NDArray[np.generic]] = {}
        self.palette = stored_palette(base.page)
        self._alpha = base.alpha
        self.channels = base.samples - (self._alpha is not None)

    def _image(self, tiff: TiffFile) -> TiffImage:
        return find_image(tiff, self.path, size_of(self._file))

    def _resolution(self, image: TiffImage, page: TiffPage) -> Mpp | None:
        return tiff_mpp(image.ome_mpp, page, self.path)

    def chunk_extent(self, level: int) -> Extent:
        """Return the size of a TIFF tile, or of a band of whole strips."""
        return self._levels[level].chunk

    def expect(self, level: int, columns: Int64s, rows: Int64s) -> None:
        """Announce the chunks of a level that will be read next, in order."""
        if not isinstance(self._file, RemoteFile):
            return
        source = self._levels[level]
        masks = [source.mask] if source.mask is not None and source.mask.chunk == source.chunk else []
        ranges = [part.ranges(columns, rows) for part in (*masks, source)]
        self._file.expect(*(np.concatenate(places, axis=1).ravel() for places in zip(*ranges, strict=True)))

    def read_chunk(self, level: int, column: int, row: int) -> Chunk:
        """Decode one TIFF tile or one band of strips, all its samples.

        Raises:
            TruncatedError: The chunk is missing or damaged.
            UnsupportedImageError: It has more than MAX_CHUNK_BYTES.
        """
        source = self._levels[level]
        height = min(source.chunk.height, source.extent.height - row * source.chunk.height)
        width = min(source.chunk.width, source.extent.width - column * source.chunk.width)
        try:
            exists = self._mask(source, column, row, height, width)
            encoded = self._segments(source, column, row)
            pixel = self._uniform_pixel(level, encoded)
            if pixel is not None:
                pixels = np.broadcast_to(pixel, (height, width, len(pixel)))
                return self._chunk(pixels, encoded, exists, is_uniform=True)
            pixels = self._decode(source, encoded)
        except (SlideError, MemoryError):
            raise
        except Exception as error:
            raise translate_error(error, self.path) from error
        self._remember_uniform(level, encoded, pixels)
        return self._chunk(pixels[:height, :width], encoded, exists)

    def _mask(self, source: TiffLevel, column: int, row: int, height: int, width: int) -> npt.NDArray[np.bool_] | None:
        """Read the part of a transparency mask that lies over a chunk; the mask may be laid out otherwise."""
        mask = source.mask
        if mask is None:
            return None
        left, top = column * source.chunk.width, row * source.chunk.height
        columns = range(left // mask.chunk.width, -(-(left + width) // mask.chunk.width))
        rows = range(top // mask.chunk.height, -(-(top + height) // mask.chunk.height))
        pieces = [
            _joined([self._decode(mask, self._segments(mask, across, down))[..., 0] for across in columns], 1)
            for down in rows
        ]
        left, top = left - columns[0] * mask.chunk.width, top - rows[0] * mask.chunk.height
        exists: npt.NDArray[np.bool_] = _joined(pieces, 0)[top : top + height, left : left + width] != 0
        return None if exists.all() else exists

    def _check_size(self, source: TiffLevel) -> None:
        size = source.chunk.width * source.chunk.height * source.samples * self.dtype.itemsize
        if size > _OTHER_MAX_BYTES.get(source.page.compression, MAX_CHUNK_BYTES):
            shape = f"{source.chunk.width} x {source.chunk.height} px of {source.samples} sample(s)"
            problem = f"{self.path!r} has too large tiles or strips ({shape}, {size:,} bytes)"
            raise UnsupportedImageError(problem, path=self.path, hint="export it with smaller tiles or strips")

    def _segments(self, source: TiffLevel, column: int, row: int) -> list[list[Segment]]:
        """Read the encoded segments of one chunk: a list per plane."""
        self._check_size(source)
        return [
            [self._encoded(plane, segment) for segment in segments] for plane, segments in source.segments(column, row)
        ]

    def _encoded(self, plane: TiffPage, segment: int) -> Segment:
        offset, size = plane.dataoffsets[segment], plane.databytecounts[segment]
        return plane, segment, read_at(self._file, offset, size) if size else None

    def _decode(self, source: TiffLevel, encoded: list[list[Segment]]) -> npt.NDArray[np.generic]:
        """Decode one chunk, shape (height, width, samples), at the edges with the padding of the file."""
        planes = [_joined([_segment_pixels(source, *segment) for segment in strips], 0) for strips in encoded]
        return _joined(planes, 2)

    def _uniform_pixel(self, level: int, encoded: list[list[Segment]]) -> npt.NDArray[np.generic] | None:
        """Return the one pixel of a TIFF tile that is sparse, or known to be uniform from its compressed bytes."""
        if all(data is None for segments in encoded for *_, data in segments):
            return np.full(self._levels[level].samples, self._levels[level].fill)
        key = _memo_key(level, encoded)
        return None if key is None else self._uniform.get(key)

    def _remember_uniform(self, level: int, encoded: list[list[Segment]], pixels: npt.NDArray[np.generic]) -> None:
        """Memoise a uniform tile by its bytes: most tiles of a mask are background, written with the same few bytes."""
        key = _memo_key(level, encoded)
        if key is None or len(self._uniform) == _MEMO_ENTRIES:
            return
        first = pixels[:1, :1]
        if pixels.item(0) != pixels.item(pixels.size // 2):  # most that are not uniform
            return
        if (pixels[::_SAMPLED, ::_SAMPLED] == first).all() and (pixels == first).all():
            self._uniform[key] = pixels[0, 0].copy()

    def _chunk(
        self,
        pixels: npt.NDArray[np.generic],
        encoded: list[list[Segment]],
        exists: npt.NDArray[np.bool_] | None,
        *,
        is_uniform: bool = False,
    ) -> Chunk:
        is_stored = any(data is not None for segments in encoded for *_, data in segments)
        if self.is_scan and not is_stored:
            exists = np.zeros(pixels.shape[:2], dtype=np.bool_)
        if self._alpha is not None:
            scanned = pixels[..., self._alpha] != 0
            exists = scanned if exists is None else scanned & exists
            exists = None if exists.all() else exists
            pixels = np.delete(pixels, self._alpha, axis=2)
        return Chunk(pixels[..., 0] if self.channels == 1 else pixels, exists, is_stored, is_uniform and exists is None)

    def __repr__(self) -> str:
        """Return the file, its size, resolution and channels; nothing is read."""
        return described(self)

    def close(self) -> None:
        """Release the file."""
        self._tiff.close()
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def _joined(arrays: list[npt.NDArray[np.generic]], axis: int) -> npt.NDArray[np.generic]:
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays, axis=axis)


def _segment_pixels(source: TiffLevel, plane: TiffPage, segment: int, encoded: bytes | None) -> npt.NDArray[np.generic]:
    """Decode a strip or tile of a level, or fill a sparse one."""
    if encoded is None:
        return np.full(segment_shape(plane, segment), source.fill)
    return np.asarray(decode_segment(plane, segment, encoded), dtype=source.dtype)


def _memo_key(level: int, encoded: list[list[Segment]]) -> tuple[int, bytes] | None:
    """Return the memo key of a TIFF tile that is small enough to be uniform, else None."""
    if len(encoded) != 1 or len(encoded[0]) != 1:
        return None
    *_, data = encoded[0][0]
    return (level, data) if data is not None and len(data) <= _MEMO_BYTES else None


def _check_segments(level: TiffLevel, file_size: int, path: str) -> None:
    """Raise unless all strips or tiles of a level are listed and lie within the file."""
    expected = level.segments_per_plane
    for plane in level.planes:
        offsets = np.asarray(plane.dataoffsets, dtype=np.uint64)
        counts = plane.tags.valueof(279) if plane.compression in CCITT else None  # tifffile replaces those of 0
        sizes = np.asarray(plane.databytecounts if counts is None else counts, dtype=np.uint64)
        if min(len(offsets), len(sizes)) < expected:
            found = f"truncated: page {plane.index} lists {min(len(offsets), len(sizes))} of {expected} segments"
        elif in_header := int(((sizes > 0) & (offsets < _HEADER_BYTES)).sum()):
            found = f"damaged: {in_header} of {len(offsets)} segments of page {plane.index} begin inside the header"
        elif nowhere := int(((sizes == 0) & (offsets > 0)).sum()):
            found = f"damaged: {nowhere} of {len(offsets)} segments of page {plane.index} have a place but no bytes"
        elif beyond := int((offsets + sizes > file_size).sum()):
            segments = f"{beyond} of {len(offsets)} segments of page {plane.index}"
            found = f"truncated: {segments} end past the last byte ({file_size:,})"
        else:
            continue
        raise TruncatedError(f"{path!r} is {found}", path=path, hint=EXPORT_HINT)


if TYPE_CHECKING:
    _conforms: type[SlideReader] = TiffReader
