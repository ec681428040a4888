"""Windows of an open image, read chunk by chunk: each chunk is decoded once."""

from collections.abc import Iterator, Sequence
from heapq import merge
from itertools import groupby
from operator import itemgetter

import numpy as np
import numpy.typing as npt

from ratiopath.errors import ParameterError, UnsupportedImageError
from ratiopath.plan import ChunkPlan, ChunkVisit, Intersection, Windows, intersect, plan_chunks, reaching_beyond
from ratiopath.slides import Chunk, SlideReader

_RGB = 3
_WHITE = 255


def read_chunks(reader: SlideReader, windows: Windows) -> Iterator[tuple[ChunkVisit, Chunk]]:
    """Iterate over the chunks that a window touches, each decoded once."""
    plan = _plan(reader, windows)
    reader.expect(windows.level, plan.columns, plan.rows)
    for visit in plan:
        yield visit, reader.read_chunk(windows.level, visit.column, visit.row)


def read_shared_chunks(
    reader: SlideReader, several: Sequence[Windows]
) -> Iterator[tuple[list[tuple[int, ChunkVisit]], Chunk]]:
    """Iterate over the chunks that a window of several sets touches, each decoded once.

    Args:
        reader: The image.
        several: Sets of windows; they may be of different sizes and levels.

    Returns:
        The sets that a chunk concerns, each by its index and with its own windows; and the chunk.
    """
    plans = [_plan(reader, windows) for windows in several]
    for level in sorted({windows.level for windows in several}):
        of_level = {number: plan for number, plan in enumerate(plans) if several[number].level == level}
        places = np.concatenate([(plan.rows, plan.columns) for plan in of_level.values()], axis=1)
        rows, columns = places if len(of_level) == 1 else np.unique(places, axis=1)
        reader.expect(level, columns, rows)
        visits = merge(*(_placed_visits(number, plan) for number, plan in of_level.items()), key=itemgetter(0))
        for (row, column), here in groupby(visits, key=itemgetter(0)):
            yield [(number, visit) for _, number, visit in here], reader.read_chunk(level, column, row)


def _plan(reader: SlideReader, windows: Windows) -> ChunkPlan:
    return plan_chunks(windows, reader.pyramid.levels[windows.level].extent, reader.chunk_extent(windows.level))


def _placed_visits(number: int, plan: ChunkPlan) -> Iterator[tuple[tuple[int, int], int, ChunkVisit]]:
    for visit in plan:
        yield (visit.row, visit.column), number, visit


def chunk_windows(windows: Windows, visit: ChunkVisit) -> Iterator[tuple[int, Intersection]]:
    """Iterate over the windows that touch a chunk, each with the pixels that they share."""
    for window in visit.windows.tolist():
        yield window, intersect(windows, window, visit)


def cut_tiles(reader: SlideReader, windows: Windows) -> npt.NDArray[np.uint8]:
    """Read the pixels of every window, each chunk decoded once.

    Returns:
        uint8, shape (windows, height, width, 3), white where nothing was scanned.

    Raises:
        ParameterError: The level does not exist.
        UnsupportedImageError: The samples are not 8-bit RGB, 8-bit grey, bool or class indices.
    """
    levels = reader.pyramid.levels
    if not 0 <= windows.level < len(levels):
        raise ParameterError(f"{reader.path!r} has no level {windows.level}; pass a level from 0 to {len(levels) - 1}")
    tiles = np.empty((len(windows), windows.extent.height, windows.extent.width, _RGB), dtype=np.uint8)
    tiles[reaching_beyond(windows, levels[windows.level].extent)] = _WHITE
    for visit, chunk in read_chunks(reader, windows):
        pixels = as_rgb(reader, chunk) if chunk.is_stored else None  # a sparse chunk of a slide was never scanned
        for window, common in chunk_windows(windows, visit):
            tiles[window][common.in_window] = _WHITE if pixels is None else pixels[common.in_chunk]
    return tiles


def as_rgb(reader: SlideReader, chunk: Chunk) -> npt.NDArray[np.uint8]:
    """Convert a chunk to RGB, white where nothing was scanned.

    Returns:
        uint8, shape (height, width, 3).

    Raises:
        UnsupportedImageError: The samples are not 8-bit RGB, 8-bit grey, bool or class indices.
    """
    pixels = chunk.pixels
    if reader.palette is not None:
        pixels = reader.palette[pixels]
    elif reader.channels == 1 and reader.dtype in (np.uint8, np.bool_):
        grey = pixels.astype(np.uint8) * (_WHITE if reader.dtype == np.bool_ else 1)
        pixels = np.repeat(grey[..., None], _RGB, axis=2)
    elif reader.channels != _RGB or reader.dtype != np.uint8:
        problem = f"{reader.path!r} holds {reader.channels} channel(s) of {reader.dtype}, not 8-bit RGB or grey"
        hint = "export it as 8-bit RGB, or read it with tile_overlay"
        raise UnsupportedImageError(problem, path=reader.path, hint=hint)
    if chunk.exists is not None:
        pixels = np.where(chunk.exists[..., None], pixels, np.uint8(_WHITE))
    return np.asarray(pixels, dtype=np.uint8)
