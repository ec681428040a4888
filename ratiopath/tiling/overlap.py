"""`tile_overlay_overlap`: the share of every overlay value in each tile's ROI, as a Ray column expression."""

from functools import partial

import numpy as np
import pyarrow as pa
from ray.data.datatype import DataType
from ray.data.expressions import Expr, udf
from shapely.geometry.base import BaseGeometry

from ratiopath.coverage import Overlaps, scattered
from ratiopath.geometry import Mpp
from ratiopath.roi import Roi
from ratiopath.tiling.columns import Rows
from ratiopath.tiling.laid_over import map_overlays
from ratiopath.tiling.measure import measure_overlaps


def tile_overlay_overlap(
    roi: BaseGeometry,
    overlay_path: Expr,
    tile_x: Expr,
    tile_y: Expr,
    mpp_x: Expr,
    mpp_y: Expr,
    *,
    overlay_mpp: float | tuple[float, float] | None = None,
) -> Expr:
    """The share of each overlay value among the pixels inside the ROI of every tile.

    Args:
        roi: shapely Polygon or MultiPolygon in tile space relative to the tile: (0, 0) is its top-left corner.
        overlay_path: Column of overlay files.
        tile_x: Column of left edges in pixels of the slide level the tiles were cut from.
        tile_y: Column of top edges.
        mpp_x: Column of the tiles' resolution along x, µm per pixel.
        mpp_y: Column of the tiles' resolution along y.
        overlay_mpp: Resolution of every overlay's level 0 instead of what its file says: µm/px, or (x, y).

    Returns:
        An expression for `Dataset.with_column`: a struct `{str(value): fraction}`, float64. The fractions present are
        > 0 and sum to 1; a value that another row of the block has and this one has not is None; a row whose ROI holds
        no pixel of the overlay has only None. "0" is always among the keys, because a struct without any cannot be
        stored. A pixel with differing channels counts as "r,g,b"; one with alpha 0 does not exist.

    Raises:
        RoiError: Now, if the ROI is no valid, non-empty polygon.
        SlideError: When the dataset runs, if an overlay cannot be read in full, has no resolution or more than 65,536
            distinct values.

    Example:
        >>> from ray.data.expressions import col
        >>> from shapely import box
        >>> overlap = tile_overlay_overlap(
        ...     box(0, 0, 512, 512), col("mask"), col("tile_x"), col("tile_y"), col("mpp_x"), col("mpp_y")
        ... )
    """
    given = None if overlay_mpp is None else Mpp.of(overlay_mpp)
    expression: Expr = _overlap(Roi(roi), overlay_path, tile_x, tile_y, mpp_x, mpp_y, given)
    return expression


@udf(return_dtype=DataType(dict))  # type: ignore[untyped-decorator]  # Ray ships no types
def _overlap(
    roi: Roi, overlay_path: pa.Array, tile_x: pa.Array, tile_y: pa.Array, mpp_x: pa.Array, mpp_y: pa.Array, given: Mpp
) -> pa.Array:
    rows = Rows.of(overlay_path, "overlay_path", tile_x=tile_x, tile_y=tile_y, mpp_x=mpp_x, mpp_y=mpp_y)
    return overlap_struct(block_overlaps(rows, roi, given))


def block_overlaps(rows: Rows, roi: Roi, overlay_mpp: Mpp | None = None) -> Overlaps:
    """Overlaps of a block that may mix files and resolutions; each file is opened once.

    Args:
        rows: The overlay files, with columns tile_x, tile_y, mpp_x and mpp_y.
        roi: The region of interest, relative to a tile.
        overlay_mpp: Resolution of every overlay's level 0 instead of what its file says.
    """
    return scattered(map_overlays(rows, overlay_mpp, partial(measure_overlaps, roi=roi)), rows.count)


def overlap_struct(overlaps: Overlaps) -> pa.StructArray:
    """One nullable float64 field per value."""
    keys = list(overlaps.keys) if "0" in overlaps.keys else ["0", *overlaps.keys]
    shares = np.full((len(keys), len(overlaps)), np.nan)
    shift = len(keys) - len(overlaps.keys)
    shares[overlaps.key_index + shift, overlaps.rows] = overlaps.fractions
    return pa.StructArray.from_arrays([pa.array(row, from_pandas=True) for row in shares], names=keys)


def overlap_map(overlaps: Overlaps) -> pa.MapArray:
    """One map of present values per row: the same type whatever the values, hence the pipeline's column."""
    keys = pa.array(overlaps.keys, pa.string()).take(pa.array(overlaps.key_index))
    return pa.MapArray.from_arrays(pa.array(overlaps.offsets, pa.int32()), keys, pa.array(overlaps.fractions))
