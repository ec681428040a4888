"""`read_slide_tiles`: the slide's own pixels of every tile, as a Ray column expression."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from ray.data.datatype import DataType
from ray.data.expressions import Expr, udf

from ratiopath.arrow.rows import Rows
from ratiopath.errors import ParameterError, UnsupportedImageError
from ratiopath.geometry import Extent
from ratiopath.measure import parts, touched_chunks
from ratiopath.plan import Windows, reaching_beyond
from ratiopath.slides import Chunk, SlideReader, open_slide
from ratiopath.tiling.tensors import tensor_column

_WHITE = 255
_RGB = 3


def read_slide_tiles(
    path: Expr, tile_x: Expr, tile_y: Expr, tile_extent_x: Expr, tile_extent_y: Expr, level: Expr
) -> Expr:
    """The pixels of every tile.

    Args:
        path: Column of slide files.
        tile_x: Column of left edges in pixels of the level; may lie beyond the slide.
        tile_y: Column of top edges.
        tile_extent_x: Column of widths in pixels of the level.
        tile_extent_y: Column of heights.
        level: Column of levels, 0 is the finest.

    Returns:
        An expression for `Dataset.with_column`: uint8 tensors of shape (height, width, 3), RGB, white where nothing
        was scanned. Grey and palette slides are turned to RGB.

    Raises:
        SlideError: When the dataset runs, if a slide cannot be read or its samples are no 8-bit colours.
        ParameterError: When the dataset runs, if a level does not exist or an extent is < 1.
    """
    expression: Expr = _tiles(path, tile_x, tile_y, tile_extent_x, tile_extent_y, level)
    return expression


@udf(return_dtype=DataType(object))  # type: ignore[untyped-decorator]  # Ray ships no types
def _tiles(
    path: pa.Array,
    tile_x: pa.Array,
    tile_y: pa.Array,
    tile_extent_x: pa.Array,
    tile_extent_y: pa.Array,
    level: pa.Array,
) -> pa.Array:
    rows = Rows.of(
        path,
        "path",
        tile_x=tile_x,
        tile_y=tile_y,
        tile_extent_x=tile_extent_x,
        tile_extent_y=tile_extent_y,
        level=level,
    )
    stacks = []
    for file, of_file in rows.by_file():
        with open_slide(file) as reader:
            for (width, height, index), group in rows.by_value(of_file, "tile_extent_x", "tile_extent_y", "level"):
                x, y = (rows.columns[name][group].astype(np.int64) for name in ("tile_x", "tile_y"))
                windows = Windows(int(index), x, y, Extent(int(width), int(height)))
                stacks.append((group, cut_tiles(reader, windows)))
    return tensor_column(stacks, rows.count)


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
    for visit, chunk in touched_chunks(reader, windows):
        pixels = _rgb(reader, chunk) if chunk.is_stored else None  # a sparse piece of a slide was never scanned
        for window, part in parts(reader, windows, visit, chunk):
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
