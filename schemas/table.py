"""What a table must look like, and the one check that every task makes of what it takes and what it gives."""

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
"""Rows that a violation shows."""
_IN_WORDS = {"not_nullable": "holds no null", "multiple_fields_uniqueness": "names each row once"}
"""What pandera calls its own rules."""


class SchemaError(Exception):
    """A table breaks its schema: a fault of this program, not of a slide. It survives pickling, hence a Ray worker.

    Attributes:
        table: Name of the table.
        column: The column, or several joined by commas.
        rule: What must hold and does not.
        examples: Up to five rows for which it does not.
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
    """Its name."""
    type: pa.DataType
    """Its exact Arrow type; nothing is cast."""
    checks: tuple[pap.Check, ...] = ()
    """Conditions on its values; a null meets them all."""
    nullable: bool = False
    """Whether it may hold nulls."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A condition that pandera cannot state: on a map, or between columns."""

    column: str
    """The column it is about."""
    text: str
    """What must hold."""
    broken: Callable[[pa.Table], npt.NDArray[np.bool_]]
    """For which rows it does not."""


@dataclass(frozen=True, slots=True)
class TableSchema:
    """Columns in order, and what must hold of their values."""

    name: str
    """The table, for errors."""
    arrow: pa.Schema
    """Names and exact types."""
    pandera: pap.DataFrameSchema
    """All but the map columns, which pandera has no type for."""
    rules: tuple[Rule, ...]
    """What else must hold."""
    key: tuple[str, ...]
    """Columns that name a row, unique together; errors show them."""

    @classmethod
    def of(
        cls, name: str, columns: Sequence[Column], *, key: tuple[str, ...], rules: Sequence[Rule] = ()
    ) -> "TableSchema":
        """Put a schema together from its columns."""
        frame = {
            column.name: pap.Column(column.type, checks=list(column.checks), nullable=column.nullable)
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


def checked(table: pa.Table, schema: TableSchema) -> pa.Table:
    """The same table, if it is what the schema says.

    Args:
        table: Any table; nothing is cast, reordered or filled in.
        schema: What it must be.

    Raises:
        SchemaError: Names the table, the column, the rule and up to five rows.
    """
    _check_columns(table, schema)
    _check_values(table, schema)
    for rule in schema.rules:
        broken = rule.broken(table)
        if broken.any():
            raise SchemaError(
                schema.name, rule.column, rule.text, _examples(table, pa.array(broken), rule.column, schema)
            )
    return table


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
        error = errors.schema_errors[0]  # the others follow from it often enough
        cases = error.failure_cases
        if not isinstance(cases, pa.Table):
            raise SchemaError(schema.name, str(error.column_name), f"{error.check}, found {cases}") from None
        column = ", ".join(cases.column_names)
        name = (
            error.check.error or error.check.name
            if isinstance(error.check, pap.Check)
            else _IN_WORDS.get(error.check, str(error.check))
        )
        broken = np.logical_and.reduce([_is_among(table[key], cases[key]) for key in cases.column_names])
        raise SchemaError(schema.name, column, name, _examples(table, pa.array(broken), column, schema)) from None


def _is_among(column: pa.ChunkedArray, cases: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    found: npt.NDArray[np.bool_] = pc.is_in(column, value_set=cases.slice(0, 100)).to_numpy()
    return found


def _examples(table: pa.Table, broken: pa.Array, column: str, schema: TableSchema) -> list[dict[str, Any]]:
    names = dict.fromkeys([*schema.key, *column.split(", ")])
    rows: list[dict[str, Any]] = table.select(list(names)).filter(broken).slice(0, MAX_EXAMPLES).to_pylist()
    return rows


def _has_no_null(column: str) -> Rule:
    return Rule(column, "holds no null", lambda table: table[column].is_null().to_numpy())
