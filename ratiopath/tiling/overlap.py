"""The overlap column as a Ray column expression: the share of every overlay value in each tile's ROI."""

import pyarrow as pa
from ray.data.datatype import DataType
from ray.data.expressions import Expr, udf
from shapely.geometry.base import BaseGeometry

from ratiopath.arrow.overlap import batch_value_counts, overlap_struct
from ratiopath.arrow.tile_batch import TileBatch
from ratiopath.geometry import Mpp
from ratiopath.overlays import AnnotationOptions, OverlaySettings
from ratiopath.overlays.alignment import Align
from ratiopath.overlays.overlay import Counting
from ratiopath.roi import Roi


def tile_overlay_overlap(
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
    weights: Counting = "centre",
    align: Align = "auto",
) -> Expr:
    """Compute the share of each overlay value among the pixels inside the ROI of every tile.

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
        weights: "centre" counts the pixels of an image whose centre lies in the ROI; "area" counts each pixel by its
            part inside the ROI, which is not rounded to pixels (docs/decisions/0020-area.md).
        align: Rule by which images are laid over the slide: `auto` checks sizes and resolutions against `slide_path`
            and refuses what cannot be right; `mpp` goes by the resolutions unchecked, as without `slide_path`; `extent`
            lays them over the whole slide, `bounds` over its scanned bounding box.

    Returns:
        An expression for `Dataset.with_column`: a struct `{str(value): fraction}`, float64. The fractions present are
        > 0 and sum to 1; a value absent from a row but present in another row of the block is None; a row whose ROI
        holds no pixel of the overlay has only None. "0" is always among the keys, because a struct without fields
        cannot be stored. A pixel with differing channels counts as "r,g,b"; one with alpha 0 does not exist.

    Raises:
        RoiError: At the call, if the ROI is not a valid polygon with an area.
        ParameterError: At the call, if `weights` is neither "centre" nor "area".
        SlideError: When the dataset runs, if an overlay cannot be read in full, has no resolution or more than 65,536
            distinct values.

    Examples:
        >>> from ray.data.expressions import col
        >>> from shapely import box
        >>> overlap = tile_overlay_overlap(
        ...     box(0, 0, 512, 512), col("mask"), col("tile_x"), col("tile_y"), col("mpp_x"), col("mpp_y")
        ... )
    """
    mpp = checked_mpp(overlay_mpp)
    settings = OverlaySettings(annotation=annotation, counting=weights, align=align)
    columns = (overlay_path, tile_x, tile_y, mpp_x, mpp_y, mpp, slide_path)
    expression: Expr = _overlap(Roi(roi), settings, *columns)
    return expression


def checked_mpp(overlay_mpp: float | tuple[float, float] | Expr | None) -> Mpp | Expr | None:
    """Check a resolution of overlays at the call, unless it is a column.

    Raises:
        ParameterError: A number is not finite or not > 0.
    """
    return overlay_mpp if isinstance(overlay_mpp, Expr) else Mpp.optional(overlay_mpp)


@udf(return_dtype=DataType(dict))  # type: ignore[untyped-decorator]  # Ray ships no types
def _overlap(roi: Roi, settings: OverlaySettings, *columns: pa.Array) -> pa.Array:
    return overlap_struct(batch_value_counts(TileBatch.of_overlays(*columns), roi, settings))
