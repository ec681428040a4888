"""The pages of a TIFF that make up its levels, and the samples of their pixels (docs/decisions/0002-levels.md)."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from tifffile import PHOTOMETRIC, PLANARCONFIG, TIFF, TiffFile, TiffFrame, TiffPage

from ratiopath.errors import UnsupportedImageError
from ratiopath.geometry import Extent
from ratiopath.slides.tiff.errors import EXPORT_HINT
from ratiopath.slides.tiff.lzw import without_compression

_REDUCED, _TRANSPARENCY_MASK = 1, 4  # bits of NewSubfileType (TIFF 6.0, page 36)
_ASSOCIATED_ALPHA, _UNASSOCIATED_ALPHA = 1, 2  # ExtraSamples (TIFF 6.0, page 31)

_STRIP_ROWS = 128
"""Rows that a band of strips has at least: a chunk of one row costs more to handle than to decode."""

Plane: TypeAlias = TiffPage | TiffFrame


@dataclass(frozen=True)
class TiffLevel:
    """One level: a page with all channels, or a page per channel."""

    page: TiffPage
    """Page with the tags that all planes share."""
    planes: tuple[Plane, ...]
    """One page with all samples or, in an OME-TIFF, one page per channel."""

    @cached_property
    def extent(self) -> Extent:
        """Size in pixels."""
        return Extent(int(self.page.imagewidth), int(self.page.imagelength))

    @cached_property
    def chunk(self) -> Extent:
        """Size of a chunk in pixels: a TIFF tile, or a band of whole strips."""
        if self.page.is_tiled:
            return Extent(int(self.page.tilewidth), int(self.page.tilelength))
        rows = min(int(self.page.rowsperstrip), self.extent.height)
        return Extent(self.extent.width, rows * math.ceil(_STRIP_ROWS / rows))

    @cached_property
    def samples(self) -> int:
        """Samples per pixel, alpha included."""
        return int(self.page.samplesperpixel) * len(self.planes)

    @cached_property
    def without_compression(self) -> TiffPage:
        """The page as an uncompressed one, to decode the bytes that `lzw_bytes` returns."""
        return without_compression(self.page)

    @cached_property
    def _separate(self) -> int:
        """Number of times a page lists its segments: once, or once per sample."""
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
        """Number of strips or tiles that each page must list."""
        return self._per_sample * self._separate

    def segments(self, column: int, row: int) -> Iterator[tuple[Plane, range]]:
        """Iterate over the segments of one chunk: per page and separate sample, its tile or the strips of its band.

        Args:
            column: Index of the chunk from the left.
            row: Index of the chunk from the top.
        """
        first = row * self._per_chunk * self._across + column
        count = min(self._per_chunk, self._per_sample - first)
        for plane in self.planes:
            for sample in range(self._separate):
                start = sample * self._per_sample + first
                yield plane, range(start, start + count)

    @property
    def alpha(self) -> int | None:
        """Index of the alpha sample, None without alpha."""
        return _alpha_of(self.page)


def tiff_levels(tiff: TiffFile, path: str) -> tuple[TiffLevel, ...]:
    """Find the levels of the first image of a TIFF, finest first.

    An OME-TIFF names its image; otherwise it is the first page. Further levels are its sub-IFDs, and following pages,
    in any order, that are marked as a reduced image or that are the first page scaled by one factor. Of several pages
    of one size the first counts.

    Raises:
        UnsupportedImageError: No page, a stack (z, time, volumetric tiles), or samples without a numpy dtype.
    """
    if len(tiff.pages) == 0:
        raise UnsupportedImageError(f"{path!r} has no pages", path=path, hint=EXPORT_HINT)
    base = tiff.pages.first
    levels = list(_ome_levels(tiff, path)) if tiff.is_ome else [_of_page(base), *map(_of_page, base.pages or ())]
    if len(levels) == len(levels[0].planes) == 1:
        levels += _levels_below(tiff, levels[0].page, must_be_marked=tiff.is_ome)
    if not tiff.is_ome:
        _refuse_stack(tiff, path)
    return _finest_first(levels, path)


def tiled_levels(tiff: TiffFile, path: str) -> tuple[TiffLevel, ...]:
    """Find the tiled pages of a TIFF, finest first: Aperio's levels, between a striped thumbnail and label.

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
        axes = ", ".join(f"{axis}={size}" for axis, size in others.items())
        problem = f"{path!r} is a stack of planes (OME-TIFF with {axes})"
        raise UnsupportedImageError(problem, path=path, hint="export one plane of the stack")
    for level in series.levels:
        missing = sum(page is None for page in level.pages)
        if missing:
            problem = f"{path!r} lacks {missing} of its planes"
            hint = "copy it again with its companion files, then export it as one file"
            raise UnsupportedImageError(problem, path=path, hint=hint)
        elsewhere = sum(page.parent is not tiff for page in level.pages)
        if elsewhere:
            problem = f"{path!r} has {elsewhere} of its planes in companion files"
            raise UnsupportedImageError(problem, path=path, hint="export it as one file")
        planes = tuple(level.pages)
        yield TiffLevel(planes[0].keyframe, planes)


