"""Splits: no group in two parts, exact sizes in every stratum, the same for any order."""

import math
from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.analysis.splits.quotas import whole_quotas
from flows.analysis.splits.split import joined_strata, split_by_hash, split_exactly

PARTS = {"train": Fraction("0.7"), "val": Fraction("0.15"), "test": Fraction("0.15")}
STRATA = st.dictionaries(st.text("abcdefgh", min_size=1, max_size=5), st.sampled_from("xyz"), max_size=60)
SIZES = st.lists(st.integers(1, 9), min_size=2, max_size=5)


def parts_of(sizes: list[int]) -> dict[str, Fraction]:
    return {str(number): Fraction(size, sum(sizes)) for number, size in enumerate(sizes)}


@given(STRATA, SIZES, st.integers(-3, 3))
def test_each_part_is_exact_to_within_one_group_in_every_stratum_and_in_all(strata, sizes, seed) -> None:
    parts = parts_of(sizes)
    found = split_exactly(strata, parts, seed)
    assert found.keys() == strata.keys()
    for stratum in {*strata.values(), None}:
        members = [group for group, own in strata.items() if stratum in {None, own}]
        counts = Counter(found[group] for group in members)
        for part, share in parts.items():
            exact = share * len(members)
            assert math.floor(exact) <= counts[part] <= math.ceil(exact)


@given(STRATA, SIZES, st.randoms(use_true_random=False))
def test_a_split_does_not_depend_on_the_order(strata, sizes, random) -> None:
    shuffled = list(strata.items())
    random.shuffle(shuffled)
    parts = parts_of(sizes)
    assert split_exactly(dict(shuffled), parts, 5) == split_exactly(strata, parts, 5)
    assert split_by_hash([group for group, _ in shuffled], parts, 5) == split_by_hash(list(strata), parts, 5)


def test_a_split_by_hash_moves_nobody_when_groups_are_added() -> None:
    groups = [f"patient {number}" for number in range(2000)]
    few, all_of_them = split_by_hash(groups[:500], PARTS, 1), split_by_hash(groups, PARTS, 1)
    assert few == {group: all_of_them[group] for group in groups[:500]}
    counts = Counter(all_of_them.values())
    for part, share in PARTS.items():  # four standard deviations of a binomial
        assert abs(counts[part] - 2000 * share) < 4 * math.sqrt(2000 * share * (1 - share))


def test_the_only_group_of_a_stratum_is_in_a_part_as_often_as_the_part_is_large() -> None:
    strata = {"a": "x", "b": "y", "c": "y"}
    counts = Counter(split_exactly(strata, PARTS, seed)["a"] for seed in range(1000))
    for part, share in PARTS.items():
        assert abs(counts[part] - 1000 * share) < 4 * math.sqrt(1000 * share * (1 - share))


def test_another_seed_gives_another_split() -> None:
    strata = {f"patient {number}": "" for number in range(40)}
    assert split_exactly(strata, PARTS, 1) != split_exactly(strata, PARTS, 2)


def test_quotas_of_many_strata_of_one_are_found() -> None:
    found = whole_quotas([1] * 300, list(PARTS.values()), iter([Fraction(1, 2)] * 1000))
    assert [sum(column) for column in zip(*found, strict=True)] == [210, 45, 45]
    assert {sum(row) for row in found} == {1}


@pytest.mark.parametrize(
    ("groups", "labels", "expected"),
    [
        (["a", "a", "b"], ["x", "x", "y"], {"a": "x", "b": "y"}),
        (["a", "a", "b"], ["y", "x", None], {"a": "x + y", "b": ""}),
        (["a", "a"], ["x", None], {"a": "x"}),
    ],
)
def test_a_patient_with_several_labels_has_a_stratum_of_their_own(groups, labels, expected) -> None:
    assert joined_strata(groups, labels) == expected
