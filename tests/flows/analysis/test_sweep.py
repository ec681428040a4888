"""Tiles, slides and areas that thresholds leave, against a count tile by tile."""

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.analysis.thresholds.funnel import CohortFunnel, SlideFunnel, are_true
from flows.analysis.thresholds.sweep import ClassLeft, CohortLeft, SlideSweep, sum_at_least, thresholds_of
from flows.config.errors import ConfigurationError
from flows.config.keep_expression import KeepNames, keep_expression, keep_parts
from flows.reports.tile_areas import TileAreas
from ratiopath.geometry import Extent
from schemas.columns import OverlayColumns

MASK = OverlayColumns("mask", ("a", "b"), "null")
AB = KeepNames(frozenset("ab"))
SIDE = 10
few = settings(max_examples=40)
edges = st.sampled_from([number / 20 for number in range(21)])  # shares that equal a threshold
shares = st.one_of(st.none(), edges, st.floats(0, 1))
tiles = st.lists(st.tuples(shares, shares, st.floats(0.1, 1)), min_size=0, max_size=30)


def table(rows) -> pa.Table:
    """Tiles in one line, from left to right."""
    columns = [pa.array([row[n] for row in rows], pa.float64()) for n in range(3)]
    x = pa.array([SIDE * n for n in range(len(rows))], pa.int64())
    y = pa.array([0] * len(rows), pa.int64())
    return pa.Table.from_arrays([x, y, *columns], ["tile_x", "tile_y", "a", "b", "mask_inside"])


def cells(rows, mm2_per_px: float | None = 0.5) -> dict[str, TileAreas]:
    xs = np.arange(0, SIDE * max(1, len(rows)), SIDE)
    return {"mask": TileAreas(xs, np.array([0]), Extent(SIDE, SIDE), mm2_per_px)}


def sweep(groups, cells, thresholds) -> dict[str, ClassLeft]:
    slide = SlideSweep([MASK], cells, thresholds)
    for group in groups:
        slide.add(group)
    return slide.left()


def funnel(groups, parts) -> SlideFunnel:
    slide = SlideFunnel(parts)
    for group in groups:
        slide.add(group)
    return slide


def test_thresholds_are_the_decimals_that_a_user_writes() -> None:
    assert thresholds_of(0.05).tolist() == [
        *[0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5],
        *[0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0],
    ]


def test_the_last_threshold_is_1_for_any_step() -> None:
    assert thresholds_of(0.3).tolist() == [0.0, 0.3, 0.6, 0.9, 1.0]
    assert thresholds_of(1).tolist() == [0.0, 1.0]


@pytest.mark.parametrize("step", [0, -0.1, 1.5, 0.0001, math.nan])
def test_a_step_out_of_range_is_refused(step: float) -> None:
    with pytest.raises(ConfigurationError, match=r"--step: .* is no distance of thresholds; give 0.001 to 1"):
        thresholds_of(step)


def test_a_share_equal_to_a_threshold_is_left() -> None:
    assert sum_at_least(np.array([0.15, np.nextafter(0.15, 0)]), thresholds_of(0.05))[:5].tolist() == [2, 2, 2, 1, 0]


@few
@given(tiles, st.sampled_from([0.05, 0.1, 0.3]), st.integers(0, 30))
def test_counts_and_areas_are_those_of_a_count_tile_by_tile(rows, step: float, split: int) -> None:
    thresholds, whole = thresholds_of(step), table(rows)
    found = sweep([whole[:split], whole[split:]], cells(rows), thresholds)
    for number, name in enumerate("ab"):
        known = [(row[number], row[2]) for row in rows if row[number] is not None]
        left = [[(share, inside) for share, inside in known if share >= limit] for limit in thresholds]
        assert found[name].tiles.tolist() == list(map(len, left))
        if not known:
            assert found[name].mm2 is None
        else:
            expected = [math.fsum(share * inside * SIDE**2 * 0.5 for share, inside in one) for one in left]
            assert found[name].mm2 == pytest.approx(expected)


@few
@given(tiles, edges)
def test_a_threshold_leaves_the_tiles_that_keep_would_keep(rows, limit: float) -> None:
    kept = table(rows).filter(keep_expression(f"a >= {limit!r}", AB)).num_rows
    thresholds = thresholds_of(0.05)
    found = sweep([table(rows)], cells(rows), thresholds)["a"].tiles
    assert found[thresholds.tolist().index(limit)] == kept


