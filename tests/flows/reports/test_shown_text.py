"""Texts of files as people see them."""

import pytest

from flows.reports.shown_text import escaped


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\u202egnp.svs", r"a\u202egnp.svs"),
        ("a\u2067b\u2069", r"a\u2067b\u2069"),
        ("a\u200eb\u061cc", r"a\u200eb\u061cc"),
        ("a\nb\tc\x7f", r"a\nb\tc\x7f"),
        ("a\u2028b\ufeff", r"a\u2028b\ufeff"),
        ("\udcff", r"\udcff"),
        ("\U000e0041", r"\U000e0041"),
    ],
)
def test_characters_that_hide_or_reorder_others_stand_as_escapes(text, shown) -> None:
    assert escaped(text) == shown


@pytest.mark.parametrize("text", ["ž😀 (1).svs", "שלום.svs", r"a\b"])
def test_other_characters_stay(text) -> None:
    assert escaped(text) == text
