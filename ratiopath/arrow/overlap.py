"""The overlap column of arrays: the share of every overlay value in each tile's ROI."""

from typing import Any

import numpy as np
import pyarrow as pa
from shapely.geometry.base import BaseGeometry

from ratiopath.arrow.tile_batch import TileBatch, for_each_overlay
from ratiopath.counting.shares import Shares
from ratiopath.counting.value_counts import gather
from ratiopath.overlays import AnnotationOptions, OverlaySettings
from ratiopath.overlays.alignment import Align
from ratiopath.overlays.overlay import Counting
from ratiopath.roi import Roi


def tile_overlay_overlap(
    roi: BaseGeometry,
    overlay_path: Any,
    tile_x: Any,
    tile_y: Any,
    mpp_x: Any,
    mpp_y: Any,
    *,
    overlay_mpp: Any = None,
    slide_path: Any = None,
    annotation: AnnotationOptions | None = None,
    weights: Counting = "centre",
    align: Align = "auto",
) -> pa.StructArray:
    """Compute the overlap column of arrays in this process, without Ray (docs/decisions/0012-arrays.md).

    The counterpart of `ratiopath.tiling.tile_overlay_overlap` for a few slides: it finishes before Ray has started.

    Args:
        roi: shapely Polygon or MultiPolygon in tile space relative to the tile: (0, 0) is its top-left corner.
        overlay_path: Overlay files: an Arrow array, chunked or not, a sequence of strings, or one string for all rows.
        tile_x: Left edges in pixels of the slide level the tiles were cut from: an array or sequence of numbers, or
            one number for all rows, as the next three arguments.
        tile_y: Top edges.
        mpp_x: Resolution of the tiles along x, µm/px.
        mpp_y: Resolution of the tiles along y, µm/px.
        overlay_mpp: Resolution of level 0 of every overlay, replacing that of its file: µm/px, (x, y), or an array with
            a number per row. For annotations, the resolution of level 0 of the slide, the frame they are drawn in.
        slide_path: Slides, in the forms of `overlay_path`: the frame of annotations, with extent and bounding box, and
            of images by `align`. The resolution of the file counts: leave it out where tiles were given another.
        annotation: Options of overlays that are annotations.
        weights: "centre" counts the pixels of an image whose centre lies in the ROI; "area" counts each pixel by its
            part inside the ROI, which is not rounded to pixels (docs/decisions/0020-area.md).
        align: Rule by which images are laid over the slide: `auto` checks sizes and resolutions against `slide_path`
            and refuses what cannot be right; `mpp` goes by the resolutions unchecked, as without `slide_path`; `extent`
            lays them over the whole slide, `bounds` over its scanned bounding box.

    Returns:
        A struct `{str(value): fraction}` per row, float64, with the same meaning as the Ray column.

    Raises:
        RoiError: The ROI is not a valid polygon with an area.
        ParameterError: Columns differ in length, hold a null, or are of a type other than string or number; or
            `weights` is neither "centre" nor "area".
        SlideError: An overlay cannot be read in full, has no resolution or more than 65,536 distinct values.

    Examples:
        >>> import numpy as np
        >>> from shapely import box
        >>> columns = {"tile_x": np.array([0, 512]), "tile_y": np.array([0, 0]), "mpp_x": 0.5, "mpp_y": 0.5}
        >>> overlaps = tile_overlay_overlap(box(0, 0, 512, 512), "mask.tiff", **columns)  # doctest: +SKIP
    """
    batch = TileBatch.of_overlays(overlay_path, tile_x, tile_y, mpp_x, mpp_y, overlay_mpp, slide_path)
    settings = OverlaySettings(annotation=annotation, counting=weights, align=align)
    return overlap_struct(batch_value_counts(batch, Roi(roi), settings))


def batch_value_counts(batch: TileBatch, roi: Roi, settings: OverlaySettings) -> Shares:
    """Count the overlay values of a batch that may mix files and resolutions; each file is opened once.

    Args:
        batch: Overlay files, with columns tile_x, tile_y, mpp_x and mpp_y.
        roi: Region of interest, relative to a tile.
        settings: Options of every overlay.
    """
    return gather(for_each_overlay(batch, roi, settings, lambda overlay, tiles: overlay.shares(tiles)), batch.count)


def overlap_struct(counts: Shares) -> pa.StructArray:
    """Build the overlap column as a struct: one nullable float64 field per value."""
    keys = list(counts.keys) if "0" in counts.keys else ["0", *counts.keys]
    shares = np.full((len(keys), len(counts)), np.nan)
    shift = len(keys) - len(counts.keys)
    shares[counts.key_index + shift, counts.rows] = counts.fractions
    return pa.StructArray.from_arrays([pa.array(row, from_pandas=True) for row in shares], names=keys)


def overlap_map(counts: Shares) -> pa.MapArray:
    """Build the overlap column as a map of the values present per row: one type whatever the values."""
    keys = pa.array(counts.keys, pa.string()).take(pa.array(counts.key_index))
    return pa.MapArray.from_arrays(pa.array(counts.offsets, pa.int32()), keys, pa.array(counts.fractions))
