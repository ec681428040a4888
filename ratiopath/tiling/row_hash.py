"""A stable identifier of a row, hashed from its content."""

import hashlib
import json
from typing import Any


def row_hash(row: dict[str, Any], column: str = "id") -> dict[str, Any]:
    """Add a column that identifies the row by its content: equal rows have equal identifiers in every run.

    Args:
        row: Plain values and numpy scalars, by column name.
        column: Name of the column to add.

    Returns:
        The row with one more column, 64 hexadecimal digits (SHA-256 of the other columns, ordered by name).

    Examples:
        >>> row_hash({"path": "a.svs", "level": 0})["id"][:8]
        '6a6aa165'
    """
    content = json.dumps({k: v for k, v in row.items() if k != column}, sort_keys=True, default=_plain)
    return {**row, column: hashlib.sha256(content.encode()).hexdigest()}


def _plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else str(value)
