"""Names that a format gives its own columns, which no class may have."""

from collections.abc import Iterable

from flows.config.errors import ConfigurationError


def refuse_taken(classes: Iterable[str], taken: Iterable[str], name: str) -> None:
    """Refuse classes with the name of a column that the format itself writes.

    Args:
        classes: Columns to write.
        taken: Columns of the format.
        name: Name of the format.

    Raises:
        ConfigurationError: A name is taken.
    """
    clashes = sorted(set(classes) & set(taken))
    if clashes:
        found = ", ".join(map(repr, clashes))
        raise ConfigurationError(
            f"classes: {found} is the name of a column of the format {name!r}; leave it out with --classes, or rename"
            " the class and run again"
        )
