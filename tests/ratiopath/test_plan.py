"""Windows and the chunks they touch."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from shapely import box

from ratiopath.geometry import Extent, Mpp
from ratiopath.plan import OverlayTransform, Windows, intersect, plan_chunks
from ratiopath.pyramid import Pyramid
from ratiopath.roi import Roi


def test_the_origin_is_scaled_with_the_roi_and_the_size_without_the_tile():
    pyramid = Pyramid.of([Extent(100, 100)], Mpp(2, 4))
    tiles = np.array([0.0, 3.0, 5.0])

    windows = OverlayTransform.of(pyramid, Mpp(1, 1), Roi(box(1, 1, 11, 11))).windows(tiles, tiles)

    assert windows.x.tolist() == [1, 2, 3]  # floor((tile + 1) / 2 + 0.5)
    assert windows.y.tolist() == [0, 1, 2]  # floor((tile + 1) / 4 + 0.5)
    assert windows.extent == Extent(5, 3)


def test_a_patch_has_at_least_one_pixel():
    pyramid = Pyramid.of([Extent(10, 10)], Mpp(100, 100))

    assert OverlayTransform.of(pyramid, Mpp(1, 1), Roi(box(0, 0, 8, 8))).windows(
        np.zeros(1), np.zeros(1)
    ).extent == Extent(1, 1)


corners = st.lists(st.tuples(st.integers(-30, 60), st.integers(-30, 60)), max_size=12)
sizes = st.tuples(st.integers(1, 40), st.integers(1, 40))


@given(corners, sizes, sizes, sizes)
def test_visits_bring_every_existing_pixel_of_every_window_exactly_once(corners, size, level, chunk):
    x, y = np.array(corners, dtype=np.int64).reshape(-1, 2).T
    windows, level, chunk = Windows(0, x, y, Extent(*size)), Extent(*level), Extent(*chunk)
    image = np.arange(level.width * level.height).reshape(level.height, level.width)
    seen = np.full((len(windows), windows.extent.height, windows.extent.width), -1)
    expected = seen.copy()
    for window, (left, top) in enumerate(corners):
        for i in range(windows.extent.height):
            for j in range(windows.extent.width):
                if 0 <= top + i < level.height and 0 <= left + j < level.width:
                    expected[window, i, j] = image[top + i, left + j]

    visited = list(plan_chunks(windows, level, chunk))

    for visit in visited:
        piece = image[visit.y : visit.y + visit.extent.height, visit.x : visit.x + visit.extent.width]
        for window in visit.windows.tolist():
            part = intersect(windows, window, visit)
            assert (seen[window][part.in_window] == -1).all()
            seen[window][part.in_window] = piece[part.in_chunk]
    np.testing.assert_array_equal(seen, expected)
    places = [(visit.row, visit.column) for visit in visited]
    assert places == sorted(set(places))
