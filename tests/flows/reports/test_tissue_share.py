"""The share of a slide's tissue that a class covers."""

import pytest

from flows.reports.tissue_share import tissue_share

CLASSES = ["tissue", "tumor"]


@pytest.mark.parametrize(
    ("tumor", "tissue", "expected"),
    [(1.0, 4.0, 0.25), (0.0, 4.0, 0.0), (6.0, 4.0, 1.5), (None, 4.0, None), (1.0, None, None), (0.0, 0.0, None)],
)
def test_the_area_of_a_class_is_divided_by_that_of_the_tissue(tumor, tissue, expected) -> None:
    row = {"tumor_mm2": tumor, "tissue_mm2": tissue}
    assert tissue_share(row, "tumor", CLASSES) == expected


def test_the_tissue_has_no_share_of_itself() -> None:
    assert tissue_share({"tissue_mm2": 4.0}, "tissue", CLASSES) is None


def test_without_a_class_of_the_tissue_there_is_no_share() -> None:
    assert tissue_share({"tumor_mm2": 1.0}, "tumor", ["tumor", "stroma"]) is None
