"""Vendor formats (Aperio, Hamamatsu, MIRAX, Leica, Philips, Ventana, ...), read through OpenSlide."""

from typing import Self

import numpy as np
import openslide

from ratiopath.errors import InvalidMppError, ParameterError, TruncatedError
from ratiopath.geometry import Extent, Mpp, round_half_up
from ratiopath.pyramid import Pyramid
from ratiopath.slides.reader import Chunk

_LOOK_BACK = 2048
"""Pixels among which an addressable one is looked for."""
_UNBLENDED = 1 / 1024
"""Pixels by which a corner may be off: cairo, which OpenSlide draws with, places to 1/256."""
_CHUNK = 1024
"""OpenSlide hides the tiles of the file; its own cache (32 MiB) bridges those that a chunk's border cuts."""


class OpenSlideReader:
    """A slide open in OpenSlide, a `SlideReader`: RGB uint8, nothing scanned where alpha is 0."""

    dtype: np.dtype[np.generic] = np.dtype(np.uint8)
    channels = 3
    palette = None

    def __init__(self, path: str, mpp: Mpp | None = None) -> None:
        """Open a slide.

        Args:
            path: The file.
            mpp: Resolution of level 0, instead of what the file says.

        Raises:
            SlideError: See `open_slide`.
        """
        self.path = path
        try:
            self._slide = openslide.OpenSlide(path)
        except openslide.OpenSlideError as error:
            raise _truncated(path, error) from error
        extents = [Extent(width, height) for width, height in self._slide.level_dimensions]
        self.pyramid = Pyramid.of(extents, mpp or self._mpp())

    def _mpp(self) -> Mpp | None:
        properties = self._slide.properties
        found = [properties.get(name) for name in (openslide.PROPERTY_NAME_MPP_X, openslide.PROPERTY_NAME_MPP_Y)]
        if None in found:
            return None
        try:
            return Mpp(*(float(value) for value in found))
        except (ParameterError, ValueError) as error:
            text, remedy = f"{found[0]} x {found[1]} µm/px in its properties", "give its resolution"
            raise InvalidMppError("mpp is finite and > 0", path=self.path, found=text, remedy=remedy) from error

    def chunk_extent(self, level: int) -> Extent:
        """A square, cut off at the right and bottom edge."""
        extent = self.pyramid.levels[level].extent
        return Extent(min(_CHUNK, extent.width), min(_CHUNK, extent.height))

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
        self._slide.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def _addressable(start: int, downsample: float) -> tuple[int, int]:
    """The last pixel up to `start` that OpenSlide can be asked for exactly, in this level and in level 0.

    It takes a corner in whole level-0 pixels. Where the downsample is no whole number most pixels have none, and
    OpenSlide would blend neighbours; a little further back one nearly has, so that is where reading begins.
    """
    candidates = np.arange(start, max(-1, start - _LOOK_BACK), -1)
    bases = round_half_up(candidates * downsample)
    off = np.abs(bases / downsample - candidates)
    exact = np.flatnonzero(off < _UNBLENDED)
    chosen = int(exact[0]) if len(exact) else int(off.argmin())
    return int(candidates[chosen]), int(bases[chosen])


def _truncated(path: str, error: Exception) -> TruncatedError:
    remedy = "copy or export the file again"
    return TruncatedError("a slide is whole", path=path, found=f"{type(error).__name__}: {error}", remedy=remedy)
