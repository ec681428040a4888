"""A split of an output's slides: the table of all slides, and the counts of each part."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import pyarrow as pa

from flows.analysis.splits.split import joined_strata, split_by_hash, split_exactly
from flows.config.errors import ConfigurationError
from schemas.splits import FOLDS, SPLITS
from schemas.table import checked

MAX_STRATA = 1000
"""Strata of a split: more are numbers, or names, rather than classes."""
MAX_LABELS = 8
"""Labels that the table for people counts."""


@dataclass(frozen=True, slots=True)
class PartCounts:
    """Content of one part."""

    name: str
    """Name of the part, or number of the fold."""
    groups: int
    """Groups, such as patients."""
    slides: int
    """Slides, with and without tiles."""
    tiles: int
    """Kept tiles."""
    labels: Mapping[str, int]
    """Slides of each label; those without label are left out."""


def split_groups(
    groups: Sequence[str],
    labels: Sequence[str | None] | None,
    parts: Mapping[str, Fraction],
    seed: int,
    *,
    is_stable: bool,
) -> dict[str, str]:
    """Give each group a part.

    Args:
        groups: Group of each slide.
        labels: Label of each slide, to divide every label alike; None for no strata.
        parts: Size of each part; they sum to 1.
        seed: Any whole number.
        is_stable: True to go by each group's hash alone.

    Raises:
        ConfigurationError: A part would be empty, there are too many strata, or a stable split is to have strata.
    """
    if is_stable and labels is not None:
        raise ConfigurationError(
            "--stable: a part that depends on a group's hash alone cannot depend on labels; leave out --stratify, or"
            " give --label for the counts"
        )
    strata = joined_strata(groups, labels or [None] * len(groups))
    if len(set(strata.values())) > MAX_STRATA:
        number = len(set(strata.values()))
        raise ConfigurationError(
            f"--stratify: found {number:,} different labels, more than {MAX_STRATA:,}; name a column of classes"
        )
    found = split_by_hash(list(strata), parts, seed) if is_stable else split_exactly(strata, parts, seed)
    empty = [name for name in parts if name not in set(found.values())]
    if empty:
        remedy = "give fewer or larger parts or folds" + (", or leave out --stable" if is_stable else "")
        raise ConfigurationError(
            f"--parts, --folds: {', '.join(empty)} would be empty with {len(strata):,} groups; {remedy}"
        )
    return found


def split_table(
    slides: pa.Table,
    groups: Sequence[str],
    labels: Sequence[str | None],
    tiles: Sequence[int],
    found: Mapping[str, str],
    *,
    is_folds: bool,
) -> pa.Table:
    """Build splits.parquet, in the order of slides.parquet.

    Args:
        slides: slides.parquet.
        groups: Group of each slide.
        labels: Label of each slide.
        tiles: Number of kept tiles of each slide.
        found: Part of each group.
        is_folds: True if the parts are numbers of folds.

    Returns:
        Table of `schemas.splits`.
    """
    schema = FOLDS if is_folds else SPLITS
    parts = [int(found[group]) if is_folds else found[group] for group in groups]
    columns = (slides["slide_id"], slides["path"], groups, labels, tiles, parts)
    arrays = [
        column if isinstance(column, pa.ChunkedArray) else pa.array(column, kind)
        for column, kind in zip(columns, schema.arrow.types, strict=True)
    ]
    return checked(pa.Table.from_arrays(arrays, schema=schema.arrow), schema)


def count_lines(counts: Sequence[PartCounts], group: str) -> list[str]:
    """Return a table of parts for people, with the most frequent labels.

    Args:
        counts: Counts of each part.
        group: Column that groups the slides.
    """
    totals: Counter[str] = Counter()
    for one in counts:
        totals.update(one.labels)
    labels = sorted(label for label, _ in totals.most_common(MAX_LABELS))
    rows = [["part", group, "slides", "tiles", *labels]]
    for one in counts:
        numbers = (one.groups, one.slides, one.tiles, *(one.labels.get(label, 0) for label in labels))
        rows.append([one.name, *(f"{number:,}" for number in numbers)])
    first, *widths = (max(map(len, column)) for column in zip(*rows, strict=True))
    return [
        "  ".join([row[0].ljust(first), *(cell.rjust(width) for cell, width in zip(row[1:], widths, strict=True))])
        for row in rows
    ]


def part_counts(table: pa.Table, parts: Sequence[str]) -> list[PartCounts]:
    """Count what each part holds.

    Args:
        table: Table of `schemas.splits`.
        parts: Names of the parts, in order.
    """
    slides: Counter[str] = Counter()
    tiles: Counter[str] = Counter()
    groups: dict[str, set[str]] = {name: set() for name in parts}
    labels: dict[str, Counter[str]] = {name: Counter() for name in parts}
    columns = [table[name].to_pylist() for name in (table.column_names[-1], "group", "label", "tiles")]
    for part, group, label, count in zip(*columns, strict=True):
        name = str(part)
        slides[name] += 1
        tiles[name] += count
        groups[name].add(group)
        if label is not None:
            labels[name][label] += 1
    return [PartCounts(name, len(groups[name]), slides[name], tiles[name], dict(labels[name])) for name in parts]
