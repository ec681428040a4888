"""The choice of a reader by a file's content, never by its name (docs/decisions/0006-backends.md)."""

from collections.abc import Callable

import openslide

from ratiopath.errors import UnsupportedFormatError
from ratiopath.files import (
    JPEG_MAGIC,
    NUMPY_MAGIC,
    PNG_MAGIC,
    TIFF_MAGIC,
    format_of,
    is_archive_of_arrays,
    read_head,
)
from ratiopath.geometry import Mpp
from ratiopath.slides.openslide_reader import OpenSlideReader
from ratiopath.slides.pictures.arrays import NpyReader, NpzReader
from ratiopath.slides.pictures.jpeg import JpegReader
from ratiopath.slides.pictures.png import PngReader
from ratiopath.slides.pictures.reader import PictureReader
from ratiopath.slides.reader import SlideReader
from ratiopath.slides.tiff.aperio import AperioReader
from ratiopath.slides.tiff.reader import TiffReader
from ratiopath.slides.tiff.vendor import is_scan

_SUPPORTED = "TIFF, OME-TIFF, PNG, JPEG, NPY and the formats of OpenSlide"
_PICTURES: tuple[tuple[Callable[[bytes], bool], type[PictureReader]], ...] = (
    (lambda head: head.startswith(PNG_MAGIC), PngReader),
    (lambda head: head.startswith(JPEG_MAGIC), JpegReader),
    (lambda head: head.startswith(NUMPY_MAGIC), NpyReader),
    (is_archive_of_arrays, NpzReader),
)
"""Predicates of the first bytes of a file, and the readers of what they recognise."""


def open_slide(path: str, mpp: Mpp | None = None) -> SlideReader:
    """Open a slide or a raster overlay.

    Vendor formats are read by OpenSlide; JPEG-compressed Aperio and all other TIFFs (OME-TIFF, generic pyramids, plain
    TIFF) natively, whatever their description says. PNG, JPEG, NPY, and NPZ with one array, are images of one level
    without a resolution of their own.

    Args:
        path: The file. A `.mrxs` stands for its data folder too.
        mpp: Resolution of level 0 in µm/px, replacing that of the file.

    Returns:
        An open reader; use it in a `with` block.

    Raises:
        SlideNotFoundError: The file does not exist or is not readable.
        UnsupportedFormatError: The file is in none of these formats.
        TruncatedError: Directories or pixels lie beyond the end of the file, or OpenSlide cannot open it.
        UnsupportedImageError: A stack, samples without a numpy dtype, or a picture that is turned or too large.
        InvalidMppError: The resolution in the file is zero, negative or not finite.
    """
    head, _ = read_head(path)
    for is_of, reader in _PICTURES:
        if is_of(head):
            return reader(path, mpp)
    vendor, is_tiff = openslide.OpenSlide.detect_format(path), head.startswith(TIFF_MAGIC)
    if vendor not in (None, "generic-tiff") and (not is_tiff or is_scan(path)):
        return _open_scan(path, mpp, vendor)
    if not is_tiff:
        problem = f"{path!r} is {format_of(head)}; supported are {_SUPPORTED}"
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
