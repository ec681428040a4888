"""The statistics column as a Ray column expression: numbers that sum up a heat map in each tile's ROI."""

from collections.abc import Sequence

import pyarrow as pa
from ray.data.datatype import DataType
from ray.data.expressions import Expr, udf
from shapely.geometry.base import BaseGeometry

from ratiopath.arrow.statistics import batch_statistics, statistics_struct
from ratiopath.arrow.tile_batch import TileBatch
from ratiopath.overlays import AnnotationOptions, OverlaySettings
from ratiopath.overlays.alignment import Align
from ratiopath.roi import Roi
from ratiopath.statistics.results import Scale
from ratiopath.statistics.statistic import Statistic, parse_statistics
from ratiopath.tiling.overlap import checked_mpp


def tile_overlay_statistics(
    roi: BaseGeometry,
    overlay_path: Expr,
    tile_x: Expr,
    tile_y: Expr,
    mpp_x: Expr,
    mpp_y: Expr,
    *,
    statistics: Sequence[str],
    scale: tuple[float, float] = (0.0, 1.0),
    overlay_mpp: float | tuple[float, float] | Expr | None = None,
    slide_path: Expr | None = None,
    annotation: AnnotationOptions | None = None,
    align: Align = "auto",
) -> Expr:
    """Compute statistics of the overlay's numbers inside the ROI of every tile (docs/decisions/0021-statistics.md).

    Args:
        roi: shapely Polygon or MultiPolygon in tile space relative to the tile: (0, 0) is its top-left corner.
        overlay_path: Column of overlay files.
        tile_x: Column of left edges in pixels of the slide level the tiles were cut from.
        tile_y: Column of top edges.
        mpp_x: Column of the tiles' resolution along x, µm/px.
        mpp_y: Column of the tiles' resolution along y.
        statistics: Names: mean, min, max, std (of the population), quantiles in percent such as q95, and shares such as
            share>=0.5, with >=, <=, > or <.
        scale: Numbers of the file that stand for 0 and 1, such as (0, 255); thresholds of shares are on this scale.
        overlay_mpp: Resolution of level 0 of every overlay, replacing that of its file: µm/px, (x, y), or a column. For
            annotations, the resolution of level 0 of the slide, the frame they are drawn in.
        slide_path: Column of slides: the frame of annotations, with extent and bounding box, and of images by `align`.
            The resolution of the file counts: leave it out where tiles were given another.
        annotation: Options of overlays that are annotations, such as the name of a measurement.
        align: Rule by which images are laid over the slide, as for `tile_overlay_overlap`.

    Returns:
        An expression for `Dataset.with_column`: a struct of float64, a field per statistic, named mean, q95,
        share_ge_0_5. None where the ROI holds no number: NaN and pixels that do not exist are left out.

    Raises:
        RoiError: At the call, if the ROI is not a valid polygon with an area.
        ParameterError: At the call, if a name is no statistic.
        SlideError: When the dataset runs, if an overlay cannot be read in full, has no resolution, or holds no numbers.
    """
    mpp = checked_mpp(overlay_mpp)
    settings = OverlaySettings(annotation=annotation, align=align)
    options = Roi(roi), settings, parse_statistics(statistics), Scale.of(scale)
    expression: Expr = _statistics(*options, overlay_path, tile_x, tile_y, mpp_x, mpp_y, mpp, slide_path)
    return expression


@udf(return_dtype=DataType(dict))  # type: ignore[untyped-decorator]  # Ray ships no types
def _statistics(
    roi: Roi, settings: OverlaySettings, statistics: tuple[Statistic, ...], scale: Scale, *columns: pa.Array
) -> pa.Array:
    return statistics_struct(batch_statistics(TileBatch.of_overlays(*columns), roi, settings, statistics, scale))
