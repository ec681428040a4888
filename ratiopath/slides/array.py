"""Images in memory behind the reader protocol: pixels that are computed or decoded as a whole."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ratiopath.geometry import Extent, Int64s, Mpp
from ratiopath.pyramid import Pyramid
from ratiopath.slides.reader import Chunk, SlideReader

_CHUNK = Extent(512, 512)


class ArrayReader(SlideReader):
    """An image whose levels are arrays, a `SlideReader`."""

    def __init__(
        self,
        levels: Sequence[npt.NDArray[np.generic]],
        mpp: Mpp | None,
        *,
        chunk: Extent = _CHUNK,
        exists: Sequence[npt.NDArray[np.bool_]] | None = None,
        palette: npt.NDArray[np.uint8] | None = None,
        path: str = "array",
    ) -> None:
        """Wrap arrays; nothing is copied.

        Args:
            levels: Finest first, each of shape (height, width) or (height, width, channels), all of one dtype.
            mpp: Resolution of the finest level in µm/px, None if unknown.
            chunk: Size in pixels of the chunks to hand out.
            exists: Mask of the scanned pixels of each level, shape (height, width); None if all were scanned.
            palette: Colours of class indices, shape (indices, 3).
            path: File that the arrays come from, for error messages.
        """
        self.path = path
        self.pyramid = Pyramid.of([Extent(level.shape[1], level.shape[0]) for level in levels], mpp)
        self.dtype: np.dtype[np.generic] = levels[0].dtype
        self.channels = math.prod(levels[0].shape[2:])
        self.palette = palette
        self._levels, self._exists, self._chunk = levels, exists, chunk

    def chunk_extent(self, level: int) -> Extent:
        """Return the size of a level's chunks, never larger than the level."""
        extent = self.pyramid.levels[level].extent
        return Extent(min(self._chunk.width, extent.width), min(self._chunk.height, extent.height))

    def expect(self, level: int, columns: Int64s, rows: Int64s) -> None:
        """Do nothing: all chunks are in memory."""

    def read_chunk(self, level: int, column: int, row: int) -> Chunk:
        """Return a view of one chunk."""
        chunk = self.chunk_extent(level)
        x, y = column * chunk.width, row * chunk.height
        piece = np.s_[y : y + chunk.height, x : x + chunk.width]
        return Chunk(self._levels[level][piece], None if self._exists is None else self._exists[level][piece])

    def close(self) -> None:
        """Do nothing: arrays hold no file."""
