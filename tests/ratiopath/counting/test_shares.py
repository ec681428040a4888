"""Shares of sets of labels: names, rounding, and rows of images and annotations in one batch."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratiopath.arrow.overlap import overlap_map, overlap_struct
from ratiopath.counting.labels import Labelling
from ratiopath.counting.ranges import ValueRange
from ratiopath.counting.shares import LabelShares, key_name
from ratiopath.counting.value_counts import ValueAccumulator, ValueCounts, gather
from ratiopath.counting.wanted import LabelPattern
from tests.support.shapes import as_dicts

A, B, AB, NONE = frozenset("a"), frozenset("b"), frozenset("ab"), frozenset()


def shares(*rows: dict[frozenset[str], float], roi: float = 100) -> LabelShares:
    """Shares of rows of areas."""
    labels = list(dict.fromkeys(key for row in rows for key in row))
    entries = [(row, labels.index(key), area) for row, areas in enumerate(rows) for key, area in areas.items()]
    row, key, area = np.array(entries, dtype=np.float64).reshape(-1, 3).T
    return LabelShares.of(labels, (row.astype(np.int64), key.astype(np.int64), area), len(rows), roi)


def counts(pixels, dtype=np.uint8) -> ValueCounts:
    accumulator = ValueAccumulator(Labelling(np.dtype(dtype), 1))
    for row, values in enumerate(pixels):
        accumulator.add(row, accumulator.labelling.labels(np.array([values], dtype=dtype)))
    return accumulator.value_counts(np.full(len(pixels), 4))


@pytest.mark.parametrize(
    ("labels", "name"),
    [
        ((), "0"),
        (("tumor",), "tumor"),
        (("tumor", "necrosis"), "necrosis + tumor"),
        (("0",), '"0"'),
        (("a + b",), '"a + b"'),
        (('"0"',), '""0""'),
        (("CD3: CD8", "b"), "CD3: CD8 + b"),
    ],
)
def test_a_set_has_a_name_of_its_own(labels, name):
    assert key_name(frozenset(labels)) == name


def test_keys_that_do_not_occur_are_left_out():
    found = shares({AB: 0, NONE: 100, A: -1e-9}, {NONE: 100})
    assert found.keys == ("0",)
    assert as_dicts(found) == [{"0": 1}, {"0": 1}]


def test_the_largest_share_takes_what_rounding_leaves():
    found = as_dicts(shares({A: 100 / 3, B: 100 / 3, NONE: 100 / 3}))
    assert found == [{"0": 0.333333333334, "a": 0.333333333333, "b": 0.333333333333}]


@given(st.lists(st.floats(0, 1e4), min_size=3, max_size=3))
def test_fractions_of_a_row_sum_to_one(areas):
    found = shares(dict(zip((NONE, A, AB), areas, strict=True)), roi=1e5)
    assert sum(found.fractions) == pytest.approx(1 if max(areas) >= 1e-4 else 0, abs=4e-16)
    assert all(0 < fraction <= 1 for fraction in found.fractions)


def test_a_row_of_which_nothing_exists_is_unknown():
    found = shares({A: 1e-8}, {A: 50})
    assert found.existing.tolist() == [0, 0.5]
    np.testing.assert_array_equal(found.share_of(["a"]), [np.nan, 1])


def test_a_share_is_the_sum_of_all_sets_with_a_wanted_label():
    found = shares({A: 10, AB: 20, B: 30, NONE: 40})
    assert found.share_of(["a"]).tolist() == [0.3]
    assert found.share_of([" b "]).tolist() == [0.5]
    assert found.share_of(["a", "b", LabelPattern("a|b")]).tolist() == [0.6]
    assert found.share_of([]).tolist() == [0]


def test_zero_names_what_no_label_covers():
    assert shares({A: 10, NONE: 90}).share_of(["0"]).tolist() == [0.9]


def test_a_label_named_zero_is_not_what_no_label_covers():
    found = shares({frozenset("0"): 10, NONE: 90})
    assert found.keys == ("0", '"0"')
    assert found.share_of(["0"]).tolist() == [1.0]


def test_rows_of_images_and_annotations_come_under_one_list_of_keys():
    image, drawn = counts([[1, 1, 0, 255], [255] * 4]), shares({A: 10, AB: 20, NONE: 70})
    together = gather([(np.array([2, 0]), image), (np.array([3]), drawn)], rows=5)
    assert together.keys == ("0", "1", "255", "a", "a + b")
    assert as_dicts(together) == [
        {"255": 1},
        {},
        {"0": 0.25, "1": 0.5, "255": 0.25},
        {"0": 0.7, "a": 0.1, "a + b": 0.2},
        {},
    ]
    assert (together.existing / np.maximum(together.inside, 1)).tolist() == [1, 0, 1, 1, 0]
    np.testing.assert_array_equal(together.share_of(["1", "a"]), [0, np.nan, 0.5, 0.3, np.nan])


def test_annotations_of_several_files_are_gathered_with_their_labels():
    together = gather([(np.array([1]), shares({A: 100})), (np.array([0]), shares({AB: 50, B: 50}))], rows=2)
    assert as_dicts(together) == [{"a + b": 0.5, "b": 0.5}, {"a": 1}]
    assert together.share_of(["a"]).tolist() == [0.5, 1]


def test_shares_become_columns_as_counts_do():
    drawn = shares({A: 10, NONE: 90}, {AB: 100})
    assert overlap_struct(drawn).to_pylist() == [
        {"0": 0.9, "a": 0.1, "a + b": None},
        {"0": None, "a": None, "a + b": 1.0},
    ]
    assert overlap_map(drawn).to_pylist() == [[("0", 0.9), ("a", 0.1)], [("a + b", 1.0)]]


def test_a_pattern_matches_the_values_of_an_image():
    assert counts([[1, 12, 2, 0]]).share_of([LabelPattern("1.?")]).tolist() == [0.5]


def test_a_range_holds_the_values_of_images_and_no_label():
    drawn, image = shares({frozenset("9"): 10, frozenset([">0"]): 20, NONE: 70}), counts([[5, 7, 0, 0]])
    assert drawn.share_of([ValueRange.parse(">=0")]).tolist() == [0]
    assert drawn.share_of([ValueRange.parse(">=0"), "0", LabelPattern(">0")]).tolist() == [0.9]
    for groups in ([(np.array([0]), drawn), (np.array([1]), image)], [(np.array([1]), image), (np.array([0]), drawn)]):
        together = gather(groups, rows=2)
        assert together.share_of([ValueRange.parse("1..8")]).tolist() == [0, 0.5]
        assert together.share_of([ValueRange.parse("0..5")]).tolist() == [0.7, 0.75]  # 0 is one key of both
        assert together.share_of([LabelPattern(">0"), LabelPattern("7")]).tolist() == [0.2, 0.25]
