"""Names that a format gives its own columns, which no class and no column of the manifest may have."""

from collections.abc import Iterable
from typing import Literal

from flows.config.errors import ConfigurationError

REMEDIES = {
    "classes": "leave it out with --classes, or rename the class and run again",
    "columns": "rename the column of the manifest and run again",
}
"""Remedy by the key of the configuration that names the column."""


def refuse_taken(
    names: Iterable[str], taken: Iterable[str], format_name: str, key: Literal["classes", "columns"] = "classes"
) -> None:
    """Refuse columns with the name of a column that the format itself writes.

    Args:
        names: Columns to write.
        taken: Columns of the format.
        format_name: Name of the format.
        key: Key of the configuration that names the columns.

    Raises:
        ConfigurationError: A name is taken.
    """
    clashes = sorted(set(names) & set(taken))
    if clashes:
        found = ", ".join(map(repr, clashes))
        raise ConfigurationError(
            f"{key}: {found} is the name of a column of the format {format_name!r}; {REMEDIES[key]}"
        )
