"""Bounds of the error that the pixels of an overlay put into shares (docs/accuracy.md).

Two errors add up. R is the ROI in pixels of the overlay, not rounded; R' the whole pixels that are counted.

1. Outlines became pixels when the overlay was made. A pixel has the label of its centre, so an outline that runs along
   one pixel after another is off by half a pixel on average at most: by half a pixel times its length. The length of
   outlines in a tile is not known; it is taken to be that of the ROI's border, a pixel longer at each of four sides.
2. The centre rule counts R' instead of R. For any label, the shares of R and R' differ by no more than
   max(|R - R'|, |R' - R|) / max(|R|, |R'|). The area rule counts R itself.
"""

import numpy as np

from ratiopath.counting.area.fractional import FractionalWindows
from ratiopath.counting.area.pixel_areas import PixelAreas
from ratiopath.counting.shares import Shares
from ratiopath.geometry import Float64s, Int64s
from ratiopath.overlays.overlay import Counting
from ratiopath.plan import OverlayTransform, Windows

HALF_PIXEL = 0.5
"""Largest mean distance of an outline from the pixels that stand for it, in pixels of the overlay."""
SIDES = 4
"""Sides of an ROI whose outlines may be a pixel longer than its border."""


def raster_uncertainty(
    corners: tuple[Float64s, Float64s], transform: OverlayTransform, shares: Shares, counting: Counting
) -> Float64s:
    """Bound the error of any share of each tile.

    Args:
        corners: Left and top edges of the tiles in tile space, relative to the overlay.
        transform: Scale from tile space to the overlay.
        shares: Shares of the tiles by that rule.
        counting: Rule for the pixels that the edge of the ROI cuts.

    Returns:
        Bound per tile, 0 to 1; NaN if nothing exists.
    """
    exact = FractionalWindows.of(transform, *corners)
    area = exact.area * shares.existing / shares.inside
    moved: Float64s = np.zeros(len(shares))
    if counting == "centre":
        area = shares.existing.astype(np.float64)
        moved = _moved(exact, transform.windows(*corners), transform)
    wrong = HALF_PIXEL * (transform.perimeter + SIDES) + moved
    bound: Float64s = np.divide(wrong, area, out=np.full(len(shares), np.nan), where=area > 0)
    np.minimum(bound, 1, out=bound)
    return bound


def _moved(exact: FractionalWindows, rounded: Windows, transform: OverlayTransform) -> Float64s:
    """Measure the area of the ROI that is not counted, or the counted area beyond it: the larger one, in px²."""
    if transform.roi.is_box:
        across = _common(exact.x.low[exact.x.rank], exact.x.high[exact.x.rank], rounded.x, rounded.extent.width)
        down = _common(exact.y.low[exact.y.rank], exact.y.high[exact.y.rank], rounded.y, rounded.extent.height)
        return max(exact.area, rounded.extent.width * rounded.extent.height) - across * down
    mask = transform.roi.mask(rounded.extent)
    mask = np.ones((rounded.extent.height, rounded.extent.width), dtype=np.bool_) if mask is None else mask
    roi = PixelAreas(exact, transform)
    place = np.stack([roi.phase, rounded.x - exact.touched.x, rounded.y - exact.touched.y], axis=1)
    places, index = np.unique(place, axis=0, return_inverse=True)
    common = np.zeros(len(places))
    for number, (phase, left, top) in enumerate(places.tolist()):
        areas = roi.areas(phase)[top:, left:][: mask.shape[0], : mask.shape[1]]
        common[number] = areas[mask[: areas.shape[0], : areas.shape[1]]].sum()
    moved: Float64s = np.maximum(exact.area, np.count_nonzero(mask)) - common[index]
    return moved


def _common(low: Float64s, high: Float64s, first: Int64s, length: int) -> Float64s:
    """Measure the common part of [low, high) and [first, first + length)."""
    common: Float64s = np.maximum(np.minimum(high, first + length) - np.maximum(low, first), 0)
    return common
