"""A stable name for a row, hashed from what it holds."""

import hashlib
import json
from typing import Any


def row_hash(row: dict[str, Any], column: str = "id") -> dict[str, Any]:
    """Add a column that identifies the row by its content: the same row has the same name in every run.

    Args:
        row: Plain values and numpy scalars, by column name.
        column: Where to put the hash.

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
