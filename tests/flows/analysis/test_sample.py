"""Samples of tiles against a plain Python oracle, and as draws by chance."""

import hashlib
from collections import defaultdict

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.analysis.splits import sample as sample_module
from flows.analysis.splits.sample import Sampler
from flows.analysis.splits.sampling import Sampling
from flows.analysis.splits.seeded_hash import tile_hashes
from flows.config.keep_expression import KeepNames, keep_expression

WORD = 2**64
SHARES = st.lists(st.sampled_from([None, 0.0, 0.25, 0.5, 1.0]), min_size=2, max_size=2)
COHORTS = st.dictionaries(
    st.sampled_from(["a", "b", "c", "d"]),
    st.dictionaries(st.tuples(st.integers(-2, 5), st.integers(0, 2**40)), SHARES, max_size=12),
)
LIMITS = st.none() | st.integers(1, 6)


def splitmix(number: int) -> int:
    number = (number + 0x9E3779B97F4A7C15) % WORD
    number = (number ^ number >> 30) * 0xBF58476D1CE4E5B9 % WORD
    number = (number ^ number >> 27) * 0x94D049BB133111EB % WORD
    return number ^ number >> 31


def hash_of(slide: str, x: int, y: int, seed: int) -> int:
    start = int.from_bytes(hashlib.sha256(f"{seed}/{slide}".encode()).digest()[:8], "big")
    return splitmix(splitmix(start ^ x % WORD) ^ y % WORD)


def class_of(shares) -> str | None:
    known = [share or 0 for share in shares]
    return "xy"[known.index(max(known))] if max(known) > 0 else None


def oracle(cohort, per_slide, per_class, seed) -> dict[tuple[str, int, int], tuple[str | None, float]]:
    """Class and weight of each sampled tile."""
    classes, weights = defaultdict(list), {}
    for slide, tiles in cohort.items():
        ordered = sorted(tiles, key=lambda tile: hash_of(slide, *tile, seed))
        for tile in ordered[:per_slide]:
            classes[class_of(tiles[tile])].append((hash_of(f"{slide}/class", *tile, seed), (slide, *tile)))
            weights[slide, *tile] = max(1, len(tiles) / (per_slide or len(tiles)))
    return {
        tile: (name, weights[tile] * len(found) / min(len(found), per_class or len(found)))
        for name, found in classes.items()
        for _, tile in sorted(found)[:per_class]
    }


def table_of(tiles) -> pa.Table:
    columns = {"tile_x": [x for x, _ in tiles], "tile_y": [y for _, y in tiles]}
    table = pa.table({name: pa.array(values, pa.int64()) for name, values in columns.items()})
    for number, name in enumerate("xy"):
        table = table.append_column(name, pa.array([shares[number] for shares in tiles.values()], pa.float64()))
    return table


def sampled(cohort, per_slide, per_class, seed=0, where=None) -> dict[tuple[str, int, int], tuple[str | None, float]]:
    sampler = Sampler(Sampling(per_slide, per_class, ("x", "y"), where, ("x", "y"), seed))
    rows = [row for group in sampler.groups((s, table_of(t)) for s, t in cohort.items()) for row in group.to_pylist()]
    found = {(row["slide_id"], row["tile_x"], row["tile_y"]): (row["class"], row["weight"]) for row in rows}
    assert len(found) == len(rows) == sampler.chosen.total()
    assert sampler.slides == len({slide for slide, _, _ in found})
    return found


@settings(max_examples=40)
@given(COHORTS, LIMITS, LIMITS, st.integers(-1, 3))
def test_a_sample_is_that_of_plain_python(cohort, per_slide, per_class, seed) -> None:
    found, expected = sampled(cohort, per_slide, per_class, seed), oracle(cohort, per_slide, per_class, seed)
    assert {tile: name for tile, (name, _) in found.items()} == {tile: name for tile, (name, _) in expected.items()}
    assert [weight for _, weight in found.values()] == pytest.approx([expected[tile][1] for tile in found])


