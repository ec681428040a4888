"""Columns about slides, such as the patient: of slides.parquet, or of a table that the user gives."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import pyarrow as pa

from flows.config.errors import ConfigurationError
from flows.config.excerpt import excerpt, first_of
from flows.config.slide_id import slide_stem
from flows.config.uri import check_input
from flows.inputs.given_table import MAX_NAMES, found_columns, read_columns
from ratiopath.remote.names import absolute, folder_of, joined, options_of

KEYS = ("slide_id", "path", "stem")
"""Columns by which a given table names slides; the first that it has counts."""
MAX_SLIDES = 20
"""Slides that a message names."""


@dataclass(frozen=True, slots=True)
class SlideTable:
    """Cells about the slides of an output."""

    slides: pa.Table
    """slides.parquet."""
    source: str | None = None
    """Path of the given table; None if there is none."""
    names: Sequence[str] = ()
    """Columns of the given table."""
    rows: Mapping[int, Mapping[str, Any]] | None = None
    """Row of the given table, by the number of the slide in slides.parquet."""

    @classmethod
    def of(cls, slides: pa.Table, source: str | None, used: Sequence[str]) -> Self:
        """Join slides with a table that names them by slide_id, path or stem; its other rows are left out.

        Args:
            slides: slides.parquet.
            source: CSV or Parquet; a relative path in it is resolved against its folder. None for slides.parquet alone.
            used: Columns that matter.

        Raises:
            ConfigurationError: The table cannot be read, names no slides, or has rows for a slide that differ.
        """
        if source is None:
            return cls(slides)
        try:
            source = absolute(check_input(source))
        except ValueError as error:
            raise ConfigurationError(f"--from: {error}") from None
        names, table = read_columns(source, {*KEYS, *used}, "--from")
        key = next((key for key in KEYS if key in names), None)
        if key is None:
            found = f"{source!r} has no column {', '.join(KEYS)}, found {found_columns(names)}"
            raise ConfigurationError(f"--from: {found}; add one")
        numbers = _numbers(slides, key)
        row_of: dict[int, Mapping[str, Any]] = {}
        for row in table.to_pylist():
            name = _text(row[key])
            if key == "path" and name is not None:
                name = joined(folder_of(source) + options_of(source), name)
            number = numbers.get(name) if name is not None else None
            if number is None:
                continue
            before = row_of.setdefault(number, row)
            if any(_text(before.get(column)) != _text(row.get(column)) for column in used):
                raise ConfigurationError(f"--from: {source!r} has different rows for {name!r}; delete one of them")
        return cls(slides, source, names, row_of)

    def column(self, name: str, option: str) -> list[str | None]:
        """Return the cells of a column as texts, one per slide; None where a cell is empty or there is no row.

        Args:
            name: Column of the given table, or else of slides.parquet.
            option: Option that names it, for messages.

        Raises:
            ConfigurationError: Neither has it.
        """
        if self.rows is not None and name in self.names:
            return [_text(self.rows[number][name]) if number in self.rows else None for number in range(len(self))]
        if name in self.slides.column_names:
            return [_text(cell) for cell in self.slides[name].to_pylist()]
        own = f"slides.parquet has {first_of(self.slides.column_names, MAX_NAMES)}"
        given = "" if self.source is None else f", {self.source!r} has {first_of(self.names, MAX_NAMES)}"
        raise ConfigurationError(
            f"{option}: no column {excerpt(name)}: {own}{given}; name one of them, or give --from a table with it"
        )

    def filled(self, name: str, option: str) -> list[str]:
        """Return a column without empty cells.

        Raises:
            ConfigurationError: There is no such column, or a slide has no cell in it; the first slides are named.
        """
        cells = self.column(name, option)
        lacking = [path for path, cell in zip(self.slides["path"].to_pylist(), cells, strict=True) if cell is None]
        if lacking:
            where = self.source if self.source is not None and name in self.names else "slides.parquet"
            found = first_of([repr(path) for path in lacking], MAX_SLIDES)
            raise ConfigurationError(
                f"{option}: {len(lacking):,} of {len(self):,} slides have no {name} in {where!r}: {found}; fill the"
                " cells, or give --from a table with them"
            )
        return [cell for cell in cells if cell is not None]

    def __len__(self) -> int:
        return int(self.slides.num_rows)


def _numbers(slides: pa.Table, key: str) -> dict[str, int]:
    """Return the number of each slide by its id, path or stem.

    Raises:
        ConfigurationError: Two slides have one stem.
    """
    paths = slides["path"].to_pylist()
    names = [slide_stem(path) for path in paths] if key == "stem" else slides[key].to_pylist()
    numbers: dict[str, int] = {}
    for number, name in enumerate(names):
        other = numbers.setdefault(name, number)
        if other != number:
            found = f"{paths[other]!r} and {paths[number]!r} have the stem {name!r}"
            raise ConfigurationError(f"--from: {found}; name slides by slide_id or path instead")
    return numbers


def _text(cell: Any) -> str | None:
    """Return a cell as text; None for an empty one, and for NaN, as which pandas writes it."""
    text = "" if cell is None or cell != cell else str(cell).strip()  # noqa: PLR0124 - NaN alone differs from itself
    return text or None
