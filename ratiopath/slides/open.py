"""The choice of a reader by a file's content, never by its name (docs/decisions/0006-backends.md)."""

import openslide

from ratiopath.errors import SlideNotFoundError, UnsupportedFormatError
from ratiopath.geometry import Mpp
from ratiopath.slides.openslide_reader import OpenSlideReader
from ratiopath.slides.paths import require_regular
from ratiopath.slides.reader import SlideReader
from ratiopath.slides.tiff.aperio import AperioReader
from ratiopath.slides.tiff.reader import TiffReader
from ratiopath.slides.tiff.vendor import is_scan

_TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""First bytes of a classic TIFF and a BigTIFF, in either byte order."""
_FORMATS = {
    b"\x89PNG\r\n\x1a\n": "a PNG",
    b"\xff\xd8\xff": "a JPEG",
    b"GIF8": "a GIF",
    b"BM": "a BMP",
    b"%PDF": "a PDF",
    b"\0\0\0\x0cjP  \r\n\x87\n": "a JPEG 2000",
    b"\xff\x4f\xff\x51": "a JPEG 2000",
    b"\x89HDF\r\n\x1a\n": "an HDF5 file",
    b"PK\3\4": "a zip archive",
    b"\x1f\x8b": "a gzip archive",
    b"<": "an XML file",
    b"{": "a JSON file",
    b"[": "a JSON file",
}
"""First bytes of the formats that are named in an error; those of text after white space and a byte order mark."""
_PRINTABLE = bytes([*range(0x20, 0x7F), *b"\t\n\r\f"])


def open_slide(path: str, mpp: Mpp | None = None) -> SlideReader:
    """Open a slide or a raster overlay.

    Vendor formats are read by OpenSlide; JPEG-compressed Aperio and all other TIFFs (OME-TIFF, generic pyramids, plain
    TIFF) natively, whatever their description says.

    Args:
        path: The file. A `.mrxs` stands for its data folder too.
        mpp: Resolution of level 0 in µm/px, replacing that of the file.

    Returns:
        An open reader; use it in a `with` block.

    Raises:
        SlideNotFoundError: The file does not exist or is not readable.
        UnsupportedFormatError: The file is neither a TIFF nor in a format of OpenSlide.
        TruncatedError: Directories or pixels lie beyond the end of the file, or OpenSlide cannot open it.
        UnsupportedImageError: A stack, or samples without a numpy dtype.
        InvalidMppError: The resolution in the file is zero, negative or not finite.
    """
    try:
        require_regular(path)
        with open(path, "rb") as file:
            head = file.read(64)
    except OSError as error:
        problem = f"cannot open {path!r}: {(error.strerror or type(error).__name__).lower()}"
        hint = "check its permissions" if isinstance(error, PermissionError) else "check the path"
        raise SlideNotFoundError(problem, path=path, hint=hint) from error
    vendor, is_tiff = openslide.OpenSlide.detect_format(path), head.startswith(_TIFF_MAGIC)
    if vendor not in (None, "generic-tiff") and (not is_tiff or is_scan(path)):
        return _open_scan(path, mpp, vendor)
    if not is_tiff:
        problem = f"{path!r} is {_format_of(head)}; supported are TIFF, OME-TIFF and the formats of OpenSlide"
        raise UnsupportedFormatError(problem, path=path, hint="export it as TIFF")
    return TiffReader(path, mpp)


def _open_scan(path: str, mpp: Mpp | None, vendor: str) -> SlideReader:
    if vendor == "aperio":
        reader = AperioReader(path, mpp)
        if reader.is_native:
            return reader
        reader.close()
    return OpenSlideReader(path, mpp)


def _format_of(head: bytes) -> str:
    """Name a format by its first bytes."""
    if not head:
        return "an empty file"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "a WebP"
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    names = [name for magic, name in _FORMATS.items() if head.startswith(magic) or text.startswith(magic)]
    if names:
        return names[0]
    return "a text file" if not head.strip(_PRINTABLE) else f"in no known image format (begins with {head[:4]!r})"
