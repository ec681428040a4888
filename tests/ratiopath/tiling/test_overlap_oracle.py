"""The fractions equal those of the oracle, whatever the file, the ROI, the resolutions and the tiles."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support import oracles
from tests.support.expressions import overlaps_of, tile_table
from tests.support.strategies import Case, cases

FOLDER_OF_THE_TEST = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]
"""Each example writes its own file over the last one's; drawing a raster takes milliseconds."""


def expected_overlaps(case: Case, stored) -> list[dict[str, float]]:
    levels, alpha = list(stored.levels), stored.alpha and list(stored.alpha)
    return [oracles.overlap(levels, stored.mpp, x, y, case.mpp_tile, case.roi, alpha) for x, y in case.tiles]


@given(case=cases())
@settings(max_examples=250, deadline=None, suppress_health_check=FOLDER_OF_THE_TEST)
def test_fractions_equal_the_oracle(case: Case, tmp_path: Path) -> None:
    path = tmp_path / "overlay.tiff"
    stored = case.layout.write(path, case.raster)
    found = overlaps_of(tile_table(path, case.tiles, case.mpp_tile), case.roi)
    assert found == [pytest.approx(row, rel=1e-12, abs=0) for row in expected_overlaps(case, stored)]


@given(case=cases())
@settings(max_examples=60, deadline=None, suppress_health_check=FOLDER_OF_THE_TEST)
def test_fractions_are_positive_and_sum_to_one_or_are_all_missing(case: Case, tmp_path: Path) -> None:
    path = tmp_path / "overlay.tiff"
    case.layout.write(path, case.raster)
    for row in overlaps_of(tile_table(path, case.tiles, case.mpp_tile), case.roi):
        assert all(fraction > 0 for fraction in row.values())
        assert not row or sum(row.values()) == pytest.approx(1, rel=1e-12)


@given(case=cases(), order=st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None, suppress_health_check=FOLDER_OF_THE_TEST)
def test_a_row_does_not_depend_on_the_other_rows_of_its_block(case: Case, order, tmp_path: Path) -> None:
    path = tmp_path / "overlay.tiff"
    case.layout.write(path, case.raster)
    together = overlaps_of(tile_table(path, case.tiles, case.mpp_tile), case.roi)
    shuffled = list(range(len(case.tiles)))
    order.shuffle(shuffled)
    moved = overlaps_of(tile_table(path, [case.tiles[i] for i in shuffled], case.mpp_tile), case.roi)
    assert [together[i] for i in shuffled] == moved
    for tile, row in zip(case.tiles, together, strict=True):
        assert overlaps_of(tile_table(path, [tile], case.mpp_tile), case.roi) == [row]
