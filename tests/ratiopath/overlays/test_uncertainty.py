"""The bound of a share's error: never exceeded, and closed forms of it."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import affinity, box

from ratiopath.geometry import Mpp
from ratiopath.overlays.overlay import TileWindows
from ratiopath.overlays.raster import RasterOverlay
from ratiopath.roi import Roi
from ratiopath.slides.array import ArrayReader
from tests.support.shapes import overlay, regular

SIDE = 96
SHAPES = {
    "half-plane": lambda x, y, turn: affinity.rotate(box(x, -900, x + 900, 900), turn, origin=(x, y)),
    "disc": lambda x, y, turn: regular(512, 20 + turn / 10, (x, y)),
    "annulus": lambda x, y, turn: regular(512, 25, (x, y)).difference(regular(512, 4 + turn / 20, (x, y))),
    "box": lambda x, y, turn: box(x - 11.3, y - 7.7, x + 9.1, y + turn / 9),
}
ROIS = {"tile": box(0, 0, 33, 33), "odd": box(-1.3, 0.2, 20.9, 31.7), "disc": shapely.Point(16, 15.5).buffer(14)}


def painted(region) -> np.ndarray:
    """Label the pixels whose centre lies in a region, overlay px."""
    x, y = np.meshgrid(np.arange(SIDE) + 0.5, np.arange(SIDE) + 0.5)
    return shapely.contains_xy(region, x, y).astype(np.uint8)


def true_shares(region, x, y, roi, scale) -> np.ndarray:
    """Share of a region in the part of each ROI that the overlay covers."""
    placed = [
        affinity.scale(affinity.translate(roi, *at), scale, scale, origin=(0, 0)) for at in zip(x, y, strict=True)
    ]
    known = shapely.intersection(np.array(placed), box(0, 0, SIDE, SIDE))
    area = shapely.area(known)
    return np.divide(
        shapely.area(shapely.intersection(known, region)), area, out=np.full(len(x), np.nan), where=area > 0
    )


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from(sorted(SHAPES)),
    st.sampled_from(sorted(ROIS)),
    st.sampled_from(["centre", "area"]),
    st.floats(0.03, 1.5),
    st.floats(20, 70),
    st.floats(20, 70),
    st.floats(0, 90),
)
def test_no_error_exceeds_its_bound(shape, roi, counting, scale, x, y, turn):
    region = SHAPES[shape](x, y, turn)
    overlay = RasterOverlay(ArrayReader([painted(region)], Mpp(1, 1)), counting=counting)
    tile_x, tile_y = np.round(np.mgrid[-20 : SIDE / scale : 5j, -20 : SIDE / scale : 5j].reshape(2, -1))
    windows = TileWindows(tile_x, tile_y, Mpp(scale, scale), Roi(ROIS[roi]))
    shares = overlay.shares(windows)

    bound = overlay.uncertainty(windows, shares)

    error = np.abs(shares.share_of(["1"]) - true_shares(region, tile_x, tile_y, ROIS[roi], scale))
    assert (np.isnan(bound) == (shares.existing == 0)).all()
    assert not (error > bound + 1e-9).any()


def bounds(roi, mpp, counting, x=(0.0,)) -> np.ndarray:
    overlay = RasterOverlay(ArrayReader([np.ones((64, 64), np.uint8)], Mpp(1, 1)), counting=counting)
    windows = TileWindows(np.array(x), np.zeros(len(x)), Mpp(mpp, mpp), Roi(roi))
    return overlay.uncertainty(windows, overlay.shares(windows))


@pytest.mark.parametrize("counting", ["centre", "area"])
def test_whole_pixels_have_half_a_pixel_along_the_border(counting):
    assert bounds(box(0, 0, 32, 16), 1, counting).tolist() == [0.5 * (96 + 4) / 512]
    assert bounds(box(0, 0, 64, 32), 0.5, counting).tolist() == [0.5 * (96 + 4) / 512]


def test_the_centre_rule_adds_what_rounding_moved():
    shift = bounds(box(0.25, 0, 32.25, 16), 1, "centre") - bounds(box(0.25, 0, 32.25, 16), 1, "area")
    assert shift.tolist() == pytest.approx([0.25 / 32])


def test_less_of_the_overlay_makes_a_larger_bound_until_nothing_is_known():
    found = bounds(box(0, 0, 32, 32), 1, "area", x=[0, 48, 63, 64])
    assert found[:3].tolist() == [66 / 1024, 66 / 512, 1]
    assert np.isnan(found[3])


def test_the_bound_of_a_disc_is_like_that_of_its_square():
    disc, square = (bounds(roi, 1, "centre")[0] for roi in (ROIS["disc"], box(2, 1, 30, 29)))
    assert square < disc < 1.5 * square


def test_annotations_have_no_pixels():
    found = overlay(("tumor", box(0, 0, 50, 50)), extent=(100, 100))
    windows = TileWindows(np.array([0.0, 40.0, 200.0]), np.zeros(3), Mpp(0.5, 0.5), Roi(box(0, 0, 20, 20)))
    bound = found.uncertainty(windows, found.shares(windows))
    assert bound[:2].tolist() == [0, 0]
    assert np.isnan(bound[2])
