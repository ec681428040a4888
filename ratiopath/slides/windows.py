"""TODO."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from ratiopath.errors import ParameterError, UnsupportedImageError
from ratiopath.plan import ChunkVisit, Intersection, Windows, intersect, plan_chunks, reaching_beyond
from ratiopath.slides import Chunk, SlideReader


def read_chunks(reader: SlideReader, windows: Windows) -> Iterator[tuple[ChunkVisit, Chunk]]:
    """Each chunk that a window touches, decoded once."""
    extent = reader.pyramid.levels[windows.level].extent
    for visit in plan_chunks(windows, extent, reader.chunk_extent(windows.level)):
        yield visit, reader.read_chunk(windows.level, visit.column, visit.row)


def chunk_windows(
    reader: SlideReader, windows: Windows, visit: ChunkVisit, chunk: Chunk
) -> Iterator[tuple[int, Intersection]]:
    """What a chunk gives to each window that touches it."""
    extent = reader.chunk_extent(windows.level)
    for window in visit.windows.tolist():
        yield window, intersect(windows, window, visit, extent, chunk.pixels.shape)


_WHITE = 255

_RGB = 3


def cut_tiles(reader: SlideReader, windows: Windows) -> npt.NDArray[np.uint8]:
    """Read the pixels of every window, each chunk decoded once.

    Returns:
        uint8, shape (windows, height, width, 3), white where nothing was scanned.

    Raises:
        ParameterError: The slide has no such level.
        UnsupportedImageError: Its samples are no 8-bit colours, greys or class indices.
    """
    levels = reader.pyramid.levels
    if not 0 <= windows.level < len(levels):
        found = f"level {windows.level} of {len(levels)}"
        raise ParameterError(
            f"the slide has the level: path={reader.path!r}, found {found}; pass 0 to {len(levels) - 1}"
        )
    tiles = np.empty((len(windows), windows.extent.height, windows.extent.width, _RGB), dtype=np.uint8)
    tiles[reaching_beyond(windows, levels[windows.level].extent)] = _WHITE
    for visit, chunk in read_chunks(reader, windows):
        pixels = _rgb(reader, chunk) if chunk.is_stored else None  # a sparse piece of a slide was never scanned
        for window, part in chunk_windows(reader, windows, visit, chunk):
            tiles[window][part.in_window] = _WHITE if pixels is None else pixels[part.in_chunk]
    return tiles


def _rgb(reader: SlideReader, chunk: Chunk) -> npt.NDArray[np.uint8]:
    """A chunk's pixels as RGB, white where nothing was scanned."""
    pixels = chunk.pixels
    if reader.palette is not None:
        pixels = reader.palette[pixels]
    elif reader.channels == 1 and reader.dtype in (np.uint8, np.bool_):
        grey = pixels.astype(np.uint8) * (_WHITE if reader.dtype == np.bool_ else 1)
        pixels = np.repeat(grey[..., None], _RGB, axis=2)
    elif reader.channels != _RGB or reader.dtype != np.uint8:
        found = f"{reader.channels} channel(s) of {reader.dtype}"
        remedy = "export it as 8-bit RGB, or read it with tile_overlay"
        raise UnsupportedImageError("a slide holds 8-bit RGB or grey", path=reader.path, found=found, remedy=remedy)
    if chunk.exists is not None:
        pixels = np.where(chunk.exists[..., None], pixels, np.uint8(_WHITE))
    return np.asarray(pixels, dtype=np.uint8)
