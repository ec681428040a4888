"""The overlay's pixels under each tile's ROI as a Ray column expression."""

import pyarrow as pa
from ray.data.datatype import DataType
from ray.data.expressions import Expr, udf
from shapely.geometry.base import BaseGeometry

from ratiopath.arrow.tile_batch import TileBatch, for_each_overlay
from ratiopath.overlays import AnnotationOptions, OverlaySettings
from ratiopath.overlays.alignment import Align
from ratiopath.roi import Roi
from ratiopath.tiling.overlap import checked_mpp
from ratiopath.tiling.tensors import tensor_column


def tile_overlay(
    roi: BaseGeometry,
    overlay_path: Expr,
    tile_x: Expr,
    tile_y: Expr,
    mpp_x: Expr,
    mpp_y: Expr,
    *,
    overlay_mpp: float | tuple[float, float] | Expr | None = None,
    slide_path: Expr | None = None,
    annotation: AnnotationOptions | None = None,
    align: Align = "auto",
) -> Expr:
    """Read the overlay's pixels under the bounding box of every tile's ROI, with a mask of those outside the ROI.

    Args:
        roi: shapely Polygon or MultiPolygon in tile space relative to the tile: (0, 0) is its top-left corner.
        overlay_path: Column of overlay files.
        tile_x: Column of left edges in pixels of the slide level the tiles were cut from.
        tile_y: Column of top edges.
        mpp_x: Column of the tiles' resolution along x, µm/px.
        mpp_y: Column of the tiles' resolution along y.
        overlay_mpp: Resolution of level 0 of every overlay, replacing that of its file: µm/px, (x, y), or a column. For
            annotations, the resolution of level 0 of the slide, the frame they are drawn in.
        slide_path: Column of slides: the frame of annotations, with extent and bounding box, and of images by `align`.
            The resolution of the file counts: leave it out where tiles were given another (slide_mpp=).
        annotation: Options of overlays that are annotations.
        align: Rule by which images are laid over the slide: `auto` checks sizes and resolutions against `slide_path`
            and refuses what cannot be right; `mpp` goes by the resolutions unchecked, as without `slide_path`; `extent`
            lays them over the whole slide, `bounds` over its scanned bounding box.

    Returns:
        An expression for `Dataset.with_column`. `data, mask = row["column"]`: a tensor of the overlay's dtype, shape
        (2, height, width) for one channel and (2, height, width, channels) otherwise. `data` is 0 where the overlay
        has no pixel; `mask` is true (1) outside the ROI or the overlay, as in numpy's masked arrays:
        `np.ma.masked_array(data, mask.astype(bool))`.

    Raises:
        RoiError: At the call, if the ROI is not a valid polygon with an area.
        SlideError: When the dataset runs, if an overlay cannot be read in full or has no resolution.
    """
    mpp = checked_mpp(overlay_mpp)
    settings = OverlaySettings(annotation=annotation, align=align)
    columns = (overlay_path, tile_x, tile_y, mpp_x, mpp_y, mpp, slide_path)
    expression: Expr = _overlay(Roi(roi), settings, *columns)
    return expression


@udf(return_dtype=DataType(object))  # type: ignore[untyped-decorator]  # Ray ships no types
def _overlay(roi: Roi, settings: OverlaySettings, *columns: pa.Array) -> pa.Array:
    batch = TileBatch.of_overlays(*columns)
    patches = for_each_overlay(batch, roi, settings, lambda overlay, tiles: overlay.patches(tiles))
    return tensor_column(patches, batch.count)
