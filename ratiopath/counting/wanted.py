"""Labels of annotations that a user named: exactly, by a pattern, or as those without a label."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import re2

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


Wanted = str | LabelPattern
"""A label, compared without surrounding blanks, or a pattern."""


def chosen(wanted: Sequence[Wanted], labels: Iterable[str]) -> frozenset[str]:
    """Select the labels that a user named.

    Args:
        wanted: Labels and patterns; "<unclassified>" is only meant by its name, not by a pattern.
        labels: Labels that exist.
    """
    exact = {entry.strip() for entry in wanted if isinstance(entry, str)}
    patterns = [compile_regex(entry.match) for entry in wanted if isinstance(entry, LabelPattern)]
    return frozenset(
        label
        for label in labels
        if label in exact or (label != UNCLASSIFIED and any(pattern.fullmatch(label) for pattern in patterns))
    )
