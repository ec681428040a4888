"""Numbers of outlines, weighted by their area in each tile."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from ratiopath.errors import MissingMppError, UnsupportedFormatError
from ratiopath.frame import SlideFrame
from ratiopath.overlays.vector import VectorOverlay
from ratiopath.statistics.statistic import parse_statistics
from tests.support.shapes import annotations, holed, overlay, tiles

ALL = parse_statistics(["mean", "min", "max", "std", "q0", "q50", "q95", "q100", "share>=0.5", "share<0.2"])
BOX = shapely.box(0, 0, 10, 10)


def test_numbers_count_by_their_area_in_the_tile():
    scores = overlay(("0.2", shapely.box(-10, 0, 5, 10)), ("0.8", shapely.box(5, 0, 10, 5)))

    found = scores.statistics(tiles((0, 0), (90, 90), roi=BOX), ALL)

    mean, std = 0.4, np.sqrt((2 * 0.2**2 + 0.4**2) / 3)  # 50 px² of 0.2 and 25 px² of 0.8
    np.testing.assert_allclose(found.values[0], [mean, 0.2, 0.8, std, 0.2, 0.2, 0.8, 0.8, 1 / 3, 0], rtol=1e-12)
    assert np.isnan(found.values[1]).all()
    assert found.existing.tolist() == [0.75, 0]


@pytest.mark.parametrize(
    ("classes", "has_statistics", "remarks"),
    [
        ({}, True, ["2 outlines without a number are in no statistic"]),
        ({}, False, ["1 outlines without a label count in no class"]),
        (
            {"high": [">0"]},
            True,
            ["1 outlines without a label count in no class", "2 outlines without a number are in no statistic"],
        ),
        ({"unknown": ["<unclassified>"]}, True, ["2 outlines without a number are in no statistic"]),
    ],
    ids=["statistics", "neither", "both", "named"],
)
def test_outlines_without_a_number_are_noted(classes, has_statistics, remarks):
    scores = overlay(("", BOX), ("nan", shapely.box(20, 0, 30, 10)), ("0.5", shapely.box(40, 0, 50, 10)))
    assert scores.notes(classes, has_statistics=has_statistics) == remarks


def test_outlines_without_a_number_and_beyond_the_slide_do_not_exist():
    scores = overlay(("", BOX), ("0.5", shapely.box(5, 0, 20, 10)), extent=(8, 10))

    found = scores.statistics(tiles((0, 0), roi=BOX), ALL)

    assert found.values[0, 0] == 0.5
    assert found.existing.tolist() == [0.3]


def test_a_quantile_is_one_of_the_numbers():
    scores = overlay(*((f"{number / 10}", shapely.box(number, 0, number + 1, 10)) for number in range(10)))

    found = scores.statistics(tiles((0, 0), roi=BOX), parse_statistics(["q10", "q11", "q50", "q90", "q91"]))

    assert found.values[0].tolist() == [0, 0.1, 0.4, 0.8, 0.9]


def test_equal_numbers_have_that_mean_and_no_deviation():
    scores = overlay(*(("0.1", shapely.box(x, 0, x + 0.7, 10)) for x in range(10)))

    assert scores.statistics(tiles((0, 0), roi=BOX), ALL).values[0, :4].tolist() == [0.1, 0.1, 0.1, 0]


def test_a_tile_has_the_same_bytes_whatever_tiles_stand_beside_it():
    random = np.random.default_rng(0)
    corners = random.integers(0, 980, (300, 2)) / 3
    items = [(str(random.random()), shapely.box(x, y, x + 7.3, y + 9.1)) for x, y in random.random((200, 2)) * 320]
    scores, roi = overlay(*items), shapely.Point(5, 5).buffer(6)

    together = scores.statistics(tiles(*corners, roi=roi), ALL).values

    alone = [scores.statistics(tiles(corner, roi=roi), ALL).values for corner in corners[::10]]
    assert np.concatenate(alone).tobytes() == together[::10].tobytes()


@pytest.mark.parametrize("label", ["Tumor", "0.5 %", "1,5"])
def test_labels_that_are_no_numbers_are_refused(label):
    with pytest.raises(UnsupportedFormatError, match="no numbers, and so no statistics"):
        overlay((label, BOX)).statistics(tiles((0, 0), roi=BOX), ALL)


def test_a_slide_without_resolution_is_refused():
    with pytest.raises(MissingMppError):
        VectorOverlay(annotations(("1", BOX)), SlideFrame()).statistics(tiles((0, 0), roi=BOX), ALL)


def expected_row(items, window) -> list[float]:
    """Statistics of the pieces that shapely cuts out."""
    pieces = [(number, shape.intersection(window).area) for number, shape in items]
    pieces = sorted((number, area) for number, area in pieces if area > 0)
    if not pieces:
        return [*[np.nan] * 5, 0]
    numbers, areas = np.array(pieces).T
    mean = np.average(numbers, weights=areas)
    std = np.sqrt(np.average((numbers - mean) ** 2, weights=areas))
    share = np.average(numbers >= 0.5, weights=areas)
    return [mean, numbers.min(), numbers.max(), std, share, min(1, areas.sum() / window.area)]


@given(
    st.lists(st.tuples(st.integers(0, 9).map(lambda n: n / 8), holed()), max_size=6),
    holed(40),
    st.lists(st.tuples(st.integers(-20, 100), st.integers(-20, 100)), min_size=1, max_size=6),
)
@settings(max_examples=60, deadline=None)
def test_statistics_are_those_of_the_pieces_that_shapely_cuts(items, roi, corners):
    scores = overlay(*((str(number), shape) for number, shape in items), extent=None)

    found = scores.statistics(tiles(*corners, roi=roi), parse_statistics(["mean", "min", "max", "std", "share>=0.5"]))

    for row, corner in enumerate(corners):
        window = shapely.transform(roi, lambda points, corner=corner: points + corner)
        areas = [shape.intersection(window).area for _, shape in items]
        if not any(0 < area < 1e-3 for area in areas):  # min and max of what is almost nothing are not compared
            found_row = [*found.values[row], found.existing[row]]
            np.testing.assert_allclose(found_row, expected_row(items, window), rtol=1e-6, atol=1e-6)
