"""Which pages of a TIFF make up its levels, and what one of their pixels holds."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from tifffile import PHOTOMETRIC, PLANARCONFIG, TIFF, TiffFile, TiffFrame, TiffPage

from ratiopath.errors import NotAnImageError, UnsupportedImageError
from ratiopath.geometry import Extent
from ratiopath.slides.tiff.lzw import without_compression

_REDUCED, _TRANSPARENCY_MASK = 1, 4  # bits of NewSubfileType (TIFF 6.0, page 36)
_ASSOCIATED_ALPHA, _UNASSOCIATED_ALPHA = 1, 2  # ExtraSamples (TIFF 6.0, page 31)

_STRIP_ROWS = 128
"""Strips are read in bands of at least this many rows: a chunk of one row costs more to handle than to decode."""

Plane: TypeAlias = TiffPage | TiffFrame


@dataclass(frozen=True)
class TiffLevel:
    """One level: the same rectangle of pixels in one page, or a page per channel."""

    page: TiffPage
    """Carries the tags that all planes share."""
    planes: tuple[Plane, ...]
    """One page with all samples, or, in an OME-TIFF, one page per channel."""

    @cached_property
    def extent(self) -> Extent:
        """Size in pixels."""
        return Extent(int(self.page.imagewidth), int(self.page.imagelength))

    @cached_property
    def chunk(self) -> Extent:
        """Size of the pieces it is read in: a TIFF tile, or a band of whole strips."""
        if self.page.is_tiled:
            return Extent(int(self.page.tilewidth), int(self.page.tilelength))
        rows = min(int(self.page.rowsperstrip), self.extent.height)
        return Extent(self.extent.width, rows * math.ceil(_STRIP_ROWS / rows))

    @cached_property
    def samples(self) -> int:
        """Values per pixel, alpha included."""
        return int(self.page.samplesperpixel) * len(self.planes)

    @cached_property
    def without_compression(self) -> TiffPage:
        """The page as if it were not compressed: what decodes the bytes that `lzw_bytes` gives."""
        return without_compression(self.page)

    @cached_property
    def _separate(self) -> int:
        """How often a page lists its segments: once, or once per sample."""
        return int(self.page.samplesperpixel) if self.page.planarconfig == PLANARCONFIG.SEPARATE else 1

    @cached_property
    def _across(self) -> int:
        return math.ceil(self.extent.width / self.chunk.width)

    @cached_property
    def _per_sample(self) -> int:
        rows = int(self.page.tilelength if self.page.is_tiled else self.page.rowsperstrip)
        return self._across * math.ceil(self.extent.height / rows)

    @cached_property
    def _per_chunk(self) -> int:
        return 1 if self.page.is_tiled else math.ceil(self.chunk.height / self.page.rowsperstrip)

    @property
    def segments_per_plane(self) -> int:
        """Strips or tiles that each page must list."""
        return self._per_sample * self._separate

    def segments(self, column: int, row: int) -> Iterator[tuple[Plane, range]]:
        """What to decode for one chunk: per page and separate sample, its tile or the strips of its band.

        Args:
            column: Chunks from the left.
            row: Chunks from the top.
        """
        first = row * self._per_chunk * self._across + column
        count = min(self._per_chunk, self._per_sample - first)
        for plane in self.planes:
            for sample in range(self._separate):
                start = sample * self._per_sample + first
                yield plane, range(start, start + count)

    @property
    def alpha(self) -> int | None:
        """Index of the alpha sample, if there is one."""
        return _alpha_of(self.page)


def tiff_levels(tiff: TiffFile, path: str) -> tuple[TiffLevel, ...]:
    """The levels of the first image of a TIFF, finest first.

    An OME-TIFF names its image; otherwise it is the first page. Further levels are its sub-IFDs, and following pages,
    in any order, that are marked as a reduced image or that are the first page scaled by one factor. Of pages of one
    size the first counts.

    Raises:
        NotAnImageError: No page at all.
        UnsupportedImageError: A stack (z, time, volumetric tiles), or a sample format without numpy dtype.
    """
    if len(tiff.pages) == 0:
        raise NotAnImageError("a TIFF has at least one page", path=path, found="none", remedy="export the image again")
    base = tiff.pages.first
    levels = list(_ome_levels(tiff, path)) if tiff.is_ome else [_of_page(base), *map(_of_page, base.pages or ())]
    if len(levels) == len(levels[0].planes) == 1:
        levels += _levels_below(tiff, levels[0].page, must_be_marked=tiff.is_ome)
    if not tiff.is_ome:
        _refuse_stack(tiff, path)
    return _finest_first(levels, path)


def tiled_levels(tiff: TiffFile, path: str) -> tuple[TiffLevel, ...]:
    """The tiled pages of a TIFF as levels, finest first: what Aperio writes between striped thumbnail and label.

    Raises:
        UnsupportedImageError: See `tiff_levels`.
    """
    return _finest_first([_of_page(page) for page in tiff.pages if page.is_tiled], path)


def _of_page(page: TiffPage) -> TiffLevel:
    return TiffLevel(page, (page,))


def _finest_first(levels: list[TiffLevel], path: str) -> tuple[TiffLevel, ...]:
    base = levels[0]
    _check(base.page, path)
    below = [level for level in levels[1:] if _holds_the_same(base, level)]
    for level in below:
        _check(level.page, path)
    return (base, *sorted(below, key=lambda level: level.extent.width * level.extent.height, reverse=True))


def _holds_the_same(base: TiffLevel, level: TiffLevel) -> bool:
    fits = level.extent.width <= base.extent.width and level.extent.height <= base.extent.height
    return fits and (level.page.dtype, level.samples) == (base.page.dtype, base.samples)


def _ome_levels(tiff: TiffFile, path: str) -> Iterator[TiffLevel]:
    series = tiff.series[0]
    sizes = dict(zip(series.axes, series.shape, strict=True))
    others = {axis: size for axis, size in sizes.items() if axis not in "YXSC" and size > 1}
    if others:
        found = "an OME-TIFF with " + ", ".join(f"{axis}={size}" for axis, size in others.items())
        remedy = "export one plane of the stack"
        raise UnsupportedImageError("an overlay is one plane", path=path, found=found, remedy=remedy)
    for level in series.levels:
        missing = sum(page is None for page in level.pages)
        if missing:
            found, remedy = f"{missing} planes missing", "copy the file again, with its companion files"
            raise UnsupportedImageError("every channel has a page", path=path, found=found, remedy=remedy)
        elsewhere = sum(page.parent is not tiff for page in level.pages)
        if elsewhere:
            found, remedy = f"{elsewhere} planes in companion files", "export it as one file"
            raise UnsupportedImageError("an image is one file", path=path, found=found, remedy=remedy)
        planes = tuple(level.pages)
        yield TiffLevel(planes[0].keyframe, planes)


def _levels_below(tiff: TiffFile, base: TiffPage, *, must_be_marked: bool) -> Iterator[TiffLevel]:
    """Pages after the first that are levels of it: an OME-TIFF's other pages are other images unless marked."""
    known = {_kind_of(base)}
    for index in range(1, len(tiff.pages)):
        page = tiff.pages.get(index, aspage=True)
        is_marked = page.subfiletype & _REDUCED
        if (is_marked or not must_be_marked) and _kind_of(page) not in known and _is_level_below(base, page):
            yield _of_page(page)
            known.add(_kind_of(page))


