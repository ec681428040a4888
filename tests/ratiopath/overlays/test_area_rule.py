"""The area rule of rasters against clipping every pixel with shapely, closed forms, and itself on other paths."""

import math

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import affinity, box

from ratiopath.counting import counter as counting
from ratiopath.counting.area import border, pixel_areas
from ratiopath.counting.area.pixel_areas import polygon_edges
from ratiopath.errors import ParameterError
from ratiopath.frame import SlideFrame
from ratiopath.geometry import Extent, Mpp
from ratiopath.overlays.alignment import Alignment
from ratiopath.overlays.overlay import TileWindows
from ratiopath.overlays.raster import RasterOverlay
from ratiopath.roi import Roi
from ratiopath.slides.array import ArrayReader
from tests.support.shapes import as_dicts, regular

RING = shapely.Point(5, 4).buffer(6).difference(shapely.Point(4, 5).buffer(2.5))
ROIS = {
    "tile": box(0, 0, 12, 8),
    "fractional": box(-1.25, 0.4, 7.3, 6.9),
    "sliver": box(3, 1, 3.2, 9),
    "triangle": shapely.Polygon([(-2, 0), (11, 1.5), (4, 9)]),
    "ring": RING,
    "pieces": shapely.MultiPolygon([box(0, 0, 2.5, 3), shapely.Polygon([(5, 5), (9, 5), (7, 8)])]),
}
KINDS = {
    "binary": lambda rng, shape: rng.choice(np.array([0, 255], np.uint8), shape),
    "uniform": lambda rng, shape: np.full(shape, 7, np.uint8),
    "signed": lambda rng, shape: (rng.integers(0, 5, shape) - 2).astype(np.int16),
    "many": lambda rng, shape: rng.integers(0, 99_999, shape).astype(np.uint32),
    "floats": lambda rng, shape: rng.choice(np.array([0.5, np.nan, -0.0, 0.0], np.float32), shape),
    "colours": lambda rng, shape: rng.integers(0, 2, (*shape, 3)).astype(np.uint8),
    "long": lambda rng, shape: rng.integers(0, 2, (*shape, 3)).astype(np.float64),
}


def measured(image, x, y, roi, scale, *, exists=None, chunk=(7, 5)):
    """Shares of an image of 1 µm/px in tiles of `scale` µm/px."""
    reader = ArrayReader([image], Mpp(1, 1), chunk=Extent(*chunk), exists=None if exists is None else [exists])
    windows = TileWindows(np.asarray(x, np.float64), np.asarray(y, np.float64), Mpp(*scale), Roi(roi))
    return RasterOverlay(reader, counting="area").shares(windows)


def name(pixel) -> str:
    values = [str(value + 0) for value in np.atleast_1d(pixel)]
    return values[0] if len(set(values)) == 1 else ",".join(values)


def clipped(image, x, y, roi, scale, exists=None):
    """The area of each value, pixel by pixel, and that of the ROI; a row per tile."""
    rows, total = [], roi.area * scale[0] * scale[1]
    for left, top in zip(x, y, strict=True):
        placed = affinity.scale(affinity.translate(roi, left, top), *scale, origin=(0, 0))
        row = {}
        for i, j in np.ndindex(image.shape[:2]):
            if exists is None or exists[i, j]:
                area = placed.intersection(box(j, i, j + 1, i + 1)).area
                row[name(image[i, j])] = row.get(name(image[i, j]), 0) + area
        rows.append(row)
    return rows, total


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from(sorted(KINDS)),
    st.sampled_from(sorted(ROIS)),
    st.sampled_from([(1.0, 1.0), (0.5, 0.25), (0.37, 1 / 3), (1.3, 0.9), (0.01, 0.02)]),
    st.lists(st.tuples(st.integers(-12, 40), st.integers(-12, 30)), max_size=4),
    st.booleans(),
    st.tuples(st.integers(1, 20), st.integers(1, 20)),
    st.integers(0, 2**32 - 1),
)
def test_the_area_of_each_value_is_that_of_its_pixels_clipped_to_the_roi(
    kind, roi, scale, corners, sparse, chunk, seed
):
    rng = np.random.default_rng(seed)
    image = KINDS[kind](rng, (9, 13))
    exists = rng.random((9, 13)) < 0.8 if sparse else None
    x, y = np.array(corners, dtype=np.float64).reshape(-1, 2).T
    expected, total = clipped(image, x, y, ROIS[roi], scale, exists)

    shares = measured(image, x, y, ROIS[roi], scale, exists=exists, chunk=chunk)

    assert len(shares) == len(corners)
    for row, (found, areas) in enumerate(zip(as_dicts(shares), expected, strict=True)):
        known = sum(areas.values())
        assert shares.existing[row] / shares.inside[row] == pytest.approx(known / total, abs=1e-9)
        assert all(fraction > 0 for fraction in found.values())
        if known > 1e-6 * total:
            assert sum(found.values()) == pytest.approx(1, abs=1e-12)
            for value in found.keys() | areas.keys():
                assert found.get(value, 0) * known == pytest.approx(areas.get(value, 0), abs=1e-9 * total)


