"""Values and labels that a user named: exactly, by a range or a pattern, or as those without a label."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import re2

from ratiopath.counting.ranges import ValueRange, is_range
from ratiopath.counting.values import parse_value
from ratiopath.errors import ParameterError

UNCLASSIFIED = "<unclassified>"
"""Name of outlines without a label."""


@dataclass(frozen=True, slots=True)
class LabelPattern:
    """A pattern for labels, `{match: regex}` in the configuration."""

    match: str
    """Regular expression of RE2 that a whole label matches."""

    def __post_init__(self) -> None:
        try:
            compile_regex(self.match)
        except ValueError as error:
            hint = "pass one such as 'Tumou?r.*'"
            raise ParameterError(f"match {self.match!r} is no regular expression of RE2: {error}; {hint}") from None

    def __str__(self) -> str:
        return f"{{match: {self.match}}}"


def compile_regex(text: str) -> Any:
    """Compile an expression of RE2.

    Raises:
        ValueError: The text is none; says why.
    """
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(text, options)
    except re2.error as error:
        reason = error.args[0].decode() if isinstance(error.args[0], bytes) else error
        raise ValueError(f"{reason}") from None


Wanted = str | LabelPattern | ValueRange
"""A value, or a label, compared without surrounding blanks; a pattern of labels; or a range of values."""


def wanted_value(text: str) -> Wanted:
    """Read a value, a range or a label of a class.

    Raises:
        ParameterError: The text is meant as a range and is none.
    """
    return ValueRange.parse(text) if is_range(text) else text


def chosen(wanted: Sequence[Wanted], labels: Iterable[str]) -> frozenset[str]:
    """Select the labels that a user named.

    Args:
        wanted: Labels and patterns; "<unclassified>" is only meant by its name, not by a pattern; no label
            is in a range.
        labels: Labels that exist.
    """
    exact = {entry.strip() for entry in wanted if isinstance(entry, str)}
    patterns = [compile_regex(entry.match) for entry in wanted if isinstance(entry, LabelPattern)]
    return frozenset(
        label
        for label in labels
        if label in exact or (label != UNCLASSIFIED and any(pattern.fullmatch(label) for pattern in patterns))
    )


def chosen_values(wanted: Sequence[Wanted], keys: Sequence[str], dtype: np.dtype[Any] | None = None) -> list[int]:
    """Select the values of an image that a user named.

    Values and limits of ranges are compared as the file stores them, and a pattern with the names of the values.

    Args:
        wanted: Values, ranges and patterns.
        keys: Names of the values that exist.
        dtype: Stored type of the file; None if it is unknown.

    Returns:
        Indices into `keys`, ascending.
    """
    values = {parse_value(entry, dtype) for entry in wanted if isinstance(entry, str)}
    ranges = [entry.stored_as(dtype) for entry in wanted if isinstance(entry, ValueRange)]
    matching = chosen([entry for entry in wanted if isinstance(entry, LabelPattern)], keys)
    found = []
    for index, key in enumerate(keys):
        value = parse_value(key, dtype)
        if value in values or key in matching or any(one.holds(value) for one in ranges):
            found.append(index)
    return found
