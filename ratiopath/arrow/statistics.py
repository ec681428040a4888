"""The statistics column of arrays: numbers that sum up a heat map in each tile's ROI."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
from shapely.geometry.base import BaseGeometry

from ratiopath.arrow.tile_batch import TileBatch, for_each_overlay
from ratiopath.overlays import AnnotationOptions, OverlaySettings
from ratiopath.overlays.alignment import Align
from ratiopath.roi import Roi
from ratiopath.statistics.results import Scale, Statistics, gather_statistics
from ratiopath.statistics.statistic import Statistic, parse_statistics


def tile_overlay_statistics(
    roi: BaseGeometry,
    overlay_path: Any,
    tile_x: Any,
    tile_y: Any,
    mpp_x: Any,
    mpp_y: Any,
    *,
    statistics: Sequence[str],
    scale: tuple[float, float] = (0.0, 1.0),
    overlay_mpp: Any = None,
    slide_path: Any = None,
    annotation: AnnotationOptions | None = None,
    align: Align = "auto",
) -> pa.StructArray:
    """Compute statistics of the overlay's numbers in this process, without Ray (docs/decisions/0021-statistics.md).

    The counterpart of `ratiopath.tiling.tile_overlay_statistics`.

    Args:
        roi: shapely Polygon or MultiPolygon in tile space relative to the tile: (0, 0) is its top-left corner.
        overlay_path: Overlay files: an Arrow array, chunked or not, a sequence of strings, or one string for all rows.
        tile_x: Left edges in pixels of the slide level the tiles were cut from: an array or sequence of numbers, or
            one number for all rows, as the next three arguments.
        tile_y: Top edges.
        mpp_x: Resolution of the tiles along x, µm/px.
        mpp_y: Resolution of the tiles along y, µm/px.
        statistics: Names: mean, min, max, std (of the population), quantiles in percent such as q95, and shares such as
            share>=0.5, with >=, <=, > or <.
        scale: Numbers of the file that stand for 0 and 1, such as (0, 255); thresholds of shares are on this scale.
        overlay_mpp: Resolution of level 0 of every overlay, replacing that of its file: µm/px, (x, y), or an array with
            a number per row. For annotations, the resolution of level 0 of the slide, the frame they are drawn in.
        slide_path: Slides, in the forms of `overlay_path`: the frame of annotations, with extent and bounding box, and
            of images by `align`. The resolution of the file counts: leave it out where tiles were given another.
        annotation: Options of overlays that are annotations, such as the name of a measurement.
        align: Rule by which images are laid over the slide, as for `tile_overlay_overlap`.

    Returns:
        A struct per row, float64: a field per statistic, named mean, q95, share_ge_0_5. None where the ROI holds no
        number: NaN and pixels that do not exist are left out.

    Raises:
        RoiError: The ROI is not a valid polygon with an area.
        ParameterError: A name is no statistic; or columns differ in length, hold a null, or are of a wrong type.
        SlideError: An overlay cannot be read in full, has no resolution, or holds no numbers.

    Examples:
        >>> import numpy as np
        >>> from shapely import box
        >>> columns = {"tile_x": np.array([0, 512]), "tile_y": np.array([0, 0]), "mpp_x": 0.5, "mpp_y": 0.5}
        >>> names = ["mean", "q95", "share>=0.5"]
        >>> tile_overlay_statistics(box(0, 0, 512, 512), "map.tiff", **columns, statistics=names)  # doctest: +SKIP
    """
    wanted = parse_statistics(statistics)
    batch = TileBatch.of_overlays(overlay_path, tile_x, tile_y, mpp_x, mpp_y, overlay_mpp, slide_path)
    settings = OverlaySettings(annotation=annotation, align=align)
    return statistics_struct(batch_statistics(batch, Roi(roi), settings, wanted, Scale.of(scale)))


def batch_statistics(
    batch: TileBatch, roi: Roi, settings: OverlaySettings, statistics: tuple[Statistic, ...], scale: Scale
) -> Statistics:
    """Measure a batch that may mix files and resolutions; each file is opened once.

    Args:
        batch: Overlay files, with columns tile_x, tile_y, mpp_x and mpp_y.
        roi: Region of interest, relative to a tile.
        settings: Options of every overlay.
        statistics: The statistics, on the scale.
        scale: Scale of the numbers.
    """
    in_file = scale.in_file(statistics)
    groups = for_each_overlay(batch, roi, settings, lambda overlay, tiles: overlay.statistics(tiles, in_file))
    return gather_statistics(groups, statistics, batch.count).scaled(scale)


def statistics_struct(found: Statistics) -> pa.StructArray:
    """Build the column: one nullable float64 field per statistic."""
    names = [one.column for one in found.statistics]
    return pa.StructArray.from_arrays([pa.array(one, from_pandas=True) for one in found.values.T], names=names)
