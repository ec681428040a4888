"""The slide's pixels of every tile as a Ray column expression."""

import pyarrow as pa
from ray.data.datatype import DataType
from ray.data.expressions import Expr, udf

from ratiopath.arrow.slide_tiles import TILE_COLUMNS, cut_batch
from ratiopath.arrow.tile_batch import TileBatch
from ratiopath.geometry import Extent
from ratiopath.slides import open_slide
from ratiopath.slides.metadata import pixel_pair
from ratiopath.tiling.tensors import tensor_column


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
    batch = TileBatch.of(path, "path", **dict(zip(TILE_COLUMNS, columns, strict=True)))
    return tensor_column(list(cut_batch(batch, size, open_slide)), batch.count)
