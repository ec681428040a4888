"""The only place that picks a backend: by what the file holds, never by its name."""

import os

import openslide

from ratiopath.errors import NotAnImageError, SlideNotFoundError
from ratiopath.geometry import Mpp
from ratiopath.slides.openslide_reader import OpenSlideReader
from ratiopath.slides.reader import SlideReader
from ratiopath.slides.tiff.aperio import AperioReader
from ratiopath.slides.tiff.reader import TiffReader

_TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""First bytes of a classic TIFF and a BigTIFF, in either byte order."""


def open_slide(path: str, mpp: Mpp | None = None) -> SlideReader:
    """Open a slide or an overlay.

    Vendor formats go through OpenSlide; JPEG-compressed Aperio and all other TIFFs (OME-TIFF, generic pyramids, plain
    TIFF) are read natively.

    Args:
        path: The file. A `.mrxs` names its data folder too.
        mpp: Resolution of level 0 in µm/px, instead of what the file says.

    Returns:
        An open reader; use it in a `with` block.

    Raises:
        SlideNotFoundError: There is no such file, or it may not be read.
        NotAnImageError: It is neither a TIFF nor a format of OpenSlide.
        TruncatedError: Directories or pixels lie beyond its end, or OpenSlide cannot open it.
        UnsupportedImageError: A stack, or samples that numpy has no dtype for.
        InvalidMppError: Its resolution is zero, negative or not finite.
    """
    try:
        with open(path, "rb") as file:
            magic = file.read(4)
    except OSError as error:
        found = error.strerror or type(error).__name__
        remedy = "check the path and its permissions"
        raise SlideNotFoundError("the file exists and is readable", path=path, found=found, remedy=remedy) from error
    vendor = openslide.OpenSlide.detect_format(path)
    if vendor == "aperio":
        reader = AperioReader(path, mpp)
        if reader.is_native:
            return reader
        reader.close()
    if vendor not in (None, "generic-tiff"):
        return OpenSlideReader(path, mpp)
    if magic not in _TIFF_MAGIC:
        found = f"{os.path.getsize(path)} bytes that begin with {magic!r}"
        remedy = "pass a TIFF, an OME-TIFF or a slide format of OpenSlide"
        raise NotAnImageError("the file is an image", path=path, found=found, remedy=remedy)
    return TiffReader(path, mpp)
