"""Areas of polygons in windows against closed forms, exact arithmetic and peers."""

import math

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import affinity, box

from ratiopath.overlays.polygons.areas import RoiWindows, window_areas
from ratiopath.roi import Roi
from tests.support import polygon_oracles as oracles
from tests.support.shapes import dense, holed, regular, stars

TILE = box(0, 0, 16, 16)


def placed(corners, roi=TILE, scale=(1.0, 1.0)) -> RoiWindows:
    x, y = np.array(corners, dtype=np.float64).reshape(-1, 2).T
    return RoiWindows.of(x, y, Roi(roi), scale)


def grid(stride: float, count: int, start: float = 0.0) -> list[tuple[float, float]]:
    return [(start + column * stride, start + row * stride) for row in range(count) for column in range(count)]


def areas(polygons, corners, roi=TILE, scale=(1.0, 1.0)) -> np.ndarray:
    found = window_areas(
        np.array(polygons, dtype=object), np.zeros(len(polygons), np.int64), placed(corners, roi, scale)
    )
    return dense(found, len(corners))[:, 0]


def share(polygon, corner=(0, 0)) -> float:
    return areas([polygon], [corner])[0] / TILE.area


@pytest.mark.parametrize("x", [0.1, 1 / 3, 7.77, 15.999])
@pytest.mark.parametrize("height", [1e-3, 0.7, 20])
def test_a_box_at_fractions_of_a_pixel_has_its_product(x, height):
    expected = (16 - x) * min(height, 16 - 0.3)
    assert share(box(x, 0.3, 40, 0.3 + height)) == pytest.approx(expected / 256, abs=1e-12)


@pytest.mark.parametrize("slope", [0.001, 0.3, 1.0])
def test_a_half_plane_has_a_trapezium_in_each_window(slope):
    half_plane = shapely.Polygon([(-1e4, 5 - 1e4 * slope), (1e4, 5 + 1e4 * slope), (1e4, -1e5), (-1e4, -1e5)])
    for corner in range(10):
        ends = [5 + slope * (corner + x) for x in (0, 16)]
        if max(ends) <= 16:
            assert share(half_plane, (corner, 0)) == pytest.approx(sum(ends) / 2 / 16, abs=1e-12)


@pytest.mark.parametrize("vertices", [3, 4, 5, 7, 64, 4097])
def test_the_windows_over_a_regular_polygon_add_up_to_its_area(vertices):
    polygon = regular(vertices, 70, (100, 100), turn=0.1)
    expected = vertices / 2 * 70**2 * math.sin(2 * math.pi / vertices)
    assert areas([polygon], grid(16, 13)).sum() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("vertices", [4, 8, 64, 1000])
def test_a_quarter_of_a_symmetric_polygon_is_a_quarter_of_its_area(vertices):
    polygon = regular(vertices, 15, (0, 0))
    expected = vertices / 2 * 15**2 * math.sin(2 * math.pi / vertices) / 4
    assert areas([polygon], [(0, 0), (-16, 0), (0, -16), (-16, -16)]) == pytest.approx([expected] * 4, rel=1e-12)


def test_an_annulus_lacks_its_hole():
    ring = regular(360, 40, (50, 50)).difference(regular(360, 20, (50, 50)))
    expected = 180 * (40**2 - 20**2) * math.sin(math.pi / 180)
    found = areas([ring], grid(16, 8))
    assert found.sum() == pytest.approx(expected, rel=1e-12)
    assert areas([ring], [(42, 42)])[0] == pytest.approx(0, abs=1e-12 * 256)


def test_an_ellipse_has_the_area_of_its_polygon():
    ellipse = affinity.rotate(affinity.scale(regular(4096, 1, (0, 0)), 60, 25), 30)
    expected = 2048 * 60 * 25 * math.sin(2 * math.pi / 4096)
    assert areas([ellipse], grid(16, 10, start=-80)).sum() == pytest.approx(expected, rel=1e-12)


def test_a_window_that_a_polygon_fills_is_exactly_full():
    polygon = shapely.Polygon([(-50, -50), (400, -60), (390, 300), (100, 420), (-70, 350)])
    assert areas([box(-8, 0, 500, 500)], grid(16, 20)).tolist() == [256.0] * 400
    assert areas([polygon], grid(16, 5)) == pytest.approx([256] * 25, rel=1e-14)


def test_a_window_that_is_only_touched_has_nothing():
    assert areas([box(16, 0, 32, 16), box(0, 16, 16, 32)], [(0, 0)]).tolist() == [0]


@pytest.mark.parametrize("scale", [(1.0, 1.0), (4.0, 4.0), (2.5, 0.3)])
def test_tiles_of_a_coarser_level_are_scaled_without_rounding(scale):
    found = areas([box(1, 1, 50, 50)], [(0, 0), (3, 1)], scale=scale)
    expected = [
        (min(50, (x + 16) * scale[0]) - max(1, x * scale[0])) * (min(50, (y + 16) * scale[1]) - max(1, y * scale[1]))
        for x, y in [(0, 0), (3, 1)]
    ]
    assert found == pytest.approx(expected, rel=1e-12)


