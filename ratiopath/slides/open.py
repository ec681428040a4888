"""The choice of a reader by a file's content, never by its name (docs/decisions/0006-backends.md)."""

import openslide

from ratiopath.errors import UnsupportedFormatError
from ratiopath.files import TIFF_MAGIC, format_of, read_head
from ratiopath.geometry import Mpp
from ratiopath.slides.openslide_reader import OpenSlideReader
from ratiopath.slides.reader import SlideReader
from ratiopath.slides.tiff.aperio import AperioReader
from ratiopath.slides.tiff.reader import TiffReader
from ratiopath.slides.tiff.vendor import is_scan


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
    head, _ = read_head(path, 64)
    vendor, is_tiff = openslide.OpenSlide.detect_format(path), head.startswith(TIFF_MAGIC)
    if vendor not in (None, "generic-tiff") and (not is_tiff or is_scan(path)):
        return _open_scan(path, mpp, vendor)
    if not is_tiff:
        problem = f"{path!r} is {format_of(head)}; supported are TIFF, OME-TIFF and the formats of OpenSlide"
        hint = "export it as TIFF" if head.strip() else "copy or export it again"
        raise UnsupportedFormatError(problem, path=path, hint=hint)
    return TiffReader(path, mpp)


def _open_scan(path: str, mpp: Mpp | None, vendor: str) -> SlideReader:
    if vendor == "aperio":
        reader = AperioReader(path, mpp)
        if reader.is_native:
            return reader
        reader.close()
    return OpenSlideReader(path, mpp)