def _kind_of(page: TiffPage) -> tuple[object, ...]:
    return page.imagewidth, page.imagelength, page.dtype, page.samplesperpixel


def _refuse_stack(tiff: TiffFile, path: str) -> None:
    """Pages as large as the first and not marked as something else are further planes; one alone would be a part."""
    base = tiff.pages.first
    pages = [tiff.pages.get(index, aspage=True) for index in range(1, len(tiff.pages))]
    planes = sum(page.subfiletype == base.subfiletype == 0 and page.shape == base.shape for page in pages)
    if planes:
        found, remedy = (
            f"{planes + 1} pages of {base.imagewidth} x {base.imagelength} px",
            ("write classes as values or samples of one page, or as channels of an OME-TIFF"),
        )
        raise UnsupportedImageError("a TIFF is one plane", path=path, found=found, remedy=remedy)


def _is_level_below(base: TiffPage, page: TiffPage) -> bool:
    width, height = page.imagewidth, page.imagelength
    if page.subfiletype & _TRANSPARENCY_MASK:
        return False
    if page.subfiletype == _REDUCED and page.is_tiled == base.is_tiled:
        return True  # however each axis was scaled or cropped; labels and macro images are striped, or marked otherwise
    # The heights that the factor of the width allows, when each side was rounded down or up.
    shortest = base.imagelength * (width - 1) / base.imagewidth - 1
    tallest = base.imagelength * (width + 1) / base.imagewidth + 1
    return bool(shortest < height < tallest)