def _levels_below(tiff: TiffFile, base: TiffPage, *, must_be_marked: bool) -> Iterator[TiffLevel]:
    """Iterate over later pages that are levels of the first; in an OME-TIFF unmarked pages are other images."""
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
    """Raise if unmarked pages are as large as the first: they are further planes of a stack."""
    base = tiff.pages.first
    pages = [tiff.pages.get(index, aspage=True) for index in range(1, len(tiff.pages))]
    planes = sum(page.subfiletype == base.subfiletype == 0 and page.shape == base.shape for page in pages)
    if planes:
        problem = f"{path!r} is a stack of {planes + 1} pages of {base.imagewidth} x {base.imagelength} px"
        hint = "write classes as values or samples of one page, or as channels of an OME-TIFF"
        raise UnsupportedImageError(problem, path=path, hint=hint)


def _is_level_below(base: TiffPage, page: TiffPage) -> bool:
    width, height = page.imagewidth, page.imagelength
    if page.subfiletype & _TRANSPARENCY_MASK:
        return False
    if page.subfiletype == _REDUCED and page.is_tiled == base.is_tiled:
        return True  # at any scale and crop of each axis; labels and macro images are striped, or marked otherwise
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
    """Raise for a page that cannot be read, with the first reason found."""
    alpha = _alpha_of(page)
    if page.dtype is None:
        problem = f"{path!r} has {page.bitspersample}-bit samples of format {page.sampleformat}"
        hint = "export it as bool, integer or float"
    elif page.dtype.kind not in "biuf":
        problem, hint = f"{path!r} has samples of type {page.dtype}", "export it as bool, integer or float"
    elif page.compression not in TIFF.DECOMPRESSORS:
        problem = f"{path!r} has an unknown compression ({page.compression})"
        hint = "export it with Deflate, zstd, LZW or JPEG"
    elif page.planarconfig not in {PLANARCONFIG.CONTIG, PLANARCONFIG.SEPARATE}:
        problem, hint = f"{path!r} has an unknown planar configuration ({page.planarconfig})", EXPORT_HINT
    elif page.samplesperpixel < 1 or (alpha is not None and alpha < 1):
        problem = f"{path!r} has no samples besides alpha ({page.samplesperpixel} in all)"
        hint = EXPORT_HINT
    elif page.imagedepth > 1:
        problem, hint = f"{path!r} is a volume of depth {page.imagedepth}", "export one plane"
    elif page.imagewidth < 1 or page.imagelength < 1:
        problem, hint = f"{path!r} has no pixels ({page.imagewidth} x {page.imagelength} px)", EXPORT_HINT
    else:
        return
    raise UnsupportedImageError(problem, path=path, hint=hint)


def stored_dtype(page: TiffPage) -> np.dtype[np.generic]:
    """Return the dtype of a sample in native byte order: bool for one bit, whatever the photometric interpretation."""
    dtype: np.dtype[np.generic] = np.dtype(page.dtype).newbyteorder("=")
    return dtype


def stored_palette(page: TiffPage) -> npt.NDArray[np.uint8] | None:
    """Return the colours of a palette image, shape (indices, 3): the upper bytes of its 16-bit colour map."""
    if page.photometric != PHOTOMETRIC.PALETTE or page.colormap is None:
        return None
    return (np.asarray(page.colormap).T >> 8).astype(np.uint8)
