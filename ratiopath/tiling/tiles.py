"""The slide's pixels of every tile as a Ray column expression."""

import numpy as np
import pyarrow as pa
from ray.data.datatype import DataType
from ray.data.expressions import Expr, udf

from ratiopath.arrow.tile_batch import TileBatch
from ratiopath.geometry import Extent
from ratiopath.plan import Windows
from ratiopath.slides import open_slide
from ratiopath.slides.windows import cut_tiles
from ratiopath.tiling.tensors import tensor_column


def read_slide_tiles(
    path: Expr, tile_x: Expr, tile_y: Expr, tile_extent_x: Expr, tile_extent_y: Expr, level: Expr
) -> Expr:
    """Read the slide's pixels of every tile.

    Args:
        path: Column of slide files.
        tile_x: Column of left edges in pixels of the level; may lie beyond the slide.
        tile_y: Column of top edges.
        tile_extent_x: Column of tile widths in pixels of the level.
        tile_extent_y: Column of tile heights.
        level: Column of levels, 0 is the finest.

    Returns:
        An expression for `Dataset.with_column`: uint8 tensors of shape (height, width, 3), RGB, white where nothing
        was scanned. Grey and palette slides are converted to RGB.

    Raises:
        SlideError: When the dataset runs, if a slide cannot be read or its samples are not 8-bit.
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
    batch = TileBatch.of(
        path,
        "path",
        tile_x=tile_x,
        tile_y=tile_y,
        tile_extent_x=tile_extent_x,
        tile_extent_y=tile_extent_y,
        level=level,
    )
    stacks = []
    for file, file_rows in batch.by_file():
        with open_slide(file) as reader:
            for (width, height, index), group in batch.by_value(file_rows, "tile_extent_x", "tile_extent_y", "level"):
                x, y = (batch.columns[name][group].astype(np.int64) for name in ("tile_x", "tile_y"))
                windows = Windows(int(index), x, y, Extent(int(width), int(height)))
                stacks.append((group, cut_tiles(reader, windows)))
    return tensor_column(stacks, batch.count)
