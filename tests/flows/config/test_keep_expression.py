"""Conditions on tiles: parsed with a whitelist, evaluated by Arrow alone."""

import re

import pyarrow as pa
import pytest

from flows.config.keep_expression import KeepNames, keep_expression, keep_parts

AB = KeepNames(frozenset("ab"))
ABX = KeepNames(frozenset({"a", "b", "x_inside"}))
TILES = pa.table({"a": pa.array([0.0, 0.5, 1.0, None]), "b": pa.array([1.0, None, 0.2, 0.3])})


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("a >= 0.5", [1, 2]),
        ("a>=.5 or b>0.9", [0, 1, 2]),
        ("a > 0.1 and b > 0.1", [2]),
        ("not (a >= 0.5)", [0]),
        ("not a >= 0.5", [0]),
        ("0.2 < a < 0.8", [1]),
        ("0 <= a <= b", [0]),
        ("a + 2 * b > 1.3", [0, 2]),
        ("a - b > 0", [2]),
        ("-a < -0.4", [1, 2]),
        ("+a == 1", [2]),
        ("a != 0.5", [0, 2]),
        ("(a) > ((0.4))", [1, 2]),
        ("a > 1e-3", [1, 2]),
        ("  a\n  > 0.4", [1, 2]),
        ("a / b > 2", [2]),
    ],
)
def test_an_expression_keeps_the_rows_where_it_is_true(text: str, kept: list[int]) -> None:
    numbered = TILES.append_column("row", pa.array(range(4)))
    assert numbered.filter(keep_expression(text, AB))["row"].to_pylist() == kept


@pytest.mark.parametrize("text", ["b / a > 0", "b / a < 0", "b / (a - a) >= 0", "not b / a > 0"])
def test_a_quotient_by_zero_is_unknown_and_not_kept(text: str) -> None:
    zero = pa.table({"a": [0.0, 0.0], "b": [1.0, 0.0]})
    assert zero.filter(keep_expression(text, AB)).num_rows == 0


def test_null_follows_kleene() -> None:
    row = pa.table({"a": pa.array([None], pa.float64()), "b": [1.0]})

    def is_kept(text: str) -> bool:
        return row.filter(keep_expression(text, AB)).num_rows == 1

    assert is_kept("a > 0.5 or b > 0.5")
    assert not is_kept("a > 0.5 and b > 0.5")
    assert not is_kept("a > 0.5")
    assert not is_kept("not a > 0.5")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("c > 1", "unknown column 'c'; the columns are a, b"),
        ("tile_x > 1", "unknown column 'tile_x'"),
        ("a", "'a' is neither true nor false; compare it, such as a >= 0.5"),
        ("a and b > 1", "'a' is neither true nor false"),
        ("a + 1", "'a + 1' is neither true nor false"),
        ("(a > 1) == (b > 1)", "'a > 1' is not a number"),
        ("1 < 2", "names no class; the columns are a, b, or give null to keep all tiles"),
        ("a ** 2 > 1", "'a ** 2' is not a number; use class names, numbers"),
        ("a % 2 > 1", "'a % 2' is not a number"),
        ("a.b > 1", "'a.b' is not a number"),
        ("a[0] > 1", "'a[0]' is not a number"),
        ("open('x') > a", "\"open('x')\" is not a number"),
        ("__import__('os').system('true')", "is neither true nor false"),
        ("[a > 1 for a in b]", "is neither true nor false"),
        ("a in (1, 2)", "'(1, 2)' is not a number"),
        ("a is 1", "unknown comparison 'Is'"),
        ("(a > 0.5) & (b < 0.9)", "'&' is not supported; write 'and'"),
        ("a > 0.5 & a < 1", "'&' is not supported; write 'and'"),
        ("a > 0.5 | b > 0.5", "'|' is not supported; write 'or'"),
        ("a & b", "'&' is not supported; write 'and'"),
        ("a > ~b", "'~' is not supported; write 'not'"),
        ("~(a > 0.5)", "'~' is not supported; write 'not'"),
        ("1 | 2", "'|' is not supported; write 'or'"),
        ("a >= 0,5", "'a >= 0,5' has a comma; write decimals with a point, such as 0.5"),
        ("a > 0.5 # note\n and b > 2", "has a '#', but comments are not supported"),
        ("a > True", "'True' is not a number"),
        ("a > '1'", "\"a > '1'\" orders texts; compare them with == or !="),
        ("a >= 50%", "has a '%', which is not supported; shares are 0 to 1: write 0.5 for 50 %"),
        ("a > 1j", "'1j' is not a number"),
        ("a > 1e999", "too large"),
        ("a > " + "9" * 400, "too large"),
        ("lambda: a > 1", "is neither true nor false"),
        ("a if a > 1 else b", "is neither true nor false"),
        ("(b := a) > 1", "is not a number"),
        ("a >", "is not an expression: invalid syntax"),
        ("a > 1; b > 1", "is not an expression"),
        ("a > 1 and", "is not an expression"),
        ("a > 0.5and b > 1", "is not an expression"),
        ("", "is not an expression"),
        ("\0", "is not an expression"),
        ("ü > 1", "unknown column 'ü'"),
        ("-" * 900 + "a > 1", "nested more than 100 deep; simplify it"),
        ("(" * 400 + "a" + ")" * 400, "is not an expression"),
        ("a > 1 or " * 200 + "a > 1", "1805 characters, more than 1000; shorten it"),
    ],
)
def test_anything_else_is_refused_with_a_remedy(text: str, message: str) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the message is looked at below
        keep_expression(text, AB)
    assert message in str(refused.value)
    assert ";" in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        "a >= 50", "50 <= a", "a > 1.5", "a < 2", "a != 50", "a == -1", "-1 < a", "0 <= a <= 100",
        "a > 0.5 and b >= 50",
        "not a > 50", "a + b > 2.5", "a - b < -1.5", "-a > 0.5", "a / 100 > 0.5", "a * b > 2", "a > b + 5", "a >= +50",
        "a >= --50", "a >= 0.5 * 100", "x_inside >= 80",
    ],
)  # fmt: skip
def test_a_comparison_that_is_alike_for_all_shares_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"shares are 0 to 1; write 0\.5 for 50 %"):
        keep_expression(text, ABX)