def test_an_area_without_resolution_is_unknown() -> None:
    rows = [(0.5, None, 1.0)]
    assert sweep([table(rows)], cells(rows, None), thresholds_of(0.5))["a"].mm2 is None


@few
@given(tiles, st.integers(1, 5))
def test_a_slide_drops_at_the_first_threshold_that_leaves_too_few_tiles(rows, least: int) -> None:
    left = sweep([table(rows)], cells(rows), thresholds_of(0.1))["a"]
    below = [number for number, count in enumerate(left.tiles) if count < least]
    assert left.drops_at(least) == (below[0] if below else None)


@few
@given(st.lists(tiles, max_size=4), st.integers(1, 5))
def test_a_cohort_counts_slides_with_none_and_with_too_few_tiles(slides, least: int) -> None:
    thresholds = thresholds_of(0.25)
    cohort = CohortLeft(thresholds, least)
    for rows in slides:
        cohort.add(sweep([table(rows)], cells(rows), thresholds)["a"])
    for number, limit in enumerate(thresholds):
        counts = [sum(row[0] is not None and row[0] >= limit for row in rows) for rows in slides]
        found = [cohort.tiles, cohort.slides, cohort.slides_without, cohort.slides_below]
        expected = [sum(counts), sum(c > 0 for c in counts), counts.count(0), sum(c < least for c in counts)]
        assert [one[number] for one in found] == expected


def test_the_area_of_a_cohort_is_unknown_if_one_slide_has_none() -> None:
    thresholds, known, unknown = thresholds_of(0.5), [(0.5, None, 1.0)], [(None, None, 0.0)]
    cohort = CohortLeft(thresholds, 1)
    assert cohort.mm2 is None
    cohort.add(sweep([table(known)], cells(known), thresholds)["a"])
    cohort.add(sweep([table(unknown)], cells(unknown, None), thresholds)["a"])
    assert cohort.mm2 == pytest.approx([25, 25, 0])  # a slide where the class is known nowhere has nothing to add
    cohort.add(sweep([table(known)], cells(known, None), thresholds)["a"])
    assert cohort.mm2 is None


EXPRESSIONS = [
    "a >= 0.5",
    "a >= 0.15 and b < 0.5",
    "(a > 0.2 or b > 0.2) and (not a > 0.9 and b / a > 0.5)",
    "not (a > 0.5 and b > 0.5) and 0.1 <= a <= 0.8 and mask_inside > 0.5",
]


@few
@given(tiles, st.sampled_from(EXPRESSIONS))
def test_the_funnel_ends_with_the_tiles_that_keep_keeps(rows, text: str) -> None:
    columns = KeepNames(frozenset({"a", "b", "mask_inside"}))
    parts, group = keep_parts(text, columns), table(rows)
    left = funnel([group[:7], group[7:]], parts)
    kept = [group.filter(keep_expression(part.text, columns)).num_rows for part in parts]
    assert left.alone.tolist() == [len(rows), *kept]
    joined = [" and ".join(f"({part.text})" for part in parts[:count]) for count in range(1, len(parts) + 1)]
    assert left.in_order.tolist() == [
        len(rows), *(group.filter(keep_expression(one, columns)).num_rows for one in joined),
    ]  # fmt: skip
    assert left.in_order[-1] == group.filter(keep_expression(text, columns)).num_rows


def test_unknown_and_false_parts_keep_nothing() -> None:
    group = table([(None, 1.0, 1.0), (0.1, 1.0, 1.0), (0.9, None, 1.0)])
    found = are_true(group, keep_parts("a > 0.5 and b > 0.5", AB))
    assert found.tolist() == [[False, False, True], [True, True, False]]


def test_a_funnel_of_slides_counts_those_left() -> None:
    parts, cohort = keep_parts("a > 0.5 and b > 0.5", AB), CohortFunnel(2, 2)
    for rows in ([(1.0, 0.0, 1.0)] * 3, [(1.0, 1.0, 1.0)], [(0.0, 1.0, 1.0)] * 2):
        cohort.add(funnel([table(rows)], parts))
    assert cohort.tiles_alone.tolist() == [6, 4, 3]
    assert cohort.slides_alone.tolist() == [3, 2, 2]
    assert cohort.tiles.tolist() == [6, 4, 1]
    assert cohort.slides.tolist() == [3, 2, 1]
    assert cohort.slides_below.tolist() == [1, 2, 3]
