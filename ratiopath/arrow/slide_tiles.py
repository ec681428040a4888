"""The slide's pixels under rows of tiles."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import numpy as np
import numpy.typing as npt
from PIL import Image

from ratiopath.arrow.tile_batch import TileBatch
from ratiopath.errors import ParameterError
from ratiopath.geometry import Extent, Int64s
from ratiopath.plan import Windows
from ratiopath.slides import SlideReader
from ratiopath.slides.windows import cut_tiles

TILE_COLUMNS = ("tile_x", "tile_y", "tile_extent_x", "tile_extent_y", "level")
"""Columns of numbers that say where a tile lies: pixels of `level`, and the level."""
MAX_TILE_PX = 1 << 28
"""Pixels of a tile, 800 MB."""


def cut_batch(
    batch: TileBatch, size: Extent | None, open_file: Callable[[str], AbstractContextManager[SlideReader]]
) -> Iterator[tuple[Int64s, npt.NDArray[np.uint8]]]:
    """Read the pixels of tiles, slide by slide, each chunk of a slide decoded once for tiles of one extent and level.

    Args:
        batch: Slide files, with the columns `TILE_COLUMNS`.
        size: Size in pixels to which tiles of another extent are resized, by Pillow's bilinear filter; None for none.
        open_file: Function that opens a slide.

    Returns:
        Row indices of each group of tiles, ascending, and their pixels, uint8 RGB of shape (rows, height, width, 3),
        white where nothing was scanned. The groups share no row and cover all rows.

    Raises:
        SlideError: A slide cannot be read or its samples are not 8-bit.
        ParameterError: A level does not exist, a number is not whole or out of range, or an extent is < 1.
    """
    batch.require_whole(*batch.columns)
    for path, _, file_rows in batch.by_file():
        with open_file(path) as reader:
            for (width, height, index), rows in batch.by_value(file_rows, "tile_extent_x", "tile_extent_y", "level"):
                x, y = (batch.columns[name][rows].astype(np.int64) for name in ("tile_x", "tile_y"))
                if width * height > MAX_TILE_PX:
                    found = f"a tile of {width:,.0f} x {height:,.0f} px"
                    raise ParameterError(f"{found}; pass at most {MAX_TILE_PX:,} pixels")
                windows = Windows(int(index), x, y, Extent(int(width), int(height)))
                yield rows, _resized(cut_tiles(reader, windows), size)


def _resized(tiles: npt.NDArray[np.uint8], size: Extent | None) -> npt.NDArray[np.uint8]:
    if size is None or tiles.shape[1:3] == (size.height, size.width):
        return tiles
    resized = np.empty((len(tiles), size.height, size.width, tiles.shape[3]), dtype=np.uint8)
    for number, tile in enumerate(tiles):
        image = Image.fromarray(tile).resize((size.width, size.height), Image.Resampling.BILINEAR)
        resized[number] = np.asarray(image)
    return resized
