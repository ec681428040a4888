"""Segments decoded by libtiff, any warning an error: for codecs whose own decoders hide damage or read beyond it.

libtiff takes a whole file, so each segment becomes one: a header, a directory of one page, and the stream.
"""

import logging
import struct
import threading
from functools import lru_cache

import imagecodecs
import numpy as np
import numpy.typing as npt
from tifffile import COMPRESSION, PHOTOMETRIC, TiffPage

_SHORT, _LONG, _UNDEFINED = 3, 4, 7
"""Types of a directory's values (TIFF 6.0, section 2)."""
_FORMATS = {_SHORT: "H", _LONG: "I"}
_INLINE = 4  # bytes of a value that stand in the directory itself
_OFFSET, _COUNT = 273, 279

_HARMLESS = "Try to decode (read) fax Group 3 data without EOL"
"""Group 3 without marks at the ends of its rows: it is read to the end all the same, or another warning follows."""

Tags = dict[int, tuple[int, tuple[int, ...] | bytes]]
"""Type and values of each tag of a directory."""


class _Collector(logging.Handler):
    """Keeps the warnings of libtiff: the end of a stream that it makes up, a row that is too short."""

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if not message.startswith(_HARMLESS):
            _THREAD.__dict__.setdefault("warnings", []).append(message)


_THREAD = threading.local()
_LOGGER = logging.getLogger("imagecodecs")
_LOGGER.setLevel(logging.WARNING)  # whatever the level of the root logger
_LOGGER.addHandler(_Collector(logging.WARNING))


def decompress(page: TiffPage, shape: tuple[int, int, int], encoded: bytes) -> bytes:
    """Decompress one segment to the bytes of its rows; any that follow are left out.

    Args:
        page: The page of the segment.
        shape: Rows, columns and samples of the segment.
        encoded: The segment's bytes in the file.

    Raises:
        imagecodecs.TiffError: The stream is damaged or too short.
    """
    rows, width, samples = shape
    tags: Tags = {
        258: (_SHORT, (8,)),
        259: (_SHORT, (page.compression,)),
        262: (_SHORT, (PHOTOMETRIC.MINISBLACK,)),
        266: (_SHORT, (page.fillorder,)),
        277: (_SHORT, (1,)),
    }
    decoded: bytes = _decoded(tags, rows, -(-width * samples * page.bitspersample // 8), encoded, page).tobytes()
    return decoded


def decode(
    page: TiffPage, shape: tuple[int, int, int], encoded: bytes, tables: bytes | None = None
) -> npt.NDArray[np.generic]:
    """Decode one segment of an image codec to its stored numbers.

    Args:
        page: The page of the segment.
        shape: Rows, columns and samples of the segment.
        encoded: The segment's bytes in the file.
        tables: JPEG tables that the stream leaves out.

    Returns:
        Shape (rows, columns, samples).

    Raises:
        imagecodecs.TiffError: The stream is damaged or too short.
    """
    rows, width, samples = shape
    tags: Tags = {
        258: (_SHORT, (page.bitspersample,) * samples),
        259: (_SHORT, (page.compression,)),
        262: (_SHORT, (PHOTOMETRIC.MINISBLACK,)),
        266: (_SHORT, (page.fillorder,)),
        277: (_SHORT, (samples,)),
        339: (_SHORT, (page.sampleformat,) * samples),
    }
    if samples > 1:
        alpha = page.extrasamples[-1:] if samples == page.samplesperpixel else ()
        tags[338] = (_SHORT, (0,) * (samples - 1 - len(alpha)) + tuple(int(kind) for kind in alpha))
    if page.compression == COMPRESSION.CCITTFAX3:
        tags[292] = (_LONG, (int(page.tags.valueof(292, default=0)),))
    if page.compression == COMPRESSION.LERC:
        tags[50674] = (_LONG, tuple(page.tags.valueof(50674, default=(4, 0))))
    if tables is not None:
        tags[347] = (_UNDEFINED, tables)
    return _decoded(tags, rows, width, encoded, page).reshape(rows, width, samples)


def _decoded(tags: Tags, rows: int, width: int, encoded: bytes, page: TiffPage) -> npt.NDArray[np.generic]:
    place = {256: (_LONG, (width,)), 257: (_LONG, (rows,)), 278: (_LONG, (rows,))}
    head, tail = _directory((*tags.items(), *place.items()), page.parent.byteorder)
    size = struct.pack(page.parent.byteorder + "I", len(encoded))
    _THREAD.warnings = []
    pixels: npt.NDArray[np.generic] = imagecodecs.tiff_decode(b"".join([head, size, tail, encoded]), verbose=1)
    if _THREAD.warnings:
        raise imagecodecs.TiffError(_THREAD.warnings[0])
    return pixels


@lru_cache(maxsize=256)
def _directory(tags: tuple[tuple[int, tuple[int, tuple[int, ...] | bytes]], ...], order: str) -> tuple[bytes, bytes]:
    """Lay out header, directory and the values that do not fit it, before and after the length of the stream."""
    entries, beside = {}, b""
    begin = 8 + 2 + 12 * (len(tags) + 2) + 4
    for code, (kind, values) in tags:
        value = values if isinstance(values, bytes) else struct.pack(f"{order}{len(values)}{_FORMATS[kind]}", *values)
        inline = value.ljust(_INLINE, b"\0")
        if len(value) > _INLINE:
            inline = struct.pack(order + "I", begin + len(beside))
            beside += value + bytes(len(value) % 2)
        entries[code] = struct.pack(order + "HHI", code, kind, len(values)) + inline
    entries[_OFFSET] = struct.pack(order + "HHII", _OFFSET, _LONG, 1, begin + len(beside))
    entries[_COUNT] = struct.pack(order + "HHI", _COUNT, _LONG, 1)
    header = struct.pack(order + "2sHIH", b"II" if order == "<" else b"MM", 42, 8, len(entries))
    before = b"".join(entries[code] for code in sorted(entries) if code <= _COUNT)
    after = b"".join(entries[code] for code in sorted(entries) if code > _COUNT)
    return header + before, after + bytes(4) + beside
