"""Cells of a manifest that go through to the tables, and the kinds of their columns."""

import math
import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, TypeAlias

import numpy as np

from flows.config.errors import ConfigurationError
from flows.config.excerpt import excerpt
from flows.config.model import ManifestKind
from flows.config.numbers import is_decimal

Cell: TypeAlias = str | int | float | bool
_WHOLE = re.compile("-?(0|[1-9][0-9]{0,18})")
"""Whole number as people write one; 007 is a name."""
_ORDER: tuple[ManifestKind, ...] = ("integer", "number", "boolean", "text")
"""Kinds from the narrowest to the widest."""
MAX_EXACT = 1 << 53
"""Largest whole number that a float holds exactly, as all below it."""


def plain_cell(cell: Any) -> Any:
    """Return a cell without blanks around; None if it is empty or no number."""
    if isinstance(cell, str):
        return cell.strip() or None
    if isinstance(cell, float) and not math.isfinite(cell):
        return None
    return cell


def kinds_of(cell: Any) -> frozenset[ManifestKind]:
    """Return the kinds that a cell, not empty, can be read as; none if a table cannot hold it."""
    match cell:
        case bool():
            return frozenset({"boolean"})
        case int():
            narrow: set[ManifestKind] = {"integer"} if _fits(cell) else set()
            return frozenset(narrow | ({"number"} if abs(cell) <= MAX_EXACT else set()))
        case float() | Decimal():
            return frozenset({"number"})
        case str():
            number: set[ManifestKind] = set()
            if _WHOLE.fullmatch(cell) and _fits(int(cell)):
                number.add("integer")
            if _is_number(cell):
                number.add("number")
            return frozenset(number | {"text"})
    return frozenset()


def convert(cell: Any, kind: ManifestKind) -> Cell:
    """Convert a cell that has this kind; any cell has a text."""
    types: dict[ManifestKind, type[Cell]] = {"text": str, "integer": int, "number": float, "boolean": bool}
    return types[kind](cell)


def kind_of_column(name: str, cells: Iterable[Any]) -> ManifestKind:
    """Return the narrowest kind that all cells of a column have; text if they have none in common, or are empty.

    Args:
        name: Name of the column.
        cells: Its cells, None for an empty one.

    Raises:
        ConfigurationError: A cell is of another type than text, number or boolean.
    """
    left = frozenset(_ORDER)
    is_empty = True
    for cell in cells:
        if cell is not None:
            is_empty = False
            kinds = kinds_of(cell)
            if not kinds:
                found = f"{excerpt(str(cell))} of type {type(cell).__name__}"
                remedy = "convert the column to texts, numbers or booleans"
                raise ConfigurationError(f"columns: {name} has the cell {found}; {remedy}")
            left &= kinds
    return "text" if is_empty else next((kind for kind in _ORDER if kind in left), "text")


def _fits(number: int) -> bool:
    limits = np.iinfo(np.int64)
    return int(limits.min) <= number <= int(limits.max)


def _is_number(text: str) -> bool:
    """Return True for a number without leading zeros, which a name has."""
    digits = text.lstrip("+-")
    has_zeros = len(digits) > 1 and digits[0] == "0" and digits[1].isdigit()
    return is_decimal(text) and not has_zeros and not text.startswith("+")