@settings(max_examples=150, deadline=None)
@given(stars(), st.lists(st.tuples(st.floats(-30, 110), st.floats(-30, 110)), min_size=1, max_size=6))
def test_areas_are_those_of_exact_arithmetic(polygon, corners):
    expected = [float(oracles.area_within(polygon, oracles.box(x, y, x + 16, y + 16))) for x, y in corners]
    assert areas([polygon], corners) == pytest.approx(expected, abs=1e-12 * 256)


@settings(max_examples=60, deadline=None)
@given(holed(), st.integers(1, 16))
def test_a_hole_is_subtracted_in_every_window(polygon, stride):
    corners = grid(stride, 8)
    expected = [float(oracles.area_within(polygon, oracles.box(x, y, x + 16, y + 16))) for x, y in corners]
    assert areas([polygon], corners) == pytest.approx(expected, abs=1e-12 * 256)


@settings(max_examples=60, deadline=None)
@given(holed(), st.sampled_from((0.25, 0.5, 1.0)), st.sampled_from((4, 8)))
def test_vertices_on_the_edges_of_windows_change_nothing(polygon, grain, side):
    snapped = shapely.transform(polygon, lambda xy: np.round(xy / grain) * grain)
    many = shapely.segmentize(snapped if snapped.is_valid and snapped.area > 0 else box(0, 4, 40, 24), grain)
    corners = grid(side, 240 // side, start=-64)
    found = areas([many], corners, roi=box(0, 0, side, side))
    assert found.sum() == pytest.approx(many.area, rel=1e-12)
    boxes = shapely.box(*np.array([(x, y, x + side, y + side) for x, y in corners]).T)
    assert found == pytest.approx(shapely.area(shapely.intersection(boxes, many)), abs=1e-9)


def test_exactextract_agrees_on_tiles_as_cells():
    exactextract = pytest.importorskip("exactextract")
    raster = pytest.importorskip("exactextract.raster")
    polygon = shapely.make_valid(regular(500, 300, (400, 390), turn=0.2)).difference(regular(90, 60, (420, 400)))
    cells = raster.NumPyRasterSource(np.zeros((50, 50)), 0, 0, 800, 800)
    feature = {"type": "Feature", "properties": {}, "geometry": shapely.geometry.mapping(polygon)}
    [found] = exactextract.exact_extract(cells, [feature], ["cell_id", "coverage"])
    expected = np.zeros(2500)
    expected[np.asarray(found["properties"]["cell_id"], int)] = found["properties"]["coverage"]
    corners = [(16 * column, 784 - 16 * row) for row in range(50) for column in range(50)]  # there y counts upwards
    assert np.abs(areas([polygon], corners) / 256 - expected).max() < 2e-7


@settings(max_examples=30, deadline=None)
@given(stars(60))
def test_supersampling_comes_as_close_as_its_grid_allows(polygon):
    corners, count = grid(16, 4), 64
    for (x, y), found in zip(corners, areas([polygon], corners), strict=True):
        window = (x, y, x + 16, y + 16)
        border = shapely.intersection(polygon.boundary, box(*window)).length
        bound = 2 * border * (16 / count) / 256 + 1e-12
        assert abs(found / 256 - oracles.supersampled(polygon, window, count)) <= bound


@settings(max_examples=60, deadline=None)
@given(stars(), st.sampled_from((16, 12.8, 7)))
def test_a_partition_adds_up_to_the_area(polygon, side):
    found = areas([polygon], grid(side, int(400 / side), start=-150), roi=box(0, 0, side, side))
    assert found.sum() == pytest.approx(polygon.area, rel=1e-12)


@settings(max_examples=40, deadline=None)
@given(stars())
def test_moving_by_a_stride_moves_the_rows(polygon):
    corners = grid(16, 9, start=-32)
    moved = affinity.translate(polygon, 16, -32)
    assert areas([moved], [(x + 16, y - 32) for x, y in corners]) == pytest.approx(
        areas([polygon], corners), abs=1e-12 * 256
    )


@settings(max_examples=40, deadline=None)
@given(stars(), st.integers(0, 30), st.booleans())
def test_direction_and_start_of_a_ring_do_not_matter(polygon, start, is_reversed):
    ring = np.roll(np.array(polygon.exterior.coords)[:-1], start, axis=0)
    other = shapely.Polygon(ring[::-1] if is_reversed else ring)
    assert areas([other], grid(16, 7)) == pytest.approx(areas([polygon], grid(16, 7)), abs=1e-12 * 256)


@settings(max_examples=40, deadline=None)
@given(st.lists(stars(), min_size=2, max_size=5), st.randoms(use_true_random=False))
def test_the_order_of_polygons_does_not_matter(polygons, random):
    shuffled = random.sample(polygons, len(polygons))
    assert areas(shuffled, grid(16, 7)) == pytest.approx(areas(polygons, grid(16, 7)), abs=1e-11 * 256)


@settings(max_examples=40, deadline=None)
@given(stars(), st.floats(10, 90))
def test_the_halves_of_a_polygon_are_the_whole(polygon, at):
    sides = box(-100, -100, at, 300), box(at, -100, 300, 300)
    parts = [part for side in sides for part in shapely.get_parts(polygon.intersection(side)).tolist()]
    halves = [part for part in parts if isinstance(part, shapely.Polygon)]
    assert areas(halves, grid(16, 7)) == pytest.approx(areas([polygon], grid(16, 7)), abs=1e-12 * 256)


@settings(max_examples=40, deadline=None)
@given(stars(), st.integers(1, 30))
def test_windows_that_overlap_or_leave_gaps_are_each_measured_whole(polygon, stride):
    corners = grid(stride, 6)
    one_by_one = [areas([polygon], [corner])[0] for corner in corners]
    assert areas([polygon], corners) == pytest.approx(one_by_one, abs=1e-12 * 256)


@settings(max_examples=30, deadline=None)
@given(stars())
def test_a_large_tile_is_the_sum_of_its_four_quarters(polygon):
    whole = areas([polygon], grid(32, 4), roi=box(0, 0, 32, 32)).reshape(4, 4)
    quarters = areas([polygon], grid(16, 8)).reshape(4, 2, 4, 2).sum(axis=(1, 3))
    assert quarters == pytest.approx(whole, abs=1e-12 * 1024)


@settings(max_examples=30, deadline=None)
@given(stars())
def test_twice_the_size_is_four_times_the_area(polygon):
    doubled = affinity.scale(polygon, 2, 2, origin=(0, 0))
    assert areas([doubled], grid(16, 7), scale=(2, 2)) == pytest.approx(4 * areas([polygon], grid(16, 7)), abs=1e-9)


def test_repeated_and_unsorted_windows_are_independent_rows():
    corners = [(40, 3), (0, 0), (40, 3), (-16, 0), (1.5, 7.25)]
    found = areas([box(-3, 0, 50, 50)], corners)
    assert found.tolist() == [160, 256, 160, 48, 256]


@pytest.mark.parametrize("height", [5e-324, 1e-308, 1e-300, 1e-200])
def test_a_side_that_is_almost_horizontal_changes_nothing(height):
    nearly, level = shapely.Polygon([(-5, height), (40, 0), (30, 30)]), shapely.Polygon([(-5, 0), (40, 0), (30, 30)])
    assert areas([nearly], grid(16, 3)).tolist() == areas([level], grid(16, 3)).tolist()


def test_no_polygon_and_no_window_are_fine():
    assert areas([], [(0, 0)]).tolist() == [0]
    assert areas([box(0, 0, 1, 1)], []).tolist() == []


def test_groups_are_measured_apart():
    polygons = np.array([box(0, 0, 4, 4), box(8, 0, 24, 16), box(10, 10, 12, 12)])
    found = window_areas(polygons, np.array([1, 0, 1]), placed([(0, 0), (16, 0)]))
    assert dense(found, 2, 2).tolist() == [[128, 20], [128, 0]]


ROIS = {
    "circle": shapely.Point(8, 8).buffer(8),
    "smaller": shapely.Polygon([(2, 3), (9.5, 4), (6, 11)]),
    "larger and negative": shapely.Polygon([(-10, -4), (30, -8), (28, 25), (5, 9), (-9, 30)]),
    "with a hole": box(0, 0, 16, 16).difference(shapely.Point(8, 8).buffer(5)),
    "two parts": shapely.MultiPolygon([box(0, 0, 4, 16), regular(5, 4, (11, 8))]),
}


@pytest.mark.parametrize("roi", ROIS.values(), ids=ROIS)
@settings(max_examples=40, deadline=None)
@given(holed(), st.sampled_from([(1.0, 1.0), (2.0, 2.0), (0.7, 1.3)]))
def test_any_roi_has_the_area_of_its_intersection(roi, polygon, scale):
    corners = [*grid(16, 5), (3.25, 17.5), (3.25, 17.5)]
    expected = [
        affinity.scale(affinity.translate(roi, x, y), *scale, origin=(0, 0)).intersection(polygon).area
        for x, y in corners
    ]
    assert areas([polygon], corners, roi, scale) == pytest.approx(expected, abs=1e-11 * 256)


def test_a_roi_inside_a_polygon_has_its_own_area():
    roi = ROIS["circle"]
    assert areas([box(-100, -100, 300, 300)], grid(16, 4), roi).tolist() == [roi.area] * 16
    assert areas([regular(100, 200, (30, 30))], grid(16, 4), roi) == pytest.approx([roi.area] * 16, rel=1e-13)


def test_far_from_the_corner_nothing_is_lost():
    far = 200_000.0
    polygon = affinity.translate(regular(1000, 300, (400, 390), turn=0.2), far, far)
    corners = grid(512, 3, start=far - 512)
    expected = [float(oracles.area_within(polygon, oracles.box(x, y, x + 512, y + 512))) for x, y in corners]
    found = areas([polygon], corners, roi=box(0, 0, 512, 512))
    assert found / 512**2 == pytest.approx(np.array(expected) / 512**2, abs=1e-12)
