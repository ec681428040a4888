"""Overlay values and labels as text: parsing, order, and comparison as stored numbers (docs/decisions/0005)."""

import re
from decimal import Decimal, InvalidOperation
from typing import Any

import numpy as np

Value = tuple[Decimal | str, ...]
"""Numbers of the channels, a single one if all are equal; NaN is "nan", since as a number it equals nothing. A label is
the text itself."""
_NUMBER = re.compile(r"\s*[+-]?((\d+\.?\d*|\.\d+)(e[+-]?\d+)?|inf|infinity|nan)\s*", re.ASCII | re.IGNORECASE)


def parse_value(text: str, dtype: np.dtype[Any] | None = None) -> Value:
    """Parse a number, or the numbers of a colour, so that equal results mean the same stored value.

    Args:
        text: A key such as "255", "255,0,0" or "Tumor", or a value that a user named.
        dtype: Stored type of the file. If it is a floating-point type, finite numbers are rounded to it by way of
            double precision; one that would become infinite, or 0 without being 0, stays as it is and equals no stored
            value. Integers are compared exactly, whatever their size.
    """
    decimals = _decimals(text)
    if decimals is None:
        return (text,)
    numbers = tuple("nan" if number.is_nan() else stored_number(number, dtype) for number in decimals)
    return numbers[:1] if len(set(numbers)) == 1 else numbers


def sort_key(text: str) -> tuple[Any, ...]:
    """Return a key that orders numbers ascending, colours by their first channel, then NaN, and labels last."""
    numbers = _decimals(text)
    if numbers is None:
        return ((2, 0),), text
    return (*((1, 0) if number.is_nan() else (0, number) for number in numbers),), text


def _decimals(text: str) -> list[Decimal] | None:
    """Read the numbers of a key; None if it is the label of an annotation."""
    try:
        return [Decimal(part) for part in text.split(",")]
    except InvalidOperation:
        return None


def normalise_value(value: Any) -> str:
    """Write a value that a user named as a key: true and 1.0 become "1", "7,7,7" becomes "7".

    Integers keep all their digits; other numbers are written as double precision reads them.

    Raises:
        ValueError: It is neither a number nor numbers separated by commas, or too large or small for double precision.
    """
    text = str(int(value)) if isinstance(value, bool) else str(value)
    parts = [_normalise_number(part) for part in text.split(",")]
    return parts[0] if len(set(parts)) == 1 else ",".join(parts)


def stored_number(number: Decimal, dtype: np.dtype[Any] | None) -> Decimal:
    """Round a number to the stored type of a file, as `parse_value` does."""
    if dtype is None or dtype.kind != "f" or not number.is_finite():
        return number
    with np.errstate(over="ignore", under="ignore"):
        rounded = float(dtype.type(float(number)))
    is_lost = np.isinf(rounded) or (rounded == 0 and number != 0)
    return number if is_lost else Decimal(rounded)


def _normalise_number(text: str) -> str:
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{text!r} is not a number")
    exact, nearest = Decimal(text), float(text)
    if not exact.is_finite():
        return str(nearest)
    if np.isinf(nearest) or (nearest == 0 and exact != 0):
        raise ValueError(f"{text!r} is too large or small")
    if exact == exact.to_integral_value():
        return str(int(exact))
    return str(exact) if nearest.is_integer() else str(nearest)
