"""A slide made of an array: the smallest `SlideReader`, without a file."""

from typing import Self

import numpy as np

from ratiopath.geometry import Extent, Mpp
from ratiopath.pyramid import Pyramid
from ratiopath.slides import Chunk


class ArraySlide:
    """An open image whose levels are arrays, read in chunks; counts how often each chunk is decoded."""

    palette = None

    def __init__(self, levels: list[np.ndarray], mpp: Mpp | None, chunk: Extent, exists: np.ndarray | None = None):
        self.path = "array"
        self.levels = levels
        self.pyramid = Pyramid.of([Extent(level.shape[1], level.shape[0]) for level in levels], mpp)
        self.dtype = levels[0].dtype
        self.channels = 1 if levels[0].ndim == 2 else levels[0].shape[2]
        self.exists = exists
        self.chunk = chunk
        self.decoded: list[tuple[int, int, int]] = []

    def chunk_extent(self, level: int) -> Extent:
        return self.chunk

    def read_chunk(self, level: int, column: int, row: int) -> Chunk:
        self.decoded.append((level, column, row))
        x, y = column * self.chunk.width, row * self.chunk.height
        piece = np.s_[y : y + self.chunk.height, x : x + self.chunk.width]
        return Chunk(self.levels[level][piece], None if self.exists is None else self.exists[piece])

    def close(self) -> None:
        """An array needs no closing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