@pytest.mark.parametrize("kind", ["binary", "signed", "many", "colours"])
@pytest.mark.parametrize("limit", ["_MAX_TABLE_BYTES", "_MAX_TABLES", "_MIN_CELL_LIMIT"])
def test_all_paths_and_chunks_and_blocks_of_rows_count_the_same_units(monkeypatch, kind, limit):
    image = KINDS[kind](np.random.default_rng(3), (60, 70))
    x, y = np.mgrid[-5:90:9, -5:80:7].reshape(2, -1)
    args = image, x, y, box(0.3, 0, 8.77, 6.5), (0.73, 0.81)
    expected = as_dicts(measured(*args, chunk=(64, 64)))

    assert as_dicts(measured(*args, chunk=(11, 9))) == expected
    alone = [as_dicts(measured(image, x[[row]], y[[row]], *args[3:]))[0] for row in range(0, len(x), 9)]
    assert alone == expected[::9]
    monkeypatch.setattr(counting, limit, 0)
    monkeypatch.setattr(counting, "_MAX_CELLS_PER_WINDOW", 0)
    assert as_dicts(measured(*args)) == expected


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("step", [7, 9 / 0.73], ids=["any-phase", "few-phases"])
def test_all_paths_and_chunks_count_the_same_units_of_other_rois(monkeypatch, kind, step):
    image = KINDS[kind](np.random.default_rng(5), (40, 50))
    image[12:36, 15:45] = image[0, 0]  # chunks of one value, too
    x, y = np.mgrid[-9:60:step, -9:50:step].reshape(2, -1)
    args = image, x, y, ROIS["ring"], (0.73, 0.73)
    expected = as_dicts(measured(*args, chunk=(64, 64)))

    assert as_dicts(measured(*args, chunk=(11, 9))) == expected
    alone = [as_dicts(measured(image, x[[row]], y[[row]], *args[3:]))[0] for row in range(0, len(x), 13)]
    assert alone == expected[::13]
    for module, limit in (
        (border, "_MAX_TABLE_BYTES"),
        (border, "_MAX_LOOKUPS"),
        (pixel_areas, "_FEW_PHASES"),
        (pixel_areas, "_MAX_CACHED_BYTES"),
    ):
        monkeypatch.setattr(module, limit, 0)
        assert as_dicts(measured(*args)) == expected
    monkeypatch.setattr(counting, "_MIN_CELL_LIMIT", 0)
    monkeypatch.setattr(counting, "_MAX_CELLS_PER_WINDOW", 0)
    assert as_dicts(measured(*args)) == expected


@pytest.mark.parametrize("roi", ["tile", "triangle", "ring"])
def test_everything_of_a_roi_on_the_overlay_exists_to_the_last_bit(roi):
    x, y = np.mgrid[10:50:7, 10:50:9].reshape(2, -1)

    shares = measured(np.ones((60, 60), np.uint8), x, y, ROIS[roi], (0.731, 0.917))

    assert (shares.existing == shares.inside).all()
    assert as_dicts(shares) == [{"1": 1.0}] * len(x)


