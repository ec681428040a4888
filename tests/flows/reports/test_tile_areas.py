"""Areas of tiles: each pixel of a slide counts once."""

import numpy as np
import pytest
import shapely

from flows.reports.tile_areas import TileAreas
from ratiopath.roi import Roi


def cells(*, extent=(8, 4), tile=(4, 4), stride=(4, 4), mpp=1000.0, last="keep", roi=None):
    """At 1000 µm/px a pixel is one mm²."""
    lengths = {"extent": extent, "tile_extent": tile, "stride": stride, "mpp": (mpp, mpp)}
    slide = {f"{name}_{axis}": pair[number] for name, pair in lengths.items() for number, axis in enumerate("xy")}
    return TileAreas.of(slide, last, Roi(shapely.box(0, 0, *tile) if roi is None else roi))


@pytest.mark.parametrize(
    ("stride", "last", "extent", "expected"),
    [
        (4, "keep", 8, [4, 4]),
        (4, "keep", 10, [4, 4, 4]),  # the last tile hangs over; its share inside accounts for that
        (2, "drop", 8, [2, 2, 4]),
        (6, "drop", 10, [4, 4]),  # pixels between tiles are in no cell
        (4, "shift", 10, [4, 2, 4]),
    ],
)
def test_a_pixel_is_in_the_cell_of_one_tile(stride, last, extent, expected):
    one = cells(extent=(extent, 4), stride=(stride, 4), last=last)

    areas = one.areas(one.xs, np.zeros_like(one.xs))

    assert areas.tolist() == [width * 4 for width in expected]


def test_only_the_roi_counts():
    assert cells(roi=shapely.box(0, 0, 2, 2)).areas(np.array([0, 4]), np.array([0, 0])).tolist() == [4, 4]


def test_areas_without_a_resolution_are_unknown():
    assert cells(mpp=None).areas(np.array([0]), np.array([0])) is None


def test_areas_of_parts_of_overlapping_tiles_are_unknown():
    assert cells(stride=(2, 4), roi=shapely.box(0, 0, 2, 2)).areas(np.array([0]), np.array([0])) is None
