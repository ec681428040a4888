"""Scans in a vendor's TIFF, in contrast to other images that carry a vendor's description."""

from typing import BinaryIO

from tifffile import COMPRESSION, PHOTOMETRIC, PLANARCONFIG, SAMPLEFORMAT, TiffFile, TiffPage

from ratiopath.files import store_errors
from ratiopath.slides.tiff.levels import ORIENTATION

_CODECS = frozenset({COMPRESSION.JPEG, COMPRESSION.APERIO_JP2000_YCBC, COMPRESSION.APERIO_JP2000_RGB})
"""Codecs of scanners that OpenSlide decodes."""
_COLOURS = frozenset({PHOTOMETRIC.RGB, PHOTOMETRIC.YCBCR})
_SAMPLES = (3, 4)
_MASK = 4  # a bit of NewSubfileType (TIFF 6.0, page 36)
_NDPI, _XMP = 65420, 700
"""Tags of Hamamatsu's files, and of the metadata that Ventana's are known by."""
_LEICA = "http://www.leica-microsystems.com/scn/"
"""Name space of Leica's metadata, without its date."""


def is_scan(path: str) -> bool:
    """Return True if OpenSlide delivers the largest image of a TIFF unchanged: 8-bit colours as scanners store them.

    A mask that was cut from a scan may keep its description; OpenSlide would make 8-bit colours of its labels.

    Args:
        path: A TIFF that OpenSlide takes for a vendor's.
    """
    try:
        with TiffFile(path) as tiff:
            return _holds_scan(tiff)
    except Exception:  # noqa: BLE001 - tifffile raises anything on a damaged file; the native reader names the damage
        return False


def vendor_of_scan(file: BinaryIO) -> str | None:
    """Return the vendor of a scan as `OpenSlide.detect_format` and `is_scan` find it, without OpenSlide.

    Args:
        file: A TIFF, open for reading.

    Returns:
        "aperio", "hamamatsu", "leica", "philips", "trestle" or "ventana"; None for any other image.

    Raises:
        SlideError: The store of the file fails.
    """
    file.seek(0)
    with store_errors(file):
        try:
            with TiffFile(file) as tiff:
                vendor = _vendor(tiff.pages.get(0, aspage=True))
                return vendor if vendor and _holds_scan(tiff) else None
        except Exception:  # noqa: BLE001 - as above
            return None


def _vendor(first: TiffPage) -> str | None:
    """Name the vendor by the first directory, as OpenSlide 4 does."""
    words, software = first.description, str(first.tags.valueof("Software", default=""))
    if _NDPI in first.tags:
        return "hamamatsu"
    if not first.is_tiled:
        return None
    signs = {
        "aperio": words.startswith("Aperio"),
        "leica": _LEICA in words,
        "philips": software.startswith("Philips"),
        "trestle": software.startswith("MedScan"),
        "ventana": b"iScan" in _bytes_of(first.tags.valueof(_XMP, default=b"")),
    }
    return next((vendor for vendor, is_shown in signs.items() if is_shown), None)


def _bytes_of(value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode(errors="replace")


def _holds_scan(tiff: TiffFile) -> bool:
    pages = [tiff.pages.get(index, aspage=True) for index in range(len(tiff.pages))]
    largest = max(pages, key=lambda page: page.imagewidth * page.imagelength)
    return _is_of_a_scanner(largest) and not any(page.subfiletype & _MASK for page in pages)


def _is_of_a_scanner(page: TiffPage) -> bool:
    return bool(
        page.bitspersample == 8  # noqa: PLR2004 - a byte
        and page.sampleformat == SAMPLEFORMAT.UINT
        and page.samplesperpixel in _SAMPLES
        and page.planarconfig == PLANARCONFIG.CONTIG
        and page.photometric in _COLOURS
        and page.compression in _CODECS
        and (page.is_tiled or page.is_ndpi)
        and page.tags.valueof(ORIENTATION, default=1) == 1
    )
