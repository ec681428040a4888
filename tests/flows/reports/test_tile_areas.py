"""Areas of tiles: each pixel of a slide counts once."""

import numpy as np
import pytest
import shapely

from flows.records.slides import Slide
from flows.reports.tile_areas import TileAreas
from ratiopath.geometry import Extent, Mpp
from ratiopath.roi import Roi

WHOLE, PART = shapely.box(0, 0, 4, 4), shapely.box(0, 0, 2, 2)
MM = Mpp(1000, 1000)
"""Resolution at which a pixel is one mm²."""


def areas_of(*, extent=(8, 4), stride=(4, 4), mpp=MM, last="keep", roi=WHOLE):
    """Tiles of 4 x 4 px."""
    size = Extent(*extent)
    slide = Slide("a", "/a.tiff", size, Extent(4, 4), Extent(*stride), mpp, 0, 1, size, mpp)
    return TileAreas.of(slide, last, Roi(roi))


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
    one = areas_of(extent=(extent, 4), stride=(stride, 4), last=last)

    areas = one.areas(one.xs, np.zeros_like(one.xs))

    assert areas.tolist() == [width * 4 for width in expected]


def test_only_the_roi_counts():
    assert areas_of(roi=PART).areas(np.array([0, 4]), np.array([0, 0])).tolist() == [4, 4]


def test_areas_without_a_resolution_are_unknown():
    assert areas_of(mpp=None).areas(np.array([0]), np.array([0])) is None


def test_areas_of_parts_of_overlapping_tiles_are_unknown():
    assert areas_of(stride=(2, 4), roi=PART).areas(np.array([0]), np.array([0])) is None
