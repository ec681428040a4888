"""Segments of JPEG, decoded by libjpeg-turbo, any warning an error."""

import numpy as np
import numpy.typing as npt
import simplejpeg
from tifffile import COMPRESSION, PHOTOMETRIC, TiffPage

from ratiopath.slides.tiff import libtiff

CODECS = frozenset({COMPRESSION.OJPEG, COMPRESSION.JPEG, COMPRESSION.ALT_JPEG})
"""Values of Compression that stand for 8-bit JPEG."""

_START, _END = b"\xff\xd8", b"\xff\xd9"
_AS_STORED = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00"
"""Adobe's marker of components that are no YCbCr."""
_COLOUR_MARKERS = (b"\xff\xe0", b"\xff\xee")  # JFIF and Adobe, both of which say how colours are stored
_NAMES = {1: "GRAY", 3: "RGB", 4: "CMYK"}
_SAMPLES = {"Gray": 1, "YCbCr": 3, "RGB": 3, "CMYK": 4, "YCCK": 4}
"""Samples of the colours of a stream."""


def decode_jpeg(page: TiffPage, shape: tuple[int, int, int], encoded: bytes) -> npt.NDArray[np.generic]:
    """Decode one segment; colours become RGB where Photometric says YCbCr and stay as they are stored elsewhere.

    Args:
        page: The page of the segment.
        shape: Rows, columns and samples of the segment.
        encoded: The segment's bytes in the file.

    Returns:
        uint8, shape (rows, columns, samples) of the stream, which need not be that of the segment.

    Raises:
        ValueError: The stream is damaged or too short.
    """
    samples = shape[2]
    if samples not in _NAMES:
        return libtiff.decode(page, shape, encoded, page.jpegtables)
    parts = [_START]
    if page.jpegtables is not None:
        parts.append(page.jpegtables.removeprefix(_START).removesuffix(_END))
    if samples > 1 and page.photometric != PHOTOMETRIC.YCBCR:
        parts.append(_AS_STORED)
        encoded = _without_colour(encoded)
    parts.append(encoded.removeprefix(_START))
    whole = b"".join(parts)
    height, width, colours, _ = simplejpeg.decode_jpeg_header(whole)
    most = shape[1], max(shape[0], int(page.rowsperstrip))  # a last strip may be padded
    if _SAMPLES.get(colours) != samples or width > most[0] or height > most[1]:
        expected = f"{samples} sample(s), {most[0]} x {most[1]} px"
        raise ValueError(f"a JPEG of {colours}, {width} x {height} px, instead of {expected}")
    decoded: npt.NDArray[np.generic] = simplejpeg.decode_jpeg(whole, _NAMES[samples])
    return decoded


def _without_colour(stream: bytes) -> bytes:
    """Cut the markers before the tables that say how colours are stored."""
    place = len(_START)
    while stream[place : place + 2] in _COLOUR_MARKERS:
        place += 2 + int.from_bytes(stream[place + 2 : place + 4], "big")
    return stream[place:]
