"""A level of a TIFF: its segments, the samples of their pixels, and what makes a page unreadable."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from tifffile import COMPRESSION, PHOTOMETRIC, PLANARCONFIG, PREDICTOR, TiffPage

from ratiopath.errors import UnsupportedImageError
from ratiopath.geometry import Extent, Int64s
from ratiopath.slides.tiff import jpeg
from ratiopath.slides.tiff.decode import CODECS, WITH_PREDICTOR
from ratiopath.slides.tiff.errors import EXPORT_HINT
from ratiopath.slides.tiff.nodata import fill_value
from ratiopath.slides.tiff.stream_size import WEBP

_ASSOCIATED_ALPHA, _UNASSOCIATED_ALPHA = 1, 2  # ExtraSamples (TIFF 6.0, page 31)

_STRIP_ROWS = 128
"""Rows that a band of strips has at least: a chunk of one row costs more to handle than to decode."""
_AS_STORED = frozenset({
    PHOTOMETRIC.MINISWHITE, PHOTOMETRIC.MINISBLACK, PHOTOMETRIC.RGB, PHOTOMETRIC.PALETTE, PHOTOMETRIC.MASK,
    PHOTOMETRIC.SEPARATED, PHOTOMETRIC.CFA, PHOTOMETRIC.LINEAR_RAW, PHOTOMETRIC.DEPTH_MAP,
})  # fmt: skip
"""Photometric interpretations whose stored numbers are the pixels."""
_WHOLE_BYTES = (8, 16, 32, 64)  # bits
_RGB = 3


_FAX = (COMPRESSION.CCITTRLE, COMPRESSION.CCITTFAX3, COMPRESSION.CCITTFAX4)
_BITS = dict.fromkeys(jpeg.CODECS, 8) | dict.fromkeys(_FAX, 1)
"""Bits of a sample that a codec can hold."""
ORIENTATION = 274
"""Code of the tag Orientation; by its name, tifffile finds a tag ten times as slowly."""
_TURNED = range(2, 9)
"""Values of Orientation that are turned or mirrored (TIFF 6.0, page 36)."""


@dataclass(frozen=True)
class TiffLevel:
    """One level: a page with all channels, or a page per channel."""

    page: TiffPage
    """Page with the tags that all planes share."""
    planes: tuple[TiffPage, ...]
    """One page with all samples or, in an OME-TIFF, one page per channel."""
    mask: "TiffLevel | None" = None
    """Transparency mask of the same size: pixels where it is 0 do not exist."""

    @classmethod
    def of(cls, *planes: TiffPage) -> "TiffLevel":
        """Build a level from the pages of its channels."""
        return cls(planes[0], planes)

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
    def dtype(self) -> np.dtype[np.generic]:
        """Type of a sample in native byte order: bool for one bit, whatever the photometric interpretation."""
        dtype: np.dtype[np.generic] = np.dtype(self.page.dtype).newbyteorder("=")
        return dtype

    @cached_property
    def fill(self) -> np.generic:
        """Value of the samples of a sparse segment."""
        return fill_value(self.page.tags.valueof(42113), self.dtype)

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

    def segments(self, column: int, row: int) -> Iterator[tuple[TiffPage, range]]:
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

    def ranges(self, columns: Int64s, rows: Int64s) -> tuple[Int64s, Int64s]:
        """Return the places in the file of the segments of chunks, in the order of `segments`.

        Args:
            columns: Index of each chunk from the left.
            rows: Index of each chunk from the top.

        Returns:
            First bytes and ends, each of shape (chunks, segments of a chunk); a segment that does not exist is empty.
        """
        first = (rows * self._per_chunk * self._across + columns)[:, None]
        within = first + np.arange(self._per_chunk)
        starts, ends = [], []
        for plane in self.planes:
            offsets, sizes = (np.asarray(places, np.int64) for places in (plane.dataoffsets, plane.databytecounts))
            for sample in range(self._separate):
                chosen = sample * self._per_sample + np.minimum(within, self._per_sample - 1)
                starts.append(offsets[chosen])
                ends.append(offsets[chosen] + np.where(within < self._per_sample, sizes[chosen], 0))
        return np.concatenate(starts, axis=1), np.concatenate(ends, axis=1)

    @property
    def alpha(self) -> int | None:
        """Index of the alpha sample, None without alpha."""
        return alpha_of(self.page)


def alpha_of(page: TiffPage) -> int | None:
    """Return the index of the alpha sample of a page, None without alpha."""
    extra = [int(kind) for kind in page.extrasamples]
    first = int(page.samplesperpixel) - len(extra)
    alphas = [first + i for i, kind in enumerate(extra) if kind in (_ASSOCIATED_ALPHA, _UNASSOCIATED_ALPHA)]
    return alphas[0] if alphas else None


def check_page(page: TiffPage, path: str) -> None:
    """Raise for a page that cannot be read, with the first reason found.

    Raises:
        UnsupportedImageError: Its samples, compression, colours or orientation are not supported.
    """
    checks = (_unsupported_samples, _unsupported_codec, _unsupported_storage, _unsupported_predictor)
    found = next(filter(None, (check(page) for check in checks)), None)
    if found is not None:
        problem, hint = found
        raise UnsupportedImageError(f"{path!r} {problem}", path=path, hint=hint)


def _unsupported_samples(page: TiffPage) -> tuple[str, str] | None:
    alpha = alpha_of(page)
    if page.dtype is None or isinstance(page.bitspersample, tuple) or isinstance(page.sampleformat, tuple):
        found = f"has {page.bitspersample}-bit samples of format {page.sampleformat}"
        return found, "export it as bool, integer or float"
    if page.dtype.kind not in "biuf":
        return f"has samples of type {page.dtype}", "export it as bool, integer or float"
    if page.samplesperpixel < 1 or (alpha is not None and alpha < 1):
        return f"has no samples besides alpha ({page.samplesperpixel} in all)", EXPORT_HINT
    if page.imagedepth > 1:
        return f"is a volume of depth {page.imagedepth}", "export one plane"
    if page.imagewidth < 1 or page.imagelength < 1:
        return f"has no pixels ({page.imagewidth} x {page.imagelength} px)", EXPORT_HINT
    return None


def _unsupported_codec(page: TiffPage) -> tuple[str, str] | None:
    if page.compression not in CODECS:
        found = f"has an unsupported compression ({_name_of(page.compression)})"
        return found, "export it with Deflate, zstd, LZW or JPEG"
    if page.compression in WEBP and not _is_of_webp(page):
        kind = "separate" if page.planarconfig == PLANARCONFIG.SEPARATE else "interleaved"
        found = f"is WebP of {page.samplesperpixel} {kind} {page.dtype.name} sample(s)"
        return found, "export it with Deflate or zstd; WebP holds 3 or 4 interleaved samples of 8 bits"
    if page.bitspersample != _BITS.get(page.compression, page.bitspersample):
        codec = "a JPEG" if page.compression in jpeg.CODECS else "CCITT"
        return f"is {codec} of {page.bitspersample} bits", "export it with Deflate or zstd"
    return None


def _unsupported_storage(page: TiffPage) -> tuple[str, str] | None:
    orientation = page.tags.valueof(ORIENTATION, default=1)
    if page.planarconfig not in {PLANARCONFIG.CONTIG, PLANARCONFIG.SEPARATE}:
        return f"has an unknown planar configuration ({page.planarconfig})", EXPORT_HINT
    if not page.is_tiled and page.rowsperstrip < 1:
        return f"has strips of {page.rowsperstrip} rows (RowsPerStrip)", EXPORT_HINT
    if page.photometric not in _AS_STORED and not _is_ycbcr_of_jpeg(page):
        colours = f"{_name_of(page.photometric)}, compression {_name_of(page.compression)}"
        return f"has unsupported colours ({colours})", "export it as RGB"
    if orientation != 1:
        how = "is stored turned or flipped" if orientation in _TURNED else "has an invalid orientation"
        return f"{how} (Orientation {orientation})", "export it upright"
    return None


def _unsupported_predictor(page: TiffPage) -> tuple[str, str] | None:
    """Name a predictor that libtiff refuses too, beside a codec that has predictors."""
    is_horizontal = page.predictor == PREDICTOR.HORIZONTAL and page.bitspersample in _WHOLE_BYTES
    is_floating = page.predictor == PREDICTOR.FLOATINGPOINT and page.dtype.kind == "f"
    if page.predictor == PREDICTOR.NONE or page.compression not in WITH_PREDICTOR or is_horizontal or is_floating:
        return None
    found = f"has an unsupported predictor ({_name_of(page.predictor)}, {page.bitspersample}-bit {page.dtype.name})"
    return found, "export it without predictor"


def _is_ycbcr_of_jpeg(page: TiffPage) -> bool:
    """Return True for colours that a JPEG decoder turns into RGB."""
    is_jpeg = page.compression in jpeg.CODECS and page.planarconfig == PLANARCONFIG.CONTIG
    return bool(page.photometric == PHOTOMETRIC.YCBCR and is_jpeg and page.samplesperpixel == _RGB)


def _is_of_webp(page: TiffPage) -> bool:
    """Return True for samples that WebP can hold: GDAL leaves a file of others without pixels, as if it were sparse."""
    is_together = page.planarconfig == PLANARCONFIG.CONTIG and page.samplesperpixel in (_RGB, _RGB + 1)
    return bool(is_together and page.dtype == np.uint8)


def _name_of(value: object) -> str:
    """Name a value of an enumeration, and give one that is not in it."""
    name = getattr(value, "name", str(value))
    return {"YCBCR": "YCbCr", "JPEGXR": "JPEG XR", "JPEGXR_NDPI": "JPEG XR"}.get(name, name)


def stored_palette(page: TiffPage) -> npt.NDArray[np.uint8] | None:
    """Return the colours of a palette image, shape (indices, 3): the upper bytes of its 16-bit colour map."""
    if page.photometric != PHOTOMETRIC.PALETTE or page.colormap is None:
        return None
    return (np.asarray(page.colormap).T >> 8).astype(np.uint8)
