"""Table schemas, and the validation of tables against them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandera.pyarrow as pap
import pyarrow as pa
import pyarrow.compute as pc
from pandera.errors import SchemaErrors

MAX_EXAMPLES = 5
"""Example rows in an error."""
_IN_WORDS = {"not_nullable": "holds no null", "multiple_fields_uniqueness": "names each row once"}
"""Wording of pandera's built-in rules in errors."""


class SchemaError(Exception):
    """A table breaks its schema: a bug of this program, not a failed slide. It can be pickled, as Ray requires.

    Attributes:
        table: Name of the table.
        column: Name of the column, or several joined by commas.
        rule: Rule that is broken.
        examples: Up to five rows that break it.
    """

    def __init__(self, table: str, column: str, rule: str, examples: Sequence[Any] = ()) -> None:
        super().__init__(table, column, rule, examples)
        self.table, self.column, self.rule, self.examples = table, column, rule, examples

    def __str__(self) -> str:
        shown = f", broken by {list(self.examples)}" if self.examples else ""
        return f"table {self.table}, column {self.column}: {self.rule}{shown}"


@dataclass(frozen=True, slots=True)
class Column:
    """One column."""

    name: str
    """Name."""
    type: pa.DataType
    """Exact Arrow type; nothing is cast."""
    checks: tuple[pap.Check, ...] = ()
    """Checks of its values; null passes all of them."""
    nullable: bool = False
    """True if it may hold nulls."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Check that pandera cannot express: of a map, or between columns."""

    column: str
    """Column named in the error."""
    text: str
    """Wording of the rule in the error."""
    broken: Callable[[pa.Table], npt.NDArray[np.bool_]]
    """Function from a table to a mask of the rows that break the rule."""


@dataclass(frozen=True, slots=True)
class TableSchema:
    """Columns in order, and the checks of their values."""

    name: str
    """Name of the table in errors."""
    arrow: pa.Schema
    """Column names and exact types."""
    pandera: pap.DataFrameSchema
    """Checks of the values of all columns but maps; `checked` compares the types first."""
    rules: tuple[Rule, ...]
    """Further checks."""
    key: tuple[str, ...]
    """Columns that identify a row, unique together; errors show them."""

    @classmethod
    def of(
        cls, name: str, columns: Sequence[Column], *, key: tuple[str, ...], rules: Sequence[Rule] = ()
    ) -> "TableSchema":
        """Build a schema from its columns."""
        frame = {
            column.name: pap.Column(None, checks=list(column.checks), nullable=column.nullable)
            for column in columns
            if not pa.types.is_map(column.type)
        }
        maps = tuple(_has_no_null(column.name) for column in columns if pa.types.is_map(column.type))
        return cls(
            name,
            pa.schema([pa.field(column.name, column.type) for column in columns]),
            pap.DataFrameSchema(frame, strict=True, ordered=True, unique=list(key), name=name),
            (*maps, *rules),
            key,
        )

    def table(self, rows: Sequence[dict[str, Any]]) -> pa.Table:
        """Build a table of rows, and validate it; see `checked`."""
        return checked(pa.Table.from_pylist(list(rows), self.arrow), self)


def checked(table: pa.Table, schema: TableSchema) -> pa.Table:
    """Validate a table and return it unchanged.

    Args:
        table: Table to validate; nothing is cast, reordered or filled in.
        schema: Schema to validate against.

    Raises:
        SchemaError: The table breaks the schema; the error names the table, the column, the rule and up to five rows.
    """
    _check_columns(table, schema)
    if not table.num_rows:
        return table
    _check_values(table, schema)
    for rule in schema.rules:
        broken = rule.broken(table)
        if broken.any():
            raise SchemaError(
                schema.name, rule.column, rule.text, _examples(table, pa.array(broken), rule.column, schema)
            )
    return table


def load_checks() -> None:
    """Make a first validation, which imports polars and hypothesis: while something else is waited for."""
    pap.DataFrameSchema({"number": pap.Column(None)}).validate(pa.table({"number": [0]}))


def _check_columns(table: pa.Table, schema: TableSchema) -> None:
    if table.schema.names != schema.arrow.names:
        found = ", ".join(table.schema.names)
        raise SchemaError(schema.name, found or "none", f"the columns are {', '.join(schema.arrow.names)}")
    for found, wanted in zip(table.schema, schema.arrow, strict=True):
        if found.type != wanted.type:
            raise SchemaError(schema.name, wanted.name, f"the type is {wanted.type}, found {found.type}")


def _check_values(table: pa.Table, schema: TableSchema) -> None:
    try:
        schema.pandera.validate(table.select(list(schema.pandera.columns)), lazy=True)
    except SchemaErrors as errors:
        error = errors.schema_errors[0]  # the others often follow from it
        cases = error.failure_cases
        if not isinstance(cases, pa.Table):
            raise SchemaError(schema.name, str(error.column_name), f"{error.check}, found {cases}") from None
        column = ", ".join(cases.column_names)
        name = (
            error.check.error or error.check.name
            if isinstance(error.check, pap.Check)
            else _IN_WORDS.get(error.check, str(error.check))
        )
        broken = np.logical_and.reduce(
            [pc.is_in(table[key], value_set=cases[key].slice(0, 100)).to_numpy() for key in cases.column_names]
        )
        raise SchemaError(schema.name, column, name, _examples(table, pa.array(broken), column, schema)) from None


def _examples(table: pa.Table, broken: pa.Array, column: str, schema: TableSchema) -> list[dict[str, Any]]:
    names = dict.fromkeys([*schema.key, *column.split(", ")])
    rows: list[dict[str, Any]] = table.select(list(names)).filter(broken).slice(0, MAX_EXAMPLES).to_pylist()
    return rows


def _has_no_null(column: str) -> Rule:
    return Rule(column, "holds no null", lambda table: table[column].is_null().to_numpy())