@settings(max_examples=40)
@given(COHORTS, LIMITS, LIMITS, st.randoms(use_true_random=False))
def test_a_sample_does_not_depend_on_the_order(cohort, per_slide, per_class, random) -> None:
    slides = [(slide, list(tiles.items())) for slide, tiles in cohort.items()]
    for _, tiles in slides:
        random.shuffle(tiles)
    random.shuffle(slides)
    shuffled = {slide: dict(tiles) for slide, tiles in slides}
    found, expected = sampled(shuffled, per_slide, per_class), sampled(cohort, per_slide, per_class)
    assert found.keys() == expected.keys()
    assert {tile: one[1] for tile, one in found.items()} == pytest.approx({t: one[1] for t, one in expected.items()})


@settings(max_examples=20)
@given(COHORTS, st.integers(1, 6), st.booleans())
def test_a_larger_sample_holds_the_smaller_one(cohort, limit, is_per_slide) -> None:
    few, many = (sampled(cohort, *((n, None) if is_per_slide else (None, n))) for n in (limit, limit + 1))
    assert few.keys() <= many.keys()


def grid(columns: int, lines: int) -> dict[tuple[int, int], list[float]]:
    return {(512 * x, 512 * y): [1.0, 0.0] for y in range(lines) for x in range(columns)}


@pytest.mark.parametrize("limits", [(None, 60), (30, 50)])
def test_every_tile_is_drawn_as_often_as_its_weight_says(limits) -> None:
    cohort = {"small": grid(6, 5), "large": grid(12, 10)}
    counts, weighted = defaultdict(int), []
    draws = 100
    for seed in range(draws):
        found = sampled(cohort, *limits, seed)
        weighted.append(sum(weight for _, weight in found.values()))
        for tile in found:
            counts[tile] += 1
    chances = {slide: min(1, (limits[0] or 1000) / len(tiles)) for slide, tiles in cohort.items()}
    second = (limits[1] or 1000) / sum(len(cohort[slide]) * chance for slide, chance in chances.items())
    expected = {(slide, *tile): draws * chances[slide] * min(1, second) for slide in cohort for tile in cohort[slide]}
    spread = [
        (counts[tile] - mean) ** 2 / (mean * (1 - mean / draws)) for tile, mean in expected.items() if mean < draws
    ]
    assert np.mean(spread) == pytest.approx(1, abs=0.4)  # chi-square per degree of freedom
    assert all(counts[tile] == draws for tile, mean in expected.items() if mean == draws)
    assert np.mean(weighted) == pytest.approx(150, rel=0.02)


def test_hashes_of_neighbours_have_no_pattern() -> None:
    x, y = (axis.ravel().astype(np.int64) * 256 for axis in np.meshgrid(np.arange(200), np.arange(200)))
    hashes = tile_hashes("slide", x, y, 7)
    assert len(np.unique(hashes)) == len(hashes)
    counts = np.bincount((hashes >> np.uint64(56)).astype(np.int64), minlength=256)
    chi_square = ((counts - counts.mean()) ** 2 / counts.mean()).sum()
    assert 255 - 4 * np.sqrt(2 * 255) < chi_square < 255 + 4 * np.sqrt(2 * 255)
    for axis in (x, y):
        assert abs(np.corrcoef(hashes.astype(np.float64), axis)[0, 1]) < 4 / np.sqrt(len(x))


def test_a_condition_leaves_the_others_out_of_the_weights() -> None:
    cohort = {"a": {(n, 0): [n / 10, 0.0] for n in range(11)}}
    found = sampled(cohort, 2, None, where=keep_expression("x >= 0.5", KeepNames(frozenset("xy"))))
    assert len(found) == 2
    assert {x for _, x, _ in found} <= {5, 6, 7, 8, 9, 10}
    assert {weight for _, weight in found.values()} == {3.0}


def test_little_memory_gives_the_same_sample(monkeypatch) -> None:
    cohort = {f"slide {n}": grid(6, 5) for n in range(30)}
    expected = sampled(cohort, None, 20), sampled(cohort, 7, None)
    monkeypatch.setattr(sample_module, "GROUP_ROWS", 25)
    assert (sampled(cohort, None, 20), sampled(cohort, 7, None)) == expected