def test_windows_on_whole_pixels_agree_with_the_centre_rule():
    image = KINDS["signed"](np.random.default_rng(1), (64, 64))
    x, y = np.mgrid[-16:80:16, -16:80:8].reshape(2, -1).astype(np.float64)
    windows = TileWindows(x, y, Mpp(0.25, 0.25), Roi(box(0, 0, 16, 16)))
    centre = RasterOverlay(ArrayReader([image], Mpp(1, 1))).shares(windows)

    area = measured(image, x, y, box(0, 0, 16, 16), (0.25, 0.25))

    assert as_dicts(area) == as_dicts(centre)
    assert (area.existing / area.inside == centre.existing / centre.inside).all()


@pytest.mark.parametrize("edge", [0.0, 1 / 3, 0.5, 5.123456789, 15.999999])
def test_a_half_plane_has_the_share_of_its_box(edge):
    image = np.zeros((16, 16), np.uint8)
    image[:, :8] = 1
    shares = measured(image, [edge], [0], box(0, 0, 3.7, 2.2), (1, 1))
    expected = min(max(8 - edge, 0), 3.7) / min(3.7, 16 - edge)
    assert as_dicts(shares)[0].get("1", 0) == pytest.approx(expected, abs=1e-12)
    assert shares.existing[0] / shares.inside[0] == pytest.approx(min(3.7, 16 - edge) / 3.7, abs=1e-12)


def test_a_grid_of_windows_shares_out_every_pixel():
    image = KINDS["binary"](np.random.default_rng(4), (50, 70))
    side, scale = 9.0, 0.617
    x, y = np.mgrid[0 : 70 / scale : side, 0 : 50 / scale : side].reshape(2, -1)
    shares = measured(image, x, y, box(0, 0, side, side), (scale, scale))
    area = shares.share_of(["255"]) * shares.existing / shares.inside * (side * scale) ** 2
    assert np.nansum(area) == pytest.approx(np.count_nonzero(image), rel=1e-12)


def test_a_window_inside_one_pixel_has_its_value():
    assert as_dicts(measured(np.array([[1, 2]], np.uint8), [110], [20], box(0, 0, 1, 1), (0.01, 0.01))) == [{"2": 1.0}]


def test_where_nothing_exists_nothing_is_known():
    shares = measured(np.ones((4, 4), np.uint8), [4, -3, 90], [0, 0, 0], box(0, 0, 3, 3), (1, 1))
    assert as_dicts(shares) == [{}, {}, {}]
    assert np.isnan(shares.share_of(["1"])).all()


def test_an_edge_beside_a_pixels_border_by_rounding_lies_on_it():
    image = np.arange(9, dtype=np.uint8).reshape(1, 9)
    x = np.arange(3)
    scale = 3 * 1.1  # 3.3000000000000003
    shares = measured(np.repeat(image, 10, axis=1), x * 10 / 3.3, [0, 0, 0], box(0, 0, 10 / 3.3, 1 / 3.3), (scale, 3.3))
    assert as_dicts(shares) == [{"0": 1.0}, {"1": 1.0}, {"2": 1.0}]


def test_windows_beyond_whole_numbers_are_refused():
    with pytest.raises(ParameterError, match="a coordinate is beyond"):
        measured(np.ones((4, 4), np.uint8), [2.0**53], [0], box(0, 0, 3, 3), (4, 1))


@pytest.mark.parametrize(
    "polygon",
    [regular(64, 7, (8.2, 8.9)), RING, affinity.translate(RING, -9.5, 3.25), box(0.25, 3, 9, 3.5)],
    ids=["regular", "ring", "beyond", "box"],
)
def test_the_area_of_a_polygon_in_each_pixel_is_that_of_shapely(polygon):
    cells = [box(j, i, j + 1, i + 1) for i in range(18) for j in range(17)]
    expected = shapely.area(shapely.intersection(cells, polygon)).reshape(18, 17)

    found = pixel_areas.pixel_areas(polygon_edges(polygon) - 0.25, Extent(17, 18), np.array([[5, -3], [0.25, 0.25]]))[1]

    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


