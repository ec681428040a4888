"""A reader of vendor formats (Aperio, Hamamatsu, MIRAX, Leica, Philips, Ventana, ...) by OpenSlide."""

from collections.abc import Mapping
from contextlib import ExitStack

import numpy as np
import openslide

from ratiopath.errors import InvalidMppError, ParameterError, TruncatedError
from ratiopath.geometry import Extent, Int64s, Mpp, round_half_up
from ratiopath.pyramid import Pyramid
from ratiopath.remote.copies import HeldCopy
from ratiopath.slides.reader import MPP_HINT, Chunk, SlideReader

_LOOK_BACK = 2048
"""Pixels among which an exactly addressable one is searched."""
_UNBLENDED = 1 / 1024
"""Offset in pixels up to which OpenSlide does not blend: cairo, which it draws with, places to 1/256."""
_CHUNK = 1024
"""Side of a chunk in pixels. OpenSlide hides the file's tiles; its cache (32 MiB) bridges those cut by a border."""


class OpenSlideReader(SlideReader):
    """A slide open in OpenSlide, a `SlideReader`: RGB uint8; pixels with alpha 0 were not scanned."""

    dtype: np.dtype[np.generic] = np.dtype(np.uint8)
    channels = 3
    palette = None

    def __init__(self, path: str, mpp: Mpp | None = None, copy: HeldCopy | None = None) -> None:
        """Open a slide.

        Args:
            path: The file, or its URI.
            mpp: Resolution of level 0 in µm/px, replacing that of the file.
            copy: Copy of a file on a store, which is closed with the slide.

        Raises:
            SlideError: See `open_slide`.
        """
        self.path = path
        self._resources = ExitStack()  # closes once, whereas OpenSlide refuses a second close
        if copy is not None:
            self._resources.callback(copy.close)
        try:
            self._slide = self._resources.enter_context(openslide.OpenSlide(path if copy is None else copy.path))
            extents = [Extent(width, height) for width, height in self._slide.level_dimensions]
            self.pyramid = Pyramid.of(extents, mpp or self._mpp())
        except openslide.OpenSlideError as error:
            self._resources.close()
            raise _truncated(path, error) from error
        except BaseException:
            self._resources.close()
            raise

    @property
    def properties(self) -> Mapping[str, str]:
        """Properties of OpenSlide, by name."""
        found: Mapping[str, str] = self._slide.properties
        return found

    def _mpp(self) -> Mpp | None:
        names = (openslide.PROPERTY_NAME_MPP_X, openslide.PROPERTY_NAME_MPP_Y)
        found = [self._slide.properties.get(name) for name in names]
        if None in found:
            return None
        try:
            return Mpp(*(float(value) for value in found))
        except (ParameterError, ValueError) as error:
            problem = f"{self.path!r} has an invalid resolution (openslide.mpp {found[0]} x {found[1]} µm/px)"
            raise InvalidMppError(problem, path=self.path, hint=MPP_HINT) from error

    def chunk_extent(self, level: int) -> Extent:
        """Return the size of a square, never larger than the level."""
        extent = self.pyramid.levels[level].extent
        return Extent(min(_CHUNK, extent.width), min(_CHUNK, extent.height))

    def expect(self, level: int, columns: Int64s, rows: Int64s) -> None:
        """Do nothing: OpenSlide reads no store."""

    def read_chunk(self, level: int, column: int, row: int) -> Chunk:
        """Decode one square of a level.

        Raises:
            TruncatedError: OpenSlide cannot read it.
        """
        extent = self.pyramid.levels[level].extent
        chunk = self.chunk_extent(level)
        x, y = column * chunk.width, row * chunk.height
        width, height = min(chunk.width, extent.width - x), min(chunk.height, extent.height - y)
        downsample = self._slide.level_downsamples[level]
        (left, x_base), (top, y_base) = _addressable(x, downsample), _addressable(y, downsample)
        try:
            region = self._slide.read_region((x_base, y_base), level, (x - left + width, y - top + height))
        except openslide.OpenSlideError as error:
            raise _truncated(self.path, error) from error
        rgba = np.asarray(region)[y - top :, x - left :]
        scanned = rgba[..., 3] != 0
        return Chunk(rgba[..., :3], None if scanned.all() else scanned)

    def close(self) -> None:
        """Release the file."""
        self._resources.close()


def _addressable(start: int, downsample: float) -> tuple[int, int]:
    """Find the last pixel up to `start` that OpenSlide addresses exactly; return it in this level and in level 0.

    OpenSlide takes corners in whole level-0 pixels. If the downsample is not a whole number, most pixels have none and
    neighbours would be blended; a little further back one nearly has, and reading begins there.
    """
    candidates = np.arange(start, max(-1, start - _LOOK_BACK), -1)
    bases = round_half_up(candidates * downsample)
    off = np.abs(bases / downsample - candidates)
    exact = np.flatnonzero(off < _UNBLENDED)
    chosen = int(exact[0]) if len(exact) else int(off.argmin())
    return int(candidates[chosen]), int(bases[chosen])


def _truncated(path: str, error: Exception) -> TruncatedError:
    return TruncatedError(f"OpenSlide cannot read {path!r} ({error})", path=path, hint="copy or export it again")
