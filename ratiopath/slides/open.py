"""The choice of a reader by a file's content, never by its name (docs/decisions/0006-backends.md)."""

import os
from collections.abc import Callable
from typing import BinaryIO, cast

import openslide

from ratiopath.errors import UnsupportedFormatError
from ratiopath.files import (
    HEAD,
    JPEG_MAGIC,
    NUMPY_MAGIC,
    PNG_MAGIC,
    TIFF_MAGIC,
    format_of,
    is_archive_of_arrays,
    read_at,
    read_head,
)
from ratiopath.geometry import Mpp
from ratiopath.remote.copies import Copies
from ratiopath.remote.file import RemoteFile
from ratiopath.remote.listing import list_files
from ratiopath.remote.names import name_of, options_of, without_options
from ratiopath.remote.uri import is_uri
from ratiopath.remote.version import COPY_HINT
from ratiopath.slides.openslide_reader import OpenSlideReader
from ratiopath.slides.pictures.arrays import NpyReader, NpzReader
from ratiopath.slides.pictures.jpeg import JpegReader
from ratiopath.slides.pictures.png import PngReader
from ratiopath.slides.pictures.reader import PictureReader
from ratiopath.slides.reader import SlideReader
from ratiopath.slides.tiff.aperio import AperioReader
from ratiopath.slides.tiff.reader import TiffReader
from ratiopath.slides.tiff.vendor import is_scan, vendor_of_scan

_SUPPORTED = "TIFF, OME-TIFF, PNG, JPEG, NPY and the formats of OpenSlide"
_REMOTE = "TIFF, OME-TIFF, PNG, JPEG, NPY, and of the formats of OpenSlide those in one file, and MRXS"
_ZEISS = b"ZISRAWFILE"
"""First bytes of a CZI, which only OpenSlide reads."""
MIRAX, MIRAX_INDEX = ".mrxs", "Slidedat.ini"
"""Suffix of a slide that may begin like a picture, and the file in its data folder with which OpenSlide begins."""
_NEVER = frozenset({"a GIF", "a BMP", "a PDF", "a JPEG 2000", "a WebP"})
"""Formats that copying does not help."""
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
        path: The file, or its URI on a store, such as s3://bucket/a.tiff, of which only the ranges are read that are
            needed; what only OpenSlide reads is copied to this machine, see `ratiopath.remote.copies`. A `.mrxs` stands
            for its data folder too.
        mpp: Resolution of level 0 in µm/px, replacing that of the file.

    Returns:
        An open reader; use it in a `with` block.

    Raises:
        ParameterError: A URI may hold a credential, or names no file.
        SlideNotFoundError: The file does not exist or is not readable.
        UnsupportedFormatError: The file is in none of these formats; or it is on a store, and there is no room for its
            copy, or it refers to other files.
        TruncatedError: Directories or pixels lie beyond the end of the file, or OpenSlide cannot open it.
        UnsupportedImageError: A stack, samples without a numpy dtype, or a picture that is turned or too large.
        InvalidMppError: The resolution in the file is zero, negative or not finite.
    """
    if is_uri(path):
        return _open_remote(path, mpp)
    head, _ = read_head(path)
    if path.lower().endswith(MIRAX) and openslide.OpenSlide.detect_format(path) == "mirax":
        return OpenSlideReader(path, mpp)
    for is_of, reader in _PICTURES:
        if is_of(head):
            return reader(path, mpp)
    vendor, is_tiff = openslide.OpenSlide.detect_format(path), head.startswith(TIFF_MAGIC)
    if vendor not in (None, "generic-tiff") and (not is_tiff or is_scan(path)):
        return _open_scan(path, mpp, vendor)
    if not is_tiff:
        raise _unsupported(path, head)
    return TiffReader(path, mpp)


def _open_remote(uri: str, mpp: Mpp | None) -> SlideReader:
    if name_of(uri).lower().endswith(MIRAX):
        data = list_files(os.path.splitext(without_options(uri))[0] + options_of(uri))
        if any(name_of(one) == MIRAX_INDEX for one in data):
            return OpenSlideReader(uri, mpp, Copies.of_environment().hold(uri, data))
    file = RemoteFile.open(uri)
    try:
        with file.checked_once():
            reader = _reader_of(cast("BinaryIO", file), uri, mpp)
    except BaseException:
        file.close()
        raise
    if reader is not None:
        return reader
    file.close()
    return OpenSlideReader(uri, mpp, Copies.of_environment().hold(uri))


def _reader_of(file: BinaryIO, uri: str, mpp: Mpp | None) -> SlideReader | None:
    """Choose the reader of an open file; None if only OpenSlide reads it, which opens paths only."""
    head = read_at(file, 0, HEAD)
    for is_of, reader in _PICTURES:
        if is_of(head):
            return reader(uri, mpp, file)
    if head.startswith(_ZEISS):
        return None
    if not head.startswith(TIFF_MAGIC):
        if not head.strip() or format_of(head) in _NEVER:
            raise _unsupported(uri, head)
        problem = f"{uri!r} is {format_of(head)}; read from a store are {_REMOTE}"
        raise UnsupportedFormatError(problem, path=uri, hint=COPY_HINT)
    vendor = vendor_of_scan(file)
    if vendor == "aperio":
        scan = AperioReader(uri, mpp, file)
        if scan.is_native:
            return scan
    return TiffReader(uri, mpp, file) if vendor is None else None


def _unsupported(path: str, head: bytes) -> UnsupportedFormatError:
    problem = f"{path!r} is {format_of(head)}; supported are {_SUPPORTED}"
    hint = "export it as TIFF" if head.strip() else "copy or export it again"
    return UnsupportedFormatError(problem, path=path, hint=hint)


def _open_scan(path: str, mpp: Mpp | None, vendor: str) -> SlideReader:
    if vendor == "aperio":
        reader = AperioReader(path, mpp)
        if reader.is_native:
            return reader
        reader.close()
    return OpenSlideReader(path, mpp)
