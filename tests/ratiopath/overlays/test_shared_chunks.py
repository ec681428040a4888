"""Several ROIs of one overlay are measured in one pass, with the results of measuring each alone."""

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from ratiopath.counting.shares import Shares
from ratiopath.errors import TooManyValuesError
from ratiopath.geometry import Extent, Mpp
from ratiopath.overlays import TileWindows
from ratiopath.overlays.raster import RasterOverlay
from ratiopath.slides import ArrayReader
from ratiopath.statistics.statistic import parse_statistics
from tests.support import oracles
from tests.support.counting_reader import CountingReader
from tests.support.shapes import as_dicts, overlay, tiles

MPP = Mpp(0.5, 0.5)
TILES = [(0, 0), (16, 0), (5, 40), (90, 60), (300, 0)]
ROIS = [shapely.box(0, 0, 16, 16), shapely.box(4, 4, 12, 12), shapely.Polygon([(-5, 0), (40, 0), (0, 40)])]
PIXELS = np.random.default_rng(5).integers(0, 4, (64, 96), dtype=np.uint8)


def reader(pixels: np.ndarray = PIXELS) -> CountingReader:
    return CountingReader([pixels, pixels[::4, ::4]], MPP, chunk=Extent(32, 16))


STATISTICS = parse_statistics(["mean", "std", "q95", "share>=2"])


def equal(one: Shares, other: Shares) -> bool:
    arrays = ("offsets", "key_index", "fractions", "inside", "existing")
    return one.keys == other.keys and all(np.array_equal(getattr(one, name), getattr(other, name)) for name in arrays)


def test_a_chunk_that_several_rois_touch_is_decoded_once():
    shared, alone = reader(), [reader() for _ in ROIS]
    several = [tiles(*TILES, roi=roi) for roi in ROIS]

    found = RasterOverlay(shared).measure(several, [])[0]

    each = [RasterOverlay(one).shares(windows) for one, windows in zip(alone, several, strict=True)]
    assert [equal(one, other) for one, other in zip(found, each, strict=True)] == [True] * 3
    union = {place for one in alone for place in one.decoded}
    assert sorted(shared.decoded) == sorted(union)
    assert len(shared.decoded) < sum(len(one.decoded) for one in alone)


def test_each_of_several_rois_equals_the_oracle():
    found = RasterOverlay(reader()).measure([tiles(*TILES, roi=roi) for roi in ROIS], [])[0]
    for roi, counts in zip(ROIS, found, strict=True):
        for (x, y), row in zip(TILES, as_dicts(counts), strict=True):
            expected = oracles.overlap([PIXELS, PIXELS[::4, ::4]], (0.5, 0.5), x, y, (0.5, 0.5), roi)
            assert row == pytest.approx(expected, abs=1e-15)


def test_sets_of_several_resolutions_read_levels_of_their_own():
    shared = reader()
    fine, coarse = tiles((0, 0), roi=ROIS[0]), tiles((0, 0), roi=ROIS[0], mpp=2.0)

    found = RasterOverlay(shared).measure([coarse, fine, coarse], [])[0]

    assert {level for level, _, _ in shared.decoded} == {0, 1}
    assert len(shared.decoded) == len(set(shared.decoded))
    assert equal(found[0], found[2])
    assert equal(found[1], RasterOverlay(reader()).shares(fine))


def test_counts_and_statistics_decode_a_chunk_once():
    shared, counting, measuring = reader(), reader(), reader()
    whole, centre = (tiles(*TILES, roi=roi) for roi in ROIS[:2])

    [counts], [found] = RasterOverlay(shared).measure([whole], [(centre, STATISTICS)])

    assert equal(counts, RasterOverlay(counting).shares(whole))
    alone = RasterOverlay(measuring).statistics(centre, STATISTICS)
    assert found.values.tobytes() == alone.values.tobytes()
    assert found.existing.tolist() == alone.existing.tolist()
    assert sorted(shared.decoded) == sorted({*counting.decoded, *measuring.decoded})
    assert len(shared.decoded) < len(counting.decoded) + len(measuring.decoded)


def test_no_set_and_no_tile_read_nothing():
    shared = reader()
    assert RasterOverlay(shared).measure([], [])[0] == []
    [found] = RasterOverlay(shared).measure([TileWindows(np.empty(0), np.empty(0), MPP, tiles(roi=ROIS[0]).roi)], [])[0]
    assert (len(found), shared.decoded) == (0, [])


def test_too_many_values_of_any_roi_are_refused():
    pixels = np.arange(300 * 300, dtype=np.float32).reshape(300, 300)
    image = RasterOverlay(ArrayReader([pixels], MPP))
    with pytest.raises(TooManyValuesError, match="continuous image"):
        image.measure([tiles((0, 0), roi=shapely.box(0, 0, side, side)) for side in (5, 300)], [])


def test_outlines_are_measured_for_several_rois():
    drawn = overlay(("a", shapely.box(0, 0, 8, 16)))
    found = [drawn.shares(tiles((0, 0), roi=roi)) for roi in ROIS[:2]]
    assert [as_dicts(one) for one in found] == [[{"0": 0.5, "a": 0.5}]] * 2


BOXES = st.tuples(*[st.integers(-20, 60)] * 2, *[st.integers(1, 40)] * 2).map(
    lambda box: shapely.box(box[0], box[1], box[0] + box[2], box[1] + box[3])
)


@given(st.lists(BOXES, min_size=1, max_size=4), st.lists(st.tuples(*[st.integers(-30, 120)] * 2), max_size=6))
def test_measured_together_is_measured_alone(rois, corners):
    corners = corners or [(0, 0)]
    shared, several = reader(), [tiles(*corners, roi=roi) for roi in rois]
    found = RasterOverlay(shared).measure(several, [])[0]
    assert len(shared.decoded) == len(set(shared.decoded))
    assert all(equal(one, RasterOverlay(reader()).shares(windows)) for one, windows in zip(found, several, strict=True))


@given(
    st.lists(BOXES, max_size=2),
    st.lists(BOXES, min_size=1, max_size=3),
    st.lists(st.tuples(*[st.integers(-30, 120)] * 2), min_size=1, max_size=6),
)
def test_counted_and_measured_together_is_alone(counted, measured, corners):
    shared = reader()
    counting = [tiles(*corners, roi=roi) for roi in counted]
    measuring = [tiles(*corners, roi=roi) for roi in measured]

    counts, statistics = RasterOverlay(shared).measure(counting, [(one, STATISTICS) for one in measuring])

    assert len(shared.decoded) == len(set(shared.decoded))
    alone = RasterOverlay(reader())
    assert all(equal(one, alone.shares(windows)) for one, windows in zip(counts, counting, strict=True))
    for one, windows in zip(statistics, measuring, strict=True):
        assert one.values.tobytes() == alone.statistics(windows, STATISTICS).values.tobytes()
