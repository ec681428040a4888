"""Vendor formats (Aperio, Hamamatsu, MIRAX, Leica, Philips, Ventana, ...), read through OpenSlide."""

from typing import Self

import numpy as np
import openslide

from ratiopath.errors import InvalidMppError, ParameterError, TruncatedError
from ratiopath.geometry import Extent, Mpp, round_half_up
from ratiopath.pyramid import Pyramid
from ratiopath.slides.reader import Chunk

_CHUNK = 1024
"""OpenSlide hides the tiles of the file; its own cache (32 MiB) bridges those that a chunk's border cuts."""


class VendorReader:
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
        size = min(chunk.width, extent.width - x), min(chunk.height, extent.height - y)
        downsample = self._slide.level_downsamples[
            level
        ]  # OpenSlide wants the corner in level-0 pixels, by its own rule
        corner = round_half_up([x * downsample, y * downsample])
        try:
            rgba = np.asarray(self._slide.read_region((int(corner[0]), int(corner[1])), level, size))
        except openslide.OpenSlideError as error:
            raise _truncated(self.path, error) from error
        scanned = rgba[..., 3] != 0
        return Chunk(rgba[..., :3], None if scanned.all() else scanned)

    def close(self) -> None:
        """Release the file."""
        self._slide.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def _truncated(path: str, error: Exception) -> TruncatedError:
    remedy = "copy or export the file again"
    return TruncatedError("a slide is whole", path=path, found=f"{type(error).__name__}: {error}", remedy=remedy)