def test_steep_and_flat_edges_far_from_the_corner_have_their_areas():
    x, y = (
        np.interp(np.arange(n), edges, parts)
        for n, edges, parts in (
            (5003, [3999, 4000, 4001, 4999, 5000, 5001], [0, 0.7, 1, 1, 0.6, 0]),
            (4, [0, 1, 2, 3], [0.75, 1, 0.5, 0]),
        )
    )
    polygon = shapely.box(4000.3, 0.25, 5000.6, 2.5)

    found = pixel_areas.pixel_areas(polygon_edges(polygon) - 0.1, Extent(5003, 4), np.array([[0.1, 0.1]]))[0]

    np.testing.assert_allclose(found, np.outer(y, x), rtol=0, atol=1e-11)
    assert (found[1, 4001:5000] == 1).all()
    assert not found[:, :4000].any()
    assert not found[3].any()


@pytest.mark.parametrize("centre", [(30.0, 30.0), (29.31, 30.77)])
def test_the_pixels_of_a_disc_add_up_to_its_area(centre):
    vertices = 4096
    found = pixel_areas.pixel_areas(polygon_edges(regular(vertices, 25, centre)), Extent(60, 60), np.zeros((1, 2)))[0]
    assert found.sum() == pytest.approx(vertices / 2 * 25**2 * math.sin(2 * math.pi / vertices), rel=1e-12)
    assert set(np.unique(found[20:40, 20:40])) == {1.0}


@pytest.mark.parametrize("roi", ["fractional", "ring"])
def test_an_aligned_overlay_counts_from_its_corner_on_the_slide(roi):
    image = KINDS["signed"](np.random.default_rng(8), (40, 40))
    reader, origin, mpp = ArrayReader([image], Mpp(1, 1)), (3.25, 1.5), Mpp(0.5, 0.5)
    placed = Alignment("bounds", Mpp(1, 1), origin, None, (2, 2), None)
    x, y = np.mgrid[-4:70:9, -4:70:11].reshape(2, -1).astype(np.float64)
    frame = SlideFrame("a.tiff", Extent(90, 90), mpp)
    on_slide, by_itself = (TileWindows(x + dx, y + dy, mpp, Roi(ROIS[roi])) for dx, dy in (origin, (0, 0)))
    for rule in ("centre", "area"):
        aligned, alone = RasterOverlay(reader, placed, frame, rule), RasterOverlay(reader, counting=rule)
        found, expected = aligned.shares(on_slide), alone.shares(by_itself)
        assert as_dicts(found) == as_dicts(expected)
        bounds = aligned.uncertainty(on_slide, found), alone.uncertainty(by_itself, expected)
        np.testing.assert_allclose(*bounds, rtol=1e-12)


@given(
    st.sampled_from(sorted(ROIS)),
    st.sampled_from([(1.0, 1.0), (0.5, 0.25), (0.37, 1 / 3), (1.3, 0.9)]),
    st.lists(st.tuples(st.integers(-8, 30), st.integers(-8, 30)), min_size=1, max_size=4),
    st.integers(0, 2**32 - 1),
)
def test_exactextract_agrees(roi, scale, corners, seed) -> None:
    exactextract = pytest.importorskip("exactextract")
    raster = pytest.importorskip("exactextract.raster")
    image = np.random.default_rng(seed).integers(0, 4, (11, 13)).astype(np.int32)
    flipped = raster.NumPyRasterSource(np.ascontiguousarray(image[::-1]), 0, 0, 13, 11)  # there y counts upwards
    x, y = zip(*corners, strict=True)
    shares = as_dicts(measured(image, x, y, ROIS[roi], scale))
    for left, top, found in zip(x, y, shares, strict=True):
        placed = affinity.scale(affinity.translate(ROIS[roi], left, top), *scale, origin=(0, 0))
        feature = {"type": "Feature", "properties": {}, "geometry": shapely.geometry.mapping(placed)}
        [result] = exactextract.exact_extract(flipped, [feature], ["unique", "frac"])
        properties = result["properties"]
        expected = dict(zip(map(str, np.asarray(properties["unique"]).tolist()), properties["frac"], strict=True))
        for key in expected.keys() | found.keys():
            assert abs((found.get(key) or 0) - expected.get(key, 0)) < 1e-6
