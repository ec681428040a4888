"""Decoding of one strip or tile; a stream that ends early is an error in every codec."""

import lzma
import zlib
from copy import copy
from weakref import WeakKeyDictionary

import imagecodecs
import numpy as np
import numpy.typing as npt
from tifffile import COMPRESSION, FILLORDER, PLANARCONFIG, PREDICTOR, TiffFileError, TiffPage

from ratiopath.slides.tiff import jpeg, libtiff
from ratiopath.slides.tiff.stream_size import JPEG_XL, WEBP, claimed_size

CCITT = frozenset({COMPRESSION.CCITTRLE, COMPRESSION.CCITTFAX3, COMPRESSION.CCITTFAX4})
JPEG_2000 = frozenset({COMPRESSION.JPEG2000, COMPRESSION.APERIO_JP2000_YCBC, COMPRESSION.APERIO_JP2000_RGB})
_DEFLATE = frozenset({COMPRESSION.ADOBE_DEFLATE, COMPRESSION.DEFLATE})
_IN_PART = frozenset({COMPRESSION.LZW, COMPRESSION.LZMA})
"""Codecs of bytes that imagecodecs does not decode strictly."""
_TO_THE_END = _DEFLATE | {COMPRESSION.ZSTD, COMPRESSION.ZSTD_DEPRECATED, COMPRESSION.PACKBITS}
"""Codecs of bytes that imagecodecs decodes faster than others, but refuses if they hold more than a segment needs."""
_OF_IMAGES = WEBP | JPEG_XL | {COMPRESSION.PNG}
"""Codecs of images that imagecodecs decodes strictly."""
CODECS = jpeg.CODECS | CCITT | JPEG_2000 | _IN_PART | _TO_THE_END | _OF_IMAGES | {COMPRESSION.NONE, COMPRESSION.LERC}
"""Supported values of Compression: those whose damage is noticed."""
WITH_PREDICTOR = (_IN_PART | _TO_THE_END) - {COMPRESSION.PACKBITS}
"""Codecs with predictors; beside any other a predictor is ignored, as by libtiff."""
_END_OF_CODESTREAM = b"\xff\xd9"
_COPIES: WeakKeyDictionary[TiffPage, dict[tuple[tuple[str, int], ...], TiffPage]] = WeakKeyDictionary()


