"""docs/accuracy.md says what is measured, and no measured error exceeds its bound."""

import math

import pytest
import shapely

from benchmarks import accuracy


@pytest.fixture(scope="module")
def found() -> list[accuracy.Accuracy]:
    return accuracy.measure()


def test_the_tables_of_the_page_are_those_of_the_command(found) -> None:
    page = (accuracy.DOCS / "accuracy.md").read_text("utf-8")
    assert page.split(accuracy.BEGIN)[1].split(accuracy.END)[0] == accuracy.table(found)


def test_the_plot_is_that_of_the_command(found) -> None:
    assert (accuracy.DOCS / "accuracy.svg").read_text("utf-8") == accuracy.plot(found)


def test_no_error_exceeds_its_bound_and_outlines_have_none(found) -> None:
    for one in found:
        assert all(one.worst(rule) <= bound for rule, bound in one.bounds.items())
        assert one.worst("outlines") < 1e-7


def test_the_area_rule_has_less_than_a_pixel_per_side_of_the_roi(found) -> None:
    assert all(one.worst("area") * one.side < 1 for one in found)


@pytest.mark.parametrize(
    ("box", "area"),
    [
        ((-9, -9, 9, 9), math.pi * 4),
        ((0, 0, 9, 9), math.pi),
        ((-1, -1, 1, 1), 4),
        ((3, 3, 4, 4), 0),
        ((-9, 1, 9, 9), 4 * math.acos(0.5) - math.sqrt(3)),
        ((-9, -9, 9, -1), 4 * math.acos(0.5) - math.sqrt(3)),
    ],
)
def test_the_area_of_a_disc_in_a_box(box, area) -> None:
    assert accuracy.disc_area(2, *box) == pytest.approx(area, abs=1e-12)


@pytest.mark.parametrize("x", [-1.7, 0.2, 1.3])
def test_the_area_of_a_disc_agrees_with_clipping(x) -> None:
    disc = shapely.Point(0, 0).buffer(2, quad_segs=4096)
    assert accuracy.disc_area(2, x, -0.4, x + 1.1, 1.9) == pytest.approx(
        disc.intersection(shapely.box(x, -0.4, x + 1.1, 1.9)).area, abs=1e-6
    )
