"""The pieces of annotations in each tile's ROI as a Ray column expression."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from ray.data.datatype import DataType
from ray.data.expressions import Expr, udf
from shapely.geometry.base import BaseGeometry

from ratiopath.arrow.tile_batch import TileBatch, for_each_overlay
from ratiopath.counting.wanted import Wanted
from ratiopath.errors import UnsupportedFormatError
from ratiopath.overlays import AnnotationOptions, Overlay, OverlaySettings, TileWindows
from ratiopath.overlays.vector import VectorOverlay
from ratiopath.roi import Roi
from ratiopath.tiling.overlap import checked_mpp


def tile_annotations(
    roi: BaseGeometry,
    annotation_path: Expr,
    tile_x: Expr,
    tile_y: Expr,
    mpp_x: Expr,
    mpp_y: Expr,
    *,
    labels: Sequence[Wanted] = (),
    overlay_mpp: float | tuple[float, float] | Expr | None = None,
    slide_path: Expr | None = None,
    annotation: AnnotationOptions | None = None,
) -> Expr:
    """Cut annotations to the ROI of every tile, in pixels of the tile.

    Args:
        roi: shapely Polygon or MultiPolygon in tile space relative to the tile: (0, 0) is its top-left corner.
        annotation_path: Column of annotation files.
        tile_x: Column of left edges in pixels of the slide level the tiles were cut from.
        tile_y: Column of top edges.
        mpp_x: Column of the tiles' resolution along x, µm/px.
        mpp_y: Column of the tiles' resolution along y.
        labels: Labels whose outlines are cut, or patterns of labels; none for all.
        overlay_mpp: Resolution of level 0 of the slide: µm/px, (x, y), or a column.
        slide_path: Column of slides, which stands for `overlay_mpp`, and for the slide's extent and bounding box.
        annotation: Options of the annotations.

    Returns:
        An expression for `Dataset.with_column`: binary, the WKB of a MultiPolygon per tile in pixels of the tile,
        (0, 0) its top-left corner; empty where no outline lies in the ROI. `shapely.from_wkb` reads it.

    Raises:
        RoiError: At the call, if the ROI is not a valid polygon with an area.
        SlideError: When the dataset runs, if a file is no annotation, cannot be read, or lies elsewhere.
    """
    mpp = checked_mpp(overlay_mpp)
    settings = OverlaySettings(annotation=annotation)
    columns = (annotation_path, tile_x, tile_y, mpp_x, mpp_y, mpp, slide_path)
    expression: Expr = _pieces(Roi(roi), settings, tuple(labels), *columns)
    return expression


@udf(return_dtype=DataType.binary())  # type: ignore[untyped-decorator]  # Ray ships no types
def _pieces(roi: Roi, settings: OverlaySettings, labels: tuple[Wanted, ...], *columns: pa.Array) -> pa.Array:
    batch = TileBatch.of_overlays(*columns)

    def cut(overlay: Overlay, tiles: TileWindows) -> np.ndarray:
        if not isinstance(overlay, VectorOverlay):
            hint = "pass an annotation, or use tile_overlay for images"
            raise UnsupportedFormatError(f"{overlay.path!r} is an image without outlines", path=overlay.path, hint=hint)
        return overlay.pieces(tiles, labels)

    pieces = np.empty(batch.count, dtype=np.object_)
    for rows, found in for_each_overlay(batch, roi, settings, cut):
        pieces[rows] = found
    return pa.array(pieces, pa.binary())
