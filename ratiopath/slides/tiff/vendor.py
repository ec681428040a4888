"""Scans in a vendor's TIFF, in contrast to other images that carry a vendor's description."""

from tifffile import COMPRESSION, PHOTOMETRIC, PLANARCONFIG, SAMPLEFORMAT, TiffFile, TiffPage

_CODECS = frozenset({COMPRESSION.JPEG, COMPRESSION.APERIO_JP2000_YCBC, COMPRESSION.APERIO_JP2000_RGB})
"""Codecs of scanners that OpenSlide decodes."""
_COLOURS = frozenset({PHOTOMETRIC.RGB, PHOTOMETRIC.YCBCR})
_SAMPLES = (3, 4)
_MASK = 4  # a bit of NewSubfileType (TIFF 6.0, page 36)


def is_scan(path: str) -> bool:
    """Return True if OpenSlide delivers the largest image of a TIFF unchanged: 8-bit colours as scanners store them.

    A mask that was cut from a scan may keep its description; OpenSlide would make 8-bit colours of its labels.

    Args:
        path: A TIFF that OpenSlide takes for a vendor's.
    """
    try:
        with TiffFile(path) as tiff:
            pages = [tiff.pages.get(index, aspage=True) for index in range(len(tiff.pages))]
            largest = max(pages, key=lambda page: page.imagewidth * page.imagelength)
            return _is_of_a_scanner(largest) and not any(page.subfiletype & _MASK for page in pages)
    except Exception:  # noqa: BLE001 - tifffile raises anything on a damaged file; the native reader names the damage
        return False


def _is_of_a_scanner(page: TiffPage) -> bool:
    return bool(
        page.bitspersample == 8  # noqa: PLR2004 - a byte
        and page.sampleformat == SAMPLEFORMAT.UINT
        and page.samplesperpixel in _SAMPLES
        and page.planarconfig == PLANARCONFIG.CONTIG
        and page.photometric in _COLOURS
        and page.compression in _CODECS
        and (page.is_tiled or page.is_ndpi)
        and page.tags.valueof("Orientation", default=1) == 1
    )
