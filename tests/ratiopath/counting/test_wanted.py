"""Labels that a user named."""

import pytest

from ratiopath.counting.wanted import LabelPattern, chosen

LABELS = ("Tumor", "Tumor: invasive", "tumor", "<unclassified>")


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (["Tumor"], {"Tumor"}),
        (["  Tumor "], {"Tumor"}),
        (["Tum"], set()),
        ([LabelPattern("Tumor")], {"Tumor"}),
        ([LabelPattern("Tumor.*")], {"Tumor", "Tumor: invasive"}),
        ([LabelPattern("(?i)tumor")], {"Tumor", "tumor"}),
        (["<unclassified>"], {"<unclassified>"}),
        ([LabelPattern(".*")], {"Tumor", "Tumor: invasive", "tumor"}),
        ([], set()),
    ],
)
def test_a_label_is_named_exactly_or_by_a_pattern_for_all_of_it(wanted, found):
    assert chosen(wanted, LABELS) == found