@pytest.mark.parametrize(
    "text",
    [
        "a >= 0", "a <= 1", "a + b > 1.5", "a + b >= 2", "a - b > -1", "100 * a >= 50", "a / b > 50",
        "a * 255 > 200", "a >= 50 / 100", "a / (b + 1) > 0.4", "-a < -0.5", "x_inside >= 0.8",
    ],
)  # fmt: skip
def test_a_comparison_that_depends_on_the_shares_is_accepted(text: str) -> None:
    assert keep_expression(text, ABX) is not None


def test_without_classes_the_remedy_is_to_name_some() -> None:
    with pytest.raises(ValueError, match=r"name classes under overlays\.NAME\.classes"):
        keep_expression("a > 1", KeepNames())


@pytest.mark.parametrize("text", ["tissue > 1", "tissue < 0", "0 > tissue", "1 < tissue", "tissue + tumor > 2"])
def test_a_comparison_that_no_tile_can_meet_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="shares are 0 to 1"):
        keep_expression(text, KeepNames(frozenset({"tissue", "tumor"})))


@pytest.mark.parametrize("text", ["m > 50", "m < -3", "m / 2 >= 7", "7 < m - a", "-m >= 2", "m / m > 3"])
def test_a_number_that_is_no_share_may_be_compared_with_any(text: str) -> None:
    assert keep_expression(text, KeepNames(frozenset("a"), frozenset("m"))) is not None


MANIFEST = KeepNames(frozenset("a"), frozenset({"fold", "any"}), frozenset({"label", "any"}), frozenset({"ok", "any"}))
"""Columns of a manifest beside a class; the kind of `any` is not known yet."""
ROWS = pa.table(
    {
        "row": range(4),
        "a": pa.array([0.0, 0.5, 1.0, None]),
        "fold": pa.array([0, 1, 2, None]),
        "label": pa.array(["x", "y  z", None, "x"]),
        "ok": pa.array([True, False, None, True]),
    }
)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("fold != 1", [0, 2]),
        ("fold >= 1 and a > 0", [1, 2]),
        ("label == 'x'", [0, 3]),
        ('label != "x"', [1]),
        ("'y  z' == label", [1]),
        ("label == 'x'\n  or fold == 2", [0, 2, 3]),
        ("ok", [0, 3]),
        ("not ok", [1]),
        ("ok and label == 'x' and a >= 0", [0]),
        ("label == label", [0, 1, 3]),
    ],
)
def test_columns_of_a_manifest_are_numbers_texts_or_flags(text: str, kept: list[int]) -> None:
    assert ROWS.filter(keep_expression(text, MANIFEST))["row"].to_pylist() == kept


@pytest.mark.parametrize("text", ["any == 'x'", "any > 3", "any", "not any and a > 0"])
def test_a_column_whose_kind_is_not_known_yet_may_be_any(text: str) -> None:
    assert keep_expression(text, MANIFEST) is not None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("label > 'x'", "orders texts; compare them with == or !="),
        ("a == 'x'", "'a' is no column of text, but is compared with one"),
        ("fold == 'x'", "'fold' is no column of text"),
        ("label == 3", "'3' is no column of text"),
        ("nope == 'x'", "unknown column 'nope'; the columns are"),
        ("label + 1 > 2", "'label' is a column of the manifest and no number; write label == 'a'"),
        ("ok > 0.5", "'ok' is a column of the manifest and no number; write ok or not ok"),
        ("label", "'label' is neither true nor false; compare it, such as label == 'true'"),
        ("fold", "neither true nor false"),
        ("'x'", "names no class"),
    ],
)
def test_what_does_not_go_with_a_kind_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=re.escape(problem)):
        keep_expression(text, MANIFEST)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a > 0.5", ["a > 0.5"]),
        ("a > 0.5 and b < 0.2", ["a > 0.5", "b < 0.2"]),
        ("(a > 0.5 and\n b < 0.2) and a < 0.9", ["a > 0.5", "b < 0.2", "a < 0.9"]),
        ("a > 0.5 and (b > 0.1 or a < b and b < 1)", ["a > 0.5", "b > 0.1 or a < b and b < 1"]),
        ("not (a > 0.5 and b > 0.5)", ["not (a > 0.5 and b > 0.5)"]),
        ("0.1 < a < 0.3 and b > 0", ["0.1 < a < 0.3", "b > 0"]),
    ],
)
def test_a_condition_is_split_at_each_and_outside_or_and_not(text: str, parts: list[str]) -> None:
    assert [part.text for part in keep_parts(text, AB)] == parts


def test_a_part_names_its_columns() -> None:
    assert [part.names for part in keep_parts("b + a > 0.5 and a > b", AB)] == [("a", "b"), ("a", "b")]
