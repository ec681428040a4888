"""Sizes that the headers of image streams claim; their decoders take memory by these before they look at more."""

import re
import struct

from tifffile import COMPRESSION

Size = tuple[int, int, int]
"""Width, height and samples; 1 sample where the codec cannot hold more than a few."""
WEBP = frozenset({COMPRESSION.WEBP, COMPRESSION.WEBP_DEPRECATED})
JPEG_XL = frozenset({COMPRESSION.JPEGXL, COMPRESSION.JPEGXL_DNG})
_JPEG_XL_BITS = (9, 13, 18, 30)
"""Bits of a side of JPEG XL, by the selector before it (ISO/IEC 18181-1, SizeHeader)."""
_JPEG_XL_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
"""Width to height of JPEG XL where the width is left out."""


def claimed_size(codec: int, stream: bytes) -> Size | None:
    """Read the size that an image stream claims.

    Args:
        codec: Value of Compression: PNG, WebP, JPEG XL, LERC or JPEG 2000.
        stream: The stream.

    Returns:
        None if it is not found; the codec then refuses the stream, or takes no more memory than its bytes are worth.
    """
    try:
        if codec == COMPRESSION.PNG:
            return (*struct.unpack_from(">II", stream, 16), 1)
        if codec == COMPRESSION.LERC:
            return _lerc_size(stream)
        if codec in WEBP:
            return _webp_size(stream)
        return _jpeg_xl_size(stream) if codec in JPEG_XL else _jpeg_2000_size(stream)
    except struct.error:
        return None


def _webp_size(stream: bytes) -> Size | None:
    kind = stream[12:16]
    if kind == b"VP8X":
        width, height = (int.from_bytes(stream[place : place + 3], "little") + 1 for place in (24, 27))
    elif kind == b"VP8L":
        [bits] = struct.unpack_from("<I", stream, 21)
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    elif kind == b"VP8 ":
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", stream, 26))
    else:
        return None
    return width, height, 1


def _lerc_size(stream: bytes) -> Size | None:
    if not stream.startswith(b"Lerc2 "):
        return None
    [version] = struct.unpack_from("<i", stream, 6)
    height, width, samples = struct.unpack_from("<iii", stream, 14 if version >= 3 else 10)  # noqa: PLR2004 - checksum
    return width, height, samples if version >= 4 else 1  # noqa: PLR2004 - the first with several samples


def _jpeg_2000_size(stream: bytes) -> Size | None:
    """Read the largest of the SIZ segments that follow a start of codestream; a box before may hold another."""
    sizes = []
    for start in re.finditer(b"\xff\x4f\xff\x51", stream):
        right, bottom, left, top = struct.unpack_from(">IIII", stream, start.end() + 4)
        [samples] = struct.unpack_from(">H", stream, start.end() + 36)
        sizes.append((right - left, bottom - top, samples))
    return (max(w for w, _, _ in sizes), max(h for _, h, _ in sizes), max(s for _, _, s in sizes)) if sizes else None


def _jpeg_xl_size(stream: bytes) -> Size | None:
    start = re.search(rb"\A\xff\n|jxl[cp](?:....)?\xff\n", stream[:4096], re.DOTALL)
    if start is None:
        return None
    bits = int.from_bytes(stream[start.end() : start.end() + 12], "little")

    def take(count: int) -> int:
        nonlocal bits
        value, bits = bits & (1 << count) - 1, bits >> count
        return value

    def side() -> int:
        return 8 * (take(5) + 1) if is_small else take(_JPEG_XL_BITS[take(2)]) + 1

    is_small = take(1)
    height, ratio = side(), take(3)
    if not ratio:
        return side(), height, 1
    above, below = _JPEG_XL_RATIOS[ratio - 1]
    return height * above // below, height, 1
