"""The reader protocol: the interface between planning and I/O, the same for every image file."""

from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
import numpy.typing as npt

from ratiopath.geometry import Extent, Int64s
from ratiopath.pyramid import Pyramid

NO_MPP = "no resolution tags, no OME PhysicalSize"
"""Finding of every error about a missing resolution."""
MPP_HINT = "correct the file, or set slide_mpp for a slide, overlays.NAME.mpp (overlay_mpp=) for an overlay"
"""Hint of every error about an invalid resolution in a file."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """One decoded piece of a level, the unit of reading."""

    pixels: npt.NDArray[np.generic]
    """Shape (height, width) for one channel, (height, width, channels) otherwise, in the file's own dtype, without
    alpha. At the right and bottom edge only what remains of the level. May be read-only or shared: do not write."""
    exists: npt.NDArray[np.bool_] | None
    """Mask of the scanned pixels, shape (height, width); None if all were scanned."""
    is_stored: bool = True
    """False for a sparse chunk: it is not in the file, and every pixel is the fill value."""
    is_uniform: bool = False
    """True if all pixels are known to exist and to be equal without looking at them."""


class SlideReader(Protocol):
    """An open image: a slide or a raster overlay.

    Threads: one thread at a time. Open the file once per thread; readers of one file share nothing.

    Pickling: not supported, a reader holds an open file. Send its path and open it in the other process.

    After `close`: the properties and `chunk_extent` stay valid, `read_chunk` must not be called, and `close` may be
    called again.
    """

    path: str
    """Path of the file."""
    pyramid: Pyramid
    """Levels, with mpp if known."""
    dtype: np.dtype[np.generic]
    """Stored type of a channel, in native byte order."""
    channels: int
    """Number of channels without alpha, at least 1."""
    palette: npt.NDArray[np.uint8] | None
    """Colours of the class indices of a palette image, shape (indices, 3); None for any other image."""

    def __repr__(self) -> str:
        """Return the file, its size, resolution and channels; nothing is read."""
        return described(self)

    def chunk_extent(self, level: int) -> Extent:
        """Return the size of a level's chunks in pixels; chunk (c, r) begins at (c * width, r * height)."""

    def expect(self, level: int, columns: Int64s, rows: Int64s) -> None:
        """Announce the chunks of a level that will be read next, in order: from a store, bytes are requested ahead.

        Args:
            level: Index of the level.
            columns: Index of each chunk from the left.
            rows: Index of each chunk from the top.
        """

    def read_chunk(self, level: int, column: int, row: int) -> Chunk:
        """Decode one chunk.

        Args:
            level: Index of the level, 0 is the finest.
            column: Index of the chunk from the left.
            row: Index of the chunk from the top.

        Raises:
            TruncatedError: The chunk is missing or damaged.
        """

    def close(self) -> None:
        """Release the file."""

    def __enter__(self) -> Self:
        """Return the reader itself."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Close the file."""
        self.close()


def described(reader: SlideReader) -> str:
    """Return a reader in one line, as notebooks print it.

    TiffReader('a.tiff', 4096 x 3072 px in 4 levels, 0.5 x 0.5 µm/px, 3 channels of uint8)
    """
    extent, mpp, levels = reader.pyramid.levels[0].extent, reader.pyramid.mpp, len(reader.pyramid.levels)
    size = f"{extent.width} x {extent.height} px in {levels} level{'s' * (levels > 1)}"
    resolution = "no mpp" if mpp is None else f"{mpp.x:.4g} x {mpp.y:.4g} µm/px"
    channels = f"{reader.channels} channel{'s' * (reader.channels > 1)} of {reader.dtype}"
    return f"{type(reader).__name__}({reader.path!r}, {size}, {resolution}, {channels})"