def segment_shape(page: TiffPage, segment: int) -> tuple[int, int, int]:
    """Compute rows, columns and samples of a strip or tile; the last strip has the rows that the page leaves it."""
    samples = int(page.samplesperpixel) if page.planarconfig == PLANARCONFIG.CONTIG else 1
    if page.is_tiled:
        return int(page.tilelength), int(page.tilewidth), samples
    rows = int(page.rowsperstrip)
    first = segment % -(-int(page.imagelength) // rows) * rows
    return min(rows, int(page.imagelength) - first), int(page.imagewidth), samples


def decode_segment(page: TiffPage, segment: int, encoded: bytes) -> npt.NDArray[np.generic]:
    """Decode one strip or tile.

    Args:
        page: The page that lists it.
        segment: Its index in the page.
        encoded: Its bytes in the file.

    Returns:
        Stored numbers, shape (rows, columns, samples); at the edges with the padding of the file, or without.

    Raises:
        Exception: The stream is damaged or too short; of any class.
    """
    shape, codec = segment_shape(page, segment), page.compression
    if codec in jpeg.CODECS:
        return _fitted(jpeg.decode_jpeg(page, shape, encoded), page, segment)
    if codec in CCITT:
        return libtiff.decode(page, shape, encoded)
    if codec == COMPRESSION.LERC:
        return _decode_lerc(page, segment, encoded)
    if codec in _IN_PART:
        return _unpacked(page, segment, _beginning(page, shape, encoded), is_compressed=False)
    if codec in JPEG_2000 | _OF_IMAGES:
        _require_fit(page, encoded)
    if codec in JPEG_2000 and _END_OF_CODESTREAM not in encoded:
        raise TiffFileError("JPEG 2000 codestream without end")  # OpenJPEG makes up the rest
    try:
        return _unpacked(page, segment, encoded)
    except Exception as error:
        if codec not in _TO_THE_END or "checksum" in str(error):
            raise
    return _unpacked(page, segment, _beginning(page, shape, encoded), is_compressed=False)


def _decode_lerc(page: TiffPage, segment: int, encoded: bytes) -> npt.NDArray[np.generic]:
    """Decode with libtiff, which knows alpha as a mask, or with imagecodecs a stream that is longer than needed."""
    try:
        return libtiff.decode(page, segment_shape(page, segment), encoded)
    except imagecodecs.TiffError:
        if claimed_size(page.compression, encoded) is None:  # compressed once more, or older
            raise
        _require_fit(page, encoded)
        return _unpacked(page, segment, encoded)


def _require_fit(page: TiffPage, encoded: bytes) -> None:
    """Refuse an image stream that claims to be larger than its strip or tile: decoders take memory for it."""
    rows, columns, samples = segment_shape(page, 0)  # a last strip may be padded to the rows of the first
    width, height, found = claimed_size(page.compression, encoded) or (0, 0, 0)
    if width > columns or height > rows or found > samples:
        claim = f"{width} x {height} px of {found} sample(s)"
        raise TiffFileError(f"an image of {claim} instead of {columns} x {rows} px of {samples}")


def _beginning(page: TiffPage, shape: tuple[int, int, int], encoded: bytes) -> bytes:
    """Decompress as much as a segment needs of a stream that may hold more, or fail as the stream does."""
    if page.compression not in _DEFLATE and page.compression != COMPRESSION.LZMA:
        return libtiff.decompress(page, shape, encoded)
    stream = lzma.LZMADecompressor() if page.compression == COMPRESSION.LZMA else zlib.decompressobj()
    rows, width, samples = shape
    size = rows * -(-width * samples * int(page.bitspersample) // 8)
    if page.fillorder == FILLORDER.LSB2MSB:
        encoded = bytes(imagecodecs.bitorder_decode(encoded))
    data = stream.decompress(encoded, size)
    if len(data) < size:
        raise TiffFileError(f"a stream ends after {len(data):,} of {size:,} bytes")
    if not stream.eof:  # the checksum at its end is compared
        stream.decompress(getattr(stream, "unconsumed_tail", b""), 1)
    return data


def _unpacked(page: TiffPage, segment: int, data: bytes, *, is_compressed: bool = True) -> npt.NDArray[np.generic]:
    """Decode with tifffile, which also undoes predictors and packed bits."""
    reader = page
    if page.compression not in WITH_PREDICTOR and page.predictor != PREDICTOR.NONE:
        reader = _changed(page, predictor=PREDICTOR.NONE)
    if not is_compressed:
        reader = _changed(reader, compression=COMPRESSION.NONE, fillorder=FILLORDER.MSB2LSB)
    pixels, _, _ = reader.decode(data, segment)
    decoded: npt.NDArray[np.generic] = pixels[0]
    return decoded


def _changed(page: TiffPage, **tags: int) -> TiffPage:
    """Copy a page with other tags, once for all its segments."""
    copies, key = _COPIES.setdefault(page, {}), tuple(tags.items())
    if key not in copies:
        copies[key] = changed = copy(page)
        for name in ("decode", "hash"):  # cached properties of the page it was copied from
            vars(changed).pop(name, None)
        vars(changed).update(tags)
    return copies[key]


def _fitted(pixels: npt.NDArray[np.generic], page: TiffPage, segment: int) -> npt.NDArray[np.generic]:
    """Cut the padding of a last strip; a tile at the edge may be as small as the image leaves it."""
    rows, columns, samples = segment_shape(page, segment)
    height, width = pixels.shape[:2]
    pixels = pixels.reshape(height, width, -1)
    if page.is_tiled:
        across = -(-int(page.imagewidth) // columns)
        down = -(-int(page.imagelength) // rows)
        row, column = divmod(segment % (across * down), across)
        needed = min(rows, int(page.imagelength) - row * rows), min(columns, int(page.imagewidth) - column * columns)
        fits = needed[0] <= height <= rows and needed[1] <= width <= columns
    else:
        fits = height >= rows and width == columns
    if not fits or pixels.shape[2] != samples:
        raise TiffFileError(f"a JPEG of {width} x {height} px instead of {columns} x {rows} px")
    return pixels[:rows]
