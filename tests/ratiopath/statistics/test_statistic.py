"""Names of statistics: one spelling each, one column each."""

import pytest

from ratiopath.errors import ParameterError
from ratiopath.statistics.statistic import Statistic, parse_statistics

COLUMNS = {
    "mean": "mean",
    " std ": "std",
    "q95": "q95",
    "q2.50": "q2_5",
    "q0": "q0",
    "share>=0.5": "share_ge_0_5",
    "share < -0.25": "share_lt_minus_0_25",
    "share>128": "share_gt_128",
    "share<=0.00001": "share_le_0_00001",
    "share>=-0": "share_ge_0",
    "share>100000000000000000000000": "share_gt_100000000000000000000000",
}


def test_each_statistic_has_a_column_of_letters_digits_and_underscores():
    assert {name: Statistic.parse(name).column for name in COLUMNS} == COLUMNS


@pytest.mark.parametrize(
    "text", ["", "median", "Mean", "q", "q101", "q-1", "q9e1", "share", "share=0.5", "share>=1e-5", "share>=nan", "q٩"]
)
def test_other_texts_are_refused(text):
    with pytest.raises(ParameterError, match="is no statistic; give mean, min"):
        Statistic.parse(text)


def test_two_spellings_of_one_statistic_are_refused():
    with pytest.raises(ParameterError, match=r"'share>=0\.50' is given twice"):
        parse_statistics(["mean", "share >= 0.5", "share>=0.50"])


def test_a_text_is_no_list_of_statistics():
    with pytest.raises(ParameterError, match="found 'mean'; give a list"):
        parse_statistics("mean")
