"""Shares and patches of annotations through the overlay protocol."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import affinity, box

from ratiopath.annotations import Annotations, Outlines
from ratiopath.counting.wanted import LabelPattern
from ratiopath.errors import MissingMppError, UnsupportedImageError
from ratiopath.frame import SlideFrame
from ratiopath.geometry import Mpp
from ratiopath.overlays import vector
from ratiopath.overlays.overlay import TileWindows
from ratiopath.overlays.vector import VectorOverlay
from ratiopath.roi import Roi
from tests.support import polygon_oracles as oracles
from tests.support.shapes import annotations, as_dicts, convex, overlay, regular, stars, tiles

TILE = box(0, 0, 100, 100)
PAIR = [("tumor", box(0, 0, 60, 100)), ("necrosis", box(40, 0, 80, 50))]


def shares(*items, corners=((0, 0),), roi=TILE, mpp=0.5, **options):
    return overlay(*items, **options).shares(tiles(*corners, roi=roi, mpp=mpp))


def test_keys_are_the_labels_that_cover_a_place():
    [found] = as_dicts(shares(*PAIR))
    assert found == {"0": 0.3, "necrosis": 0.1, "necrosis + tumor": 0.1, "tumor": 0.5}


def test_each_label_has_its_whole_share_where_labels_overlap():
    found = shares(*PAIR)
    assert found.share_of(["tumor"]).tolist() == [0.6]
    assert found.share_of(["necrosis"]).tolist() == [0.2]
    assert found.share_of(["necrosis", "tumor"]).tolist() == [0.7]
    assert found.share_of([LabelPattern("n.*")]).tolist() == [0.2]
    assert found.share_of(["Tumor", "tum"]).tolist() == [0]


def test_on_top_makes_labels_disjoint_and_the_last_wins():
    [found] = as_dicts(shares(*PAIR, on_top=("tumor", "necrosis")))
    assert found == {"0": 0.3, "necrosis": 0.2, "tumor": 0.5}
    [found] = as_dicts(shares(*PAIR, on_top=("necrosis", "tumor")))
    assert found == {"0": 0.3, "necrosis": 0.1, "tumor": 0.6}


def test_labels_that_on_top_does_not_name_lie_below_in_alphabetical_order():
    items = [*PAIR, ("a", TILE), ("zone", box(0, 0, 100, 50))]
    [found] = as_dicts(shares(*items, on_top=(LabelPattern("tum.*"),)))
    assert found == {"a": 0.2, "tumor": 0.6, "zone": 0.2}


def test_an_annotation_without_an_outline_covers_nothing():
    found = shares(corners=[(0, 0), (950, 0), (1000, 0)])
    assert as_dicts(found) == [{"0": 1}, {"0": 1}, {}]
    assert found.share_of(["tumor"]).tolist()[:2] == [0, 0]
    assert np.isnan(found.share_of(["tumor"])[2])


def test_what_does_not_exist_lowers_inside_and_no_share():
    found = shares(("a", box(0, 0, 50, 100)), ("dirt*", box(0, 0, 100, 40)), corners=[(0, 0), (960, 0)])
    assert as_dicts(found) == [{"0": 0.5, "a": 0.5}, {"0": 1}]
    assert (found.existing / found.inside).tolist() == [0.6, 0.4]


def test_outside_of_within_nothing_is_known():
    found = shares(("a", box(0, 0, 50, 100)), ("roi", box(0, 0, 100, 50)), corners=[(0, 0), (500, 0)], within=("roi",))
    assert as_dicts(found) == [{"0": 0.5, "a": 0.5}, {}]
    assert found.existing.tolist() == [0.5, 0]
    assert np.isnan(found.share_of(["a"])[1])


def test_a_file_without_what_is_within_is_unknown_everywhere():
    found = shares(("a", TILE), within=("roi",), corners=[(0, 0), (100, 0)])
    assert as_dicts(found) == [{}, {}]
    assert np.isnan(found.share_of(["a"])).all()


def test_a_sliver_is_nothing_and_all_but_a_sliver_is_everything():
    assert as_dicts(shares(("a", box(0, 0, 100, 9e-8)))) == [{"0": 1}]
    assert as_dicts(shares(("a", box(0, 0, 100, 100 - 9e-8)))) == [{"a": 1}]
    assert as_dicts(shares(("a", box(0, 0, 100, 2e-7)))) == [{"0": 0.999999998, "a": 2e-9}]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), stars()), max_size=6), st.floats(-0.5, 60))
def test_fractions_sum_to_one_and_have_twelve_decimals(items, x):
    for found in as_dicts(shares(*items, corners=[(x, 7), (30, x), (3, 3)], roi=box(0, 0, 20, 20))):
        assert sum(found.values()) == pytest.approx(1, abs=4e-16)
        assert all(round(share, 12) == share > 0 for share in found.values())


@settings(max_examples=40, deadline=None)
@given(st.lists(convex(), min_size=1, max_size=3), st.sampled_from([0.5, 1.0, 2.0]))
def test_shares_of_convex_labels_are_those_of_exact_arithmetic(polygons, mpp):
    labels, side = dict(zip("abc", polygons, strict=False)), 16 * mpp / 0.5
    corners = [(0, 0), (2, 3), (-1, 5), (1.5, 0.25)]
    found = as_dicts(shares(*labels.items(), corners=corners, roi=box(0, 0, 16, 16), mpp=mpp))
    for (x, y), row in zip(corners, found, strict=True):
        left, top, right, bottom = (n * mpp / 0.5 for n in (x, y, x + 16, y + 16))
        expected = oracles.areas_of_sets(labels, oracles.box(max(0, left), top, right, bottom))
        existing = float((right - max(0, left)) * side)
        for key, area in expected.items():
            assert row.get(" + ".join(sorted(key)) or "0", 0) == pytest.approx(float(area) / existing, abs=2e-9)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("ab"), stars(200)), min_size=1, max_size=5))
def test_level_1_has_the_shares_of_twice_the_tile_on_level_0(items):
    fine = shares(*items, corners=[(0, 0), (60, 80)], roi=box(0, 0, 60, 60))
    coarse = shares(*items, corners=[(0, 0), (30, 40)], roi=box(0, 0, 30, 30), mpp=1.0)
    assert as_dicts(coarse) == as_dicts(fine)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), stars()), min_size=2, max_size=6), st.randoms(use_true_random=False))
def test_the_order_of_outlines_changes_no_share(items, random):
    corners = [(0, 0), (20, 10), (50, 50)]
    expected = as_dicts(shares(*items, corners=corners, roi=box(0, 0, 30, 30)))
    found = as_dicts(shares(*random.sample(items, len(items)), corners=corners, roi=box(0, 0, 30, 30)))
    for one, other in zip(found, expected, strict=True):
        assert one == pytest.approx(other, abs=2e-12)


def test_any_roi_measures_its_own_area():
    circle = shapely.Point(50, 50).buffer(50)
    [found] = as_dicts(shares(("a", box(0, 0, 50, 100)), roi=circle))
    assert found == {"0": 0.5, "a": 0.5}


@pytest.mark.parametrize("downsample", [4.0, 3.0, 4.000081, 1 / 3])
def test_the_scale_is_the_downsample_though_a_resolution_was_rounded(downsample):
    mpp0 = Mpp.of(0.2527)
    frame = SlideFrame(mpp=mpp0, downsamples=((1.0, 1.0), (downsample, downsample)))
    one = VectorOverlay(annotations(("a", box(0, 0, 7 * 100 * downsample, 1e6))), frame)
    x = np.arange(12) * 100.0
    found = one.shares(TileWindows(x, x * 0, Mpp.of(mpp0.x * downsample), Roi(TILE)))
    assert as_dicts(found) == [{"a": 1}] * 7 + [{"0": 1}] * 5


def test_without_an_extent_everything_exists():
    found = shares(("a", box(0, 0, 50, 100)), corners=[(-100, 0), (0, 0), (10**6, 0)], extent=None)
    assert as_dicts(found) == [{"0": 1}, {"0": 0.5, "a": 0.5}, {"0": 1}]


def test_without_the_resolution_of_the_slide_nothing_is_measured():
    one = VectorOverlay(annotations(("a", TILE)), SlideFrame())
    for method in (one.shares, one.patches, one.patch_size):
        with pytest.raises(MissingMppError):
            method(tiles((0, 0), roi=TILE))


def test_no_tiles_are_fine():
    assert len(shares(*PAIR, corners=[])) == 0


def test_patches_number_the_labels_alphabetically_and_mask_what_does_not_exist():
    items = [("tumor", box(0, 0, 3, 4)), ("fat", box(5, 0, 8, 4)), ("dirt*", box(2, 0, 6, 2))]
    with overlay(*items, extent=(8, 8)) as one:
        patches = one.patches(tiles((0, 0), (4, 0), roi=box(0, 0, 8, 4)))
    assert patches.shape == (2, 2, 4, 8)
    assert patches.dtype == np.uint8
    assert patches[0, 0].tolist() == [[2, 2, 0, 0, 0, 0, 1, 1]] * 2 + [[2, 2, 2, 0, 0, 1, 1, 1]] * 2
    assert patches[0, 1].tolist() == [[0, 0, 1, 1, 1, 1, 0, 0]] * 2 + [[0] * 8] * 2
    assert patches[1, 0].tolist() == [[0, 0, 1, 1, 0, 0, 0, 0]] * 2 + [[0, 1, 1, 1, 0, 0, 0, 0]] * 2
    assert patches[1, 1].tolist() == [[1, 1, 0, 0, 1, 1, 1, 1]] * 2 + [[0] * 4 + [1] * 4] * 2


def test_patches_are_masked_outside_of_within_and_of_the_roi():
    circle = shapely.Point(4, 4).buffer(4)
    one = overlay(("a", box(0, 0, 9, 9)), ("roi", box(0, 0, 4, 9)), within=("roi",))
    patch, mask = one.patches(tiles((0, 0), roi=circle))[0]
    inside = Roi(circle).mask(vector.Extent(8, 8))
    np.testing.assert_array_equal(mask == 0, inside & (np.arange(8) < 4))
    np.testing.assert_array_equal(patch == 1, np.broadcast_to(np.arange(8) < 4, (8, 8)))


@pytest.mark.parametrize(("mpp", "size"), [(0.5, 8), (1.0, 4), (0.25, 16)])
def test_patches_are_painted_at_the_resolution_of_the_tile(mpp, size):
    one = overlay(("a", box(0, 0, 4, 8)))
    roi = box(0, 0, size, size)
    assert one.patch_size(tiles((0, 0), roi=roi, mpp=mpp)) == (size, size)
    patch, _ = one.patches(tiles((0, 0), roi=roi, mpp=mpp))[0]
    np.testing.assert_array_equal(patch, np.tile(np.arange(size) < size // 2, (size, 1)))


def test_patches_of_labels_that_overlap_need_on_top():
    with pytest.raises(UnsupportedImageError, match=r"'necrosis' and 'tumor'.*on_top"):
        overlay(*PAIR).patches(tiles((0, 0), roi=TILE))
    patch, _ = overlay(*PAIR, on_top=("tumor", "necrosis")).patches(tiles((0, 0), roi=TILE))[0]
    assert np.bincount(patch.ravel()).tolist() == [3000, 2000, 5000]


def test_labels_side_by_side_do_not_overlap():
    one = overlay(("a", box(0, 0, 4, 8)), ("b", box(4, 0, 8, 8)))
    assert set(np.unique(one.patches(tiles((0, 0), roi=box(0, 0, 8, 8))))) == {0, 1, 2}


def test_patches_painted_in_batches_are_the_same(monkeypatch):
    one = overlay(("a", regular(30, 40, (50, 50))), ("b", regular(5, 20, (120, 50))))
    windows = tiles(*((x, y) for x in range(0, 120, 16) for y in range(0, 90, 16)), roi=box(0, 0, 16, 16))
    whole = one.patches(windows)
    monkeypatch.setattr(vector, "MAX_PIXELS", 1000)
    np.testing.assert_array_equal(one.patches(windows), whole)


def test_shares_of_pixels_approach_those_of_areas():
    items = [("a", regular(30, 300, (350, 350))), ("b", affinity.rotate(box(700, 100, 900, 800), 20))]
    windows = tiles((0, 0), roi=box(0, 0, 1000, 1000))
    [found], [[patch, _]] = as_dicts(overlay(*items).shares(windows)), overlay(*items).patches(windows)
    pixels = np.bincount(patch.ravel(), minlength=3) / patch.size
    assert [found["0"], found["a"], found["b"]] == pytest.approx(pixels.tolist(), abs=1e-3)


def test_256_labels_have_a_value_each():
    one = overlay(*((f"{index:03}", box(index, 0, index + 1, 1)) for index in range(256)))
    patch, _ = one.patches(tiles((0, 0), roi=box(0, 0, 257, 1)))[0]
    assert patch.tolist() == [[*range(1, 257), 0]]


def test_kinds_of_a_file_are_noted_in_short_and_without_control_characters():
    outlines = Outlines("a.xml", "asap")
    for kind in ("\x1b[2J", "x" * 1000, *map(str, range(20))):
        outlines.ignore(kind)
    [note] = VectorOverlay(Annotations.of(outlines), SlideFrame(mpp=Mpp(1, 1))).notes({})
    assert note.isprintable()
    assert len(note) < 200


def test_layers_of_negative_regions_alone_are_noted():
    alone = [("a", box(0, 0, 1, 1), 1, True), ("a", box(2, 0, 3, 1), 1, True), ("b", box(0, 0, 1, 1), 2, True)]
    assert overlay(*alone, ("a", box(0, 0, 9, 9))).notes({}) == [
        "3 negative regions subtract nothing: their layers have no other regions"
    ]
    assert overlay(("a", box(0, 0, 9, 9), 1, False), *alone[:2]).notes({}) == []


def centroids(*items, corners=((0, 0),), **options) -> dict[str, list[int]]:
    found = overlay(*items, **options).count_centroids(tiles(*corners, roi=TILE))
    return {label: count.tolist() for label, count in found.items()}


def test_outlines_of_ignored_labels_do_not_count():
    items = [("a", box(1, 1, 2, 2)), ("b", box(3, 1, 4, 2)), ("c*", box(5, 1, 6, 2))]
    assert centroids(*items) == {"a": [1], "b": [1]}
    assert centroids(*items, ignore=("b",)) == {"a": [1], "c*": [1]}


def test_a_centroid_in_an_ignored_area_does_not_count():
    items = [("a", box(1, 1, 2, 2)), ("a", box(5, 1, 6, 2)), ("dirt", box(4, 0, 9, 9))]
    assert centroids(*items, ignore=("dirt",)) == {"a": [1]}


def test_a_centroid_outside_of_within_does_not_count_nor_does_the_area_itself():
    items = [("a", box(1, 1, 2, 2)), ("a", box(5, 1, 6, 2)), ("roi", box(0, 0, 4, 9)), ("b", box(3, 1, 5, 2))]
    assert centroids(*items, within=("roi",)) == {"a": [1], "b": [1]}
    assert centroids(*items, within=("roi",), named=("roi",))["roi"] == [1]


def test_without_any_area_within_nothing_counts():
    assert centroids(("a", box(1, 1, 2, 2)), within=("roi",)) == {"a": [0]}


def test_a_centroid_beyond_the_slide_does_not_count():
    assert centroids(("a", box(8, 1, 10, 2)), ("a", box(9, 4, 11, 5)), extent=(10, 10)) == {"a": [1]}


def test_labels_without_number_have_counts():
    assert len(centroids(*((f"{n}", box(1, 1, 2, 2)) for n in range(300)))) == 300
