"""`tile_overlay_overlap` of arrays: the share of every overlay value in each tile's ROI."""

from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
from shapely.geometry.base import BaseGeometry

from ratiopath.arrow.tile_batch import TileBatch, for_each_overlay
from ratiopath.counting.value_counts import ValueCounts, gather
from ratiopath.geometry import Mpp
from ratiopath.overlays.raster import count_values
from ratiopath.roi import Roi


def tile_overlay_overlap(
    roi: BaseGeometry,
    overlay_path: Any,
    tile_x: Any,
    tile_y: Any,
    mpp_x: Any,
    mpp_y: Any,
    *,
    overlay_mpp: float | tuple[float, float] | None = None,
) -> pa.StructArray:
    """What `ratiopath.tiling.tile_overlay_overlap` is for a Ray dataset, of arrays: at once, in this process.

    For a slide or a few it is done before Ray has started.

    Args:
        roi: shapely Polygon or MultiPolygon in tile space relative to the tile: (0, 0) is its top-left corner.
        overlay_path: Overlay files: an Arrow array, chunked or not, a sequence of strings, or one string for all rows.
        tile_x: Left edges in pixels of the slide level the tiles were cut from: an array or sequence of numbers, or
            one number for all rows, as the three that follow.
        tile_y: Top edges.
        mpp_x: Resolution of the tiles along x, µm per pixel.
        mpp_y: Resolution along y.
        overlay_mpp: Resolution of every overlay's level 0 instead of what its file says: µm/px, or (x, y).

    Returns:
        A struct `{str(value): fraction}` per row, float64, with the same meaning as the Ray column.

    Raises:
        RoiError: The ROI is no valid, non-empty polygon.
        ParameterError: Columns of different lengths, a null, or a type that is no string or number.
        SlideError: An overlay cannot be read in full, has no resolution or more than 65,536 distinct values.

    Examples:
        >>> import numpy as np
        >>> from shapely import box
        >>> columns = {"tile_x": np.array([0, 512]), "tile_y": np.array([0, 0]), "mpp_x": 0.5, "mpp_y": 0.5}
        >>> overlaps = tile_overlay_overlap(box(0, 0, 512, 512), "mask.tiff", **columns)  # doctest: +SKIP
    """
    rows = TileBatch.of(overlay_path, "overlay_path", tile_x=tile_x, tile_y=tile_y, mpp_x=mpp_x, mpp_y=mpp_y)
    return overlap_struct(block_overlaps(rows, Roi(roi), None if overlay_mpp is None else Mpp.of(overlay_mpp)))


def block_overlaps(rows: TileBatch, roi: Roi, overlay_mpp: Mpp | None = None) -> ValueCounts:
    """Overlaps of a block that may mix files and resolutions; each file is opened once.

    Args:
        rows: The overlay files, with columns tile_x, tile_y, mpp_x and mpp_y.
        roi: The region of interest, relative to a tile.
        overlay_mpp: Resolution of every overlay's level 0 instead of what its file says.
    """
    return gather(for_each_overlay(rows, overlay_mpp, partial(count_values, roi=roi)), rows.count)


def overlap_struct(overlaps: ValueCounts) -> pa.StructArray:
    """One nullable float64 field per value."""
    keys = list(overlaps.keys) if "0" in overlaps.keys else ["0", *overlaps.keys]
    shares = np.full((len(keys), len(overlaps)), np.nan)
    shift = len(keys) - len(overlaps.keys)
    shares[overlaps.key_index + shift, overlaps.rows] = overlaps.fractions
    return pa.StructArray.from_arrays([pa.array(row, from_pandas=True) for row in shares], names=keys)


def overlap_map(overlaps: ValueCounts) -> pa.MapArray:
    """One map of present values per row: the same type whatever the values, hence the pipeline's column."""
    keys = pa.array(overlaps.keys, pa.string()).take(pa.array(overlaps.key_index))
    return pa.MapArray.from_arrays(pa.array(overlaps.offsets, pa.int32()), keys, pa.array(overlaps.fractions))
