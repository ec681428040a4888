"""LZW decompression by libtiff: imagecodecs' own decoder reads beyond its buffers on damaged streams.

libtiff reads whole files only, so each segment is wrapped in one: a header, a directory of one page, and the stream.
"""

import struct
from copy import copy

import imagecodecs
from tifffile import COMPRESSION, FILLORDER, PLANARCONFIG, TiffPage

_SHORT, _LONG = 3, 4
"""Types of a directory's values (TIFF 6.0, section 2)."""
_HEADER = struct.Struct("<2sHI")
_ENTRY = struct.Struct("<HHII")
_ENTRIES = 10
_BEGIN = _HEADER.size + 2 + _ENTRIES * _ENTRY.size + 4
"""Offset of the stream in bytes."""


def without_compression(page: TiffPage) -> TiffPage:
    """Copy a page as an uncompressed one: its `decode` takes the bytes that `lzw_bytes` returns."""
    plain = copy(page)
    plain.compression, plain.fillorder = COMPRESSION.NONE, FILLORDER.MSB2LSB
    vars(plain).pop("decode", None)  # a cached property of the page it was copied from
    return plain


def lzw_bytes(page: TiffPage, segment: int, encoded: bytes) -> bytes:
    """Decompress one segment.

    Args:
        page: Page of the segment.
        segment: Index of the strip or tile in the page.
        encoded: Its bytes in the file.

    Raises:
        imagecodecs.TiffError: The stream is damaged or too short. Excess bytes of a longer one are ignored.
    """
    samples = page.samplesperpixel if page.planarconfig == PLANARCONFIG.CONTIG else 1
    if page.is_tiled:
        rows, width = page.tilelength, page.tilewidth
    else:
        strips = -(-page.imagelength // page.rowsperstrip)
        rows, width = min(page.rowsperstrip, page.imagelength - segment % strips * page.rowsperstrip), page.imagewidth
    row = -(-width * samples * page.bitspersample // 8)
    decoded: bytes = imagecodecs.tiff_decode(_file(encoded, row, rows, page.fillorder)).tobytes()
    return decoded


def _file(stream: bytes, width: int, height: int, fill_order: int) -> bytes:
    entries = {
        256: (_LONG, width),
        257: (_LONG, height),
        258: (_SHORT, 8),  # bits per sample
        259: (_SHORT, COMPRESSION.LZW),
        262: (_SHORT, 1),  # black is zero
        266: (_SHORT, fill_order),
        273: (_LONG, _BEGIN),
        277: (_SHORT, 1),  # samples
        278: (_LONG, height),  # rows of the strip
        279: (_LONG, len(stream)),
    }
    directory = b"".join(_ENTRY.pack(tag, kind, 1, value) for tag, (kind, value) in entries.items())
    header = _HEADER.pack(b"II", 42, _HEADER.size) + struct.pack("<H", _ENTRIES)
    return b"".join([header, directory, bytes(4), stream])
