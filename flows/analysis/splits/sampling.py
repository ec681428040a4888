"""Rules of a sample: tiles per slide, tiles per class, and the classes that compete for a tile."""

import re
from dataclasses import dataclass
from typing import Self

import pyarrow.compute as pc

from flows.config.errors import ConfigurationError
from flows.config.excerpt import excerpt, first_of
from flows.config.keep_expression import keep_expression
from flows.config.model import CoverageConfig

MAX_NAMES = 30
"""Classes that a message names."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """Rules of a sample."""

    per_slide: int | None
    """Largest number of tiles of a slide; None for no limit."""
    per_class: int | None
    """Largest number of tiles of a class in the whole cohort; None for no limit."""
    classes: tuple[str, ...]
    """Classes of which the one with the greatest share is the tile's; may be none without `per_class`."""
    where: pc.Expression | None
    """Condition on tiles; None for all."""
    columns: tuple[str, ...]
    """Columns that `classes` and `where` use."""
    seed: int
    """Any whole number."""

    @classmethod
    def of(
        cls,
        config: CoverageConfig,
        per_slide: int | None,
        per_class: int | None,
        by: str | None = None,
        where: str | None = None,
        seed: int = 0,
    ) -> Self:
        """Check the options of a sample against the configuration of the run.

        Args:
            config: Configuration of the run.
            per_slide: Largest number of tiles of a slide, > 0.
            per_class: Largest number of tiles of a class, > 0.
            by: Overlay whose classes compete, or classes separated by commas; by default the only overlay with classes.
            where: Condition on tiles in the language of `keep`.
            seed: Any whole number.

        Raises:
            ConfigurationError: There is nothing to sample by, a number is not > 0, or a name or condition is unknown.
        """
        if per_slide is None and per_class is None:
            raise ConfigurationError(
                "neither --per-slide nor --per-class is given; give a number of tiles to one of them"
            )
        for name, limit in (("--per-slide", per_slide), ("--per-class", per_class)):
            if limit is not None and limit < 1:
                raise ConfigurationError(f"{name}: found {limit}; give a number of tiles > 0")
        classes = _classes(config, by, is_needed=per_class is not None)
        names = config.keep_names
        try:
            condition = keep_expression(where, names) if where else None
        except ValueError as error:
            raise ConfigurationError(f"--where: {error}") from None
        named = set(re.findall("[A-Za-z_][A-Za-z0-9_]*", where or "")) & names.every
        columns = tuple(dict.fromkeys([*classes, *sorted(named)]))
        return cls(per_slide, per_class, classes, condition, columns, seed)


def _classes(config: CoverageConfig, by: str | None, *, is_needed: bool) -> tuple[str, ...]:
    owners = {name: tuple(overlay.classes) for name, overlay in config.overlays.items() if overlay.classes}
    if by is None:
        if len(owners) == 1:
            return next(iter(owners.values()))
        if is_needed:
            found = (
                f"the classes of {first_of(list(owners), MAX_NAMES)} compete" if owners else "no overlay has classes"
            )
            remedy = "name one overlay, or classes separated by commas" if owners else "use --per-slide"
            raise ConfigurationError(f"--by: {found}; {remedy}")
        return ()
    if by in owners:
        return owners[by]
    named = tuple(dict.fromkeys(name.strip() for name in by.split(",")))
    unknown = [name for name in named if name not in config.classes]
    if unknown:
        known = first_of(list(dict.fromkeys([*owners, *config.classes])), MAX_NAMES)
        raise ConfigurationError(f"--by: found {excerpt(unknown[0])}; give an overlay or classes of {known}")
    return named
