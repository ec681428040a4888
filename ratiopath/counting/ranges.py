"""Ranges of values that a user named, such as 128..255 or >=0.5."""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Self

import numpy as np

from ratiopath.counting.values import Value, normalise_value, stored_number
from ratiopath.errors import ParameterError

_FORM = re.compile(r"(?P<low>.*?)\.\.(?P<high>.*)|(?P<sign>[<>]=?)(?P<bound>.*)", re.DOTALL)
_LOOKALIKE = re.compile(r"(==?|!=|=[<>]|[≤≥])\s*[-+.]?\d.*|[-+.\d]*\d\s*…\s*[-+.]?\d.*", re.DOTALL)
"""Ranges in other notations, such as =>3, ≥ 0.5 and 1…5."""
_HINT = "write such as '128..255', '>0', '>=0.5', '<10' or '<=3'"


@dataclass(frozen=True, slots=True)
class ValueRange:
    """An interval of numbers; NaN and colours lie in none, and neither do the labels of annotations."""

    low: Decimal | None = None
    """Smallest number; None if there is no limit."""
    high: Decimal | None = None
    """Largest number; None if there is no limit."""
    is_open: bool = False
    """True if the only limit is not in the range itself."""

    def __post_init__(self) -> None:
        limits = [limit for limit in (self.low, self.high) if limit is not None]
        is_sound = bool(limits) and all(limit.is_finite() for limit in limits) and limits == sorted(limits)
        if not is_sound or (self.is_open and len(limits) > 1):
            raise ParameterError(f"no value lies from {self.low} to {self.high}, or a limit is no number; {_HINT}")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a range: `a..b` with both ends, `>a`, `>=a`, `<a` or `<=a`.

        Raises:
            ParameterError: The text is none, or no number can lie in it.

        Examples:
            >>> str(ValueRange.parse("128 .. 255.0"))
            '128..255'
        """
        match = _FORM.fullmatch(text.strip())
        if match is None:
            raise ParameterError(f"{text!r} is no range of values; {_HINT}")
        try:
            low, high, bound = (_number(match[name]) for name in ("low", "high", "bound"))
        except ValueError as error:
            raise ParameterError(f"{text!r} is no range of values: {error}; {_HINT}") from None
        if low is not None and high is not None and low > high:
            raise ParameterError(f"the range {text!r} holds no value: {low} is more than {high}; swap its ends")
        if bound is None:
            return cls(low, high)
        is_open = not match["sign"].endswith("=")
        return cls(bound, None, is_open) if match["sign"].startswith(">") else cls(None, bound, is_open)

    def stored_as(self, dtype: np.dtype[Any] | None) -> "ValueRange":
        """Round the limits to the stored type of a file, as `parse_value` rounds values.

        `<=0.1` holds the 0.1 of a float32 file, and `<0.1` does not.
        """
        low, high = (None if limit is None else stored_number(limit, dtype) for limit in (self.low, self.high))
        return ValueRange(low, high, self.is_open)

    def holds(self, value: Value) -> bool:
        """Return True if a value, as `parse_value` returns it, lies in the range."""
        number = value[0]
        if len(value) > 1 or isinstance(number, str):
            return False
        if number in {self.low, self.high}:
            return not self.is_open
        return (self.low is None or number > self.low) and (self.high is None or number < self.high)

    def __str__(self) -> str:
        if self.low is not None and self.high is not None:
            return f"{self.low}..{self.high}"
        sign, limit = (">", self.low) if self.high is None else ("<", self.high)
        return f"{sign}{'' if self.is_open else '='}{limit}"


def is_range(text: str) -> bool:
    """Return True for a text that is meant as a range, even if it is none: `<other>` and `Tumor...` are labels."""
    text = text.strip()
    is_name = text.startswith("<") and text.endswith(">")
    is_meant = text.startswith(("<", ">")) or _LOOKALIKE.fullmatch(text) is not None
    return (is_meant and not is_name) or ".." in text.replace("...", "")


def _number(text: str | None) -> Decimal | None:
    """Read a limit.

    Raises:
        ValueError: It is not a number, or not a finite one.
    """
    if text is None:
        return None
    if not text.strip() or "," in text:
        raise ValueError(f"{text!r} is not a number")
    number = Decimal(normalise_value(text))
    if not number.is_finite():
        raise ValueError(f"{text!r} is not finite")
    return number