def _alpha_of(page: TiffPage) -> int | None:
    extra = [int(kind) for kind in page.extrasamples]
    first = int(page.samplesperpixel) - len(extra)
    alphas = [first + i for i, kind in enumerate(extra) if kind in (_ASSOCIATED_ALPHA, _UNASSOCIATED_ALPHA)]
    return alphas[0] if alphas else None


def _check(page: TiffPage, path: str) -> None:
    if page.dtype is None:
        found = f"{page.bitspersample}-bit samples of format {page.sampleformat}"
        remedy = "export it as bool, integer or float"
        raise UnsupportedImageError("samples have a numpy dtype", path=path, found=found, remedy=remedy)
    if page.dtype.kind not in "biuf":
        found, remedy = f"samples of type {page.dtype}", "export it as bool, integer or float"
        raise UnsupportedImageError("samples are real numbers", path=path, found=found, remedy=remedy)
    if page.compression not in TIFF.DECOMPRESSORS:
        found, remedy = f"a Compression of {page.compression}", "export it with Deflate, zstd, LZW or JPEG"
        raise UnsupportedImageError("a codec is known", path=path, found=found, remedy=remedy)
    if page.planarconfig not in {PLANARCONFIG.CONTIG, PLANARCONFIG.SEPARATE}:
        found, remedy = f"a PlanarConfiguration of {page.planarconfig}", "copy or export the file again"
        raise UnsupportedImageError("samples are interleaved or in planes", path=path, found=found, remedy=remedy)
    alpha = _alpha_of(page)
    if page.samplesperpixel < 1 or (alpha is not None and alpha < 1):
        found, remedy = f"{page.samplesperpixel} sample(s), alpha at {alpha}", "copy or export the file again"
        raise UnsupportedImageError("a pixel has a sample before alpha", path=path, found=found, remedy=remedy)
    if page.imagedepth > 1:
        found, remedy = f"a depth of {page.imagedepth}", "export one plane"
        raise UnsupportedImageError("an image is flat", path=path, found=found, remedy=remedy)
    if page.imagewidth < 1 or page.imagelength < 1:
        found, remedy = f"{page.imagewidth} x {page.imagelength} px", "export it again"
        raise NotAnImageError("an image has at least one pixel", path=path, found=found, remedy=remedy)


def stored_dtype(page: TiffPage) -> np.dtype[np.generic]:
    """The dtype of a sample in native byte order: bool for one bit, whatever the photometric interpretation."""
    dtype: np.dtype[np.generic] = np.dtype(page.dtype).newbyteorder("=")
    return dtype


def stored_palette(page: TiffPage) -> npt.NDArray[np.uint8] | None:
    """Colours of the class indices of a palette image, shape (indices, 3): the upper byte of its 16-bit colour map."""
    if page.photometric != PHOTOMETRIC.PALETTE or page.colormap is None:
        return None
    return (np.asarray(page.colormap).T >> 8).astype(np.uint8)
