"""Parts of a cohort, such as train, val and test, with all slides of a group, such as a patient, in one part."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import accumulate, chain, count, repeat

from flows.analysis.splits.quotas import whole_quotas
from flows.analysis.splits.seeded_hash import BITS, name_hash


def split_exactly(strata: Mapping[str, str], parts: Mapping[str, Fraction], seed: int) -> dict[str, str]:
    """Give each group a part, such that the parts have the sizes asked for, in each stratum and in all.

    Each part has its exact number of groups rounded up or down, in every stratum and in total (`whole_quotas`). A
    stratum's groups are ordered by their hash, and the first ones go to the first part.

    Args:
        strata: Stratum of each group, in any order: the result depends on the names only.
        parts: Size of each part, in order; they sum to 1.
        seed: Any whole number.
    """
    members: dict[str, list[str]] = defaultdict(list)
    for group, stratum in strata.items():
        members[stratum].append(group)
    names = sorted(members)
    quotas = whole_quotas([len(members[name]) for name in names], list(parts.values()), _chances(seed))
    found: dict[str, str] = {}
    for name, quota in zip(names, quotas, strict=True):
        ordered = sorted(members[name], key=lambda group: (name_hash(group, seed), group))
        found |= zip(ordered, chain.from_iterable(map(repeat, parts, quota)), strict=True)
    return found


def split_by_hash(groups: Sequence[str], parts: Mapping[str, Fraction], seed: int) -> dict[str, str]:
    """Give each group a part by its own hash only: whatever is added later, nobody moves, and sizes are approximate.

    Args:
        groups: The groups.
        parts: Size of each part, in order; they sum to 1: the range of hashes is divided in this order.
        seed: Any whole number.
    """
    ends = [end * 2**BITS for end in accumulate(parts.values())]
    names = list(parts)
    return {group: names[sum(end <= name_hash(group, seed) for end in ends)] for group in groups}


def joined_strata(groups: Sequence[str], labels: Sequence[str | None]) -> dict[str, str]:
    """Return the stratum of each group: the label of its slides, or all their labels, sorted and joined by " + ".

    Args:
        groups: Group of each slide.
        labels: Label of each slide; one without label adds none.
    """
    found: dict[str, set[str]] = {group: set() for group in groups}
    for group, label in zip(groups, labels, strict=True):
        found[group] |= {label} if label is not None else set()
    return {group: " + ".join(sorted(own)) for group, own in found.items()}


def _chances(seed: int) -> Iterator[Fraction]:
    """Yield numbers in [0, 1) by the hashes of "rounding 0", "rounding 1" and so on."""
    return (Fraction(name_hash(f"rounding {number}", seed), 2**BITS) for number in count())
