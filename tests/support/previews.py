"""Slides and canvases of pictures."""

from typing import Any

import shapely

from flows.records.slides import Slide
from flows.reports.previews.scene import Canvas
from flows.reports.tile_areas import TileAreas
from ratiopath.geometry import Extent, Mpp
from ratiopath.roi import Roi

HALF_UM = Mpp(0.5, 0.5)


def slide_of(extent: tuple[int, int], tile: int, stride: int, mpp: Mpp | None = HALF_UM) -> Slide:
    sizes = Extent(*extent), Extent(tile, tile), Extent(stride, stride)
    return Slide("a", "/a.tiff", *sizes, mpp, 0, 1.0, sizes[0], mpp)


def canvas_of(
    extent: tuple[int, int],
    tile: int,
    stride: int,
    side: int,
    last: Any = "keep",
    mpp: Mpp | None = HALF_UM,
) -> Canvas:
    slide = slide_of(extent, tile, stride, mpp)
    return Canvas.of(slide, TileAreas.of(slide, last, Roi(shapely.box(0, 0, tile, tile))), side)


def grid_of(extent: tuple[int, int], tile: int) -> tuple[Slide, TileAreas]:
    """A slide and its tiles, side by side."""
    slide = slide_of(extent, tile, tile)
    return slide, TileAreas.of(slide, "keep", Roi(shapely.box(0, 0, tile, tile)))
