"""The slide's pixels of every tile as a Ray column expression."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from PIL import Image
from ray.data.datatype import DataType
from ray.data.expressions import Expr, udf

from ratiopath.arrow.tile_batch import TileBatch
from ratiopath.errors import ParameterError
from ratiopath.geometry import Extent
from ratiopath.plan import Windows
from ratiopath.slides import open_slide
from ratiopath.slides.metadata import pixel_pair
from ratiopath.slides.windows import cut_tiles
from ratiopath.tiling.tensors import tensor_column

MAX_TILE_PX = 1 << 28
"""Pixels of a tile, 800 MB."""
_COLUMNS = ("tile_x", "tile_y", "tile_extent_x", "tile_extent_y", "level")


def read_slide_tiles(
    path: Expr,
    tile_x: Expr,
    tile_y: Expr,
    tile_extent_x: Expr,
    tile_extent_y: Expr,
    level: Expr,
    *,
    size: int | tuple[int, int] | None = None,
) -> Expr:
    """Read the slide's pixels of every tile.

    Args:
        path: Column of slide files.
        tile_x: Column of left edges in pixels of the level; may lie beyond the slide.
        tile_y: Column of top edges.
        tile_extent_x: Column of tile widths in pixels of the level.
        tile_extent_y: Column of tile heights.
        level: Column of levels, 0 is the finest.
        size: Width and height of every tensor in pixels, one number or (width, height): tiles of another extent are
            resized by Pillow's bilinear filter, which averages over all pixels that a smaller one covers. Tiles of one
            size in µm, as `read_slides(..., resolution="exact")` gives, so have one size in pixels too.

    Returns:
        An expression for `Dataset.with_column`: uint8 tensors of shape (height, width, 3), RGB, white where nothing
        was scanned. Grey and palette slides are converted to RGB.

    Raises:
        SlideError: When the dataset runs, if a slide cannot be read or its samples are not 8-bit.
        ParameterError: At the call, if `size` is invalid; when the dataset runs, if a level does not exist, a number is
            not whole or out of range, or an extent is < 1.
    """
    resized = None if size is None else Extent(*pixel_pair("size", size))
    expression: Expr = _tiles(resized, path, tile_x, tile_y, tile_extent_x, tile_extent_y, level)
    return expression


@udf(return_dtype=DataType(object))  # type: ignore[untyped-decorator]  # Ray ships no types
def _tiles(size: Extent | None, path: pa.Array, *columns: pa.Array) -> pa.Array:
    batch = TileBatch.of(path, "path", **dict(zip(_COLUMNS, columns, strict=True)))
    batch.require_whole(*batch.columns)
    stacks = []
    for file, _, file_rows in batch.by_file():
        with open_slide(file) as reader:
            for (width, height, index), group in batch.by_value(file_rows, "tile_extent_x", "tile_extent_y", "level"):
                x, y = (batch.columns[name][group].astype(np.int64) for name in ("tile_x", "tile_y"))
                if width * height > MAX_TILE_PX:
                    found = f"a tile of {width:,.0f} x {height:,.0f} px"
                    raise ParameterError(f"{found}; pass at most {MAX_TILE_PX:,} pixels")
                windows = Windows(int(index), x, y, Extent(int(width), int(height)))
                stacks.append((group, _resized(cut_tiles(reader, windows), size)))
    return tensor_column(stacks, batch.count)


def _resized(tiles: npt.NDArray[np.uint8], size: Extent | None) -> npt.NDArray[np.uint8]:
    if size is None or tiles.shape[1:3] == (size.height, size.width):
        return tiles
    resized = np.empty((len(tiles), size.height, size.width, tiles.shape[3]), dtype=np.uint8)
    for number, tile in enumerate(tiles):
        image = Image.fromarray(tile).resize((size.width, size.height), Image.Resampling.BILINEAR)
        resized[number] = np.asarray(image)
    return resized
