"""Manifest: a CSV or Parquet table of slides, with their resolution and overlay paths."""

import json
import math
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any, TypeVar

import pyarrow as pa

from flows.config.errors import ConfigurationError
from flows.config.excerpt import excerpt
from flows.config.model import ManifestKind as Kind
from flows.config.numbers import is_decimal
from flows.config.uri import check_input
from flows.inputs.cells import Cell, convert, kinds_of, plain_cell
from flows.inputs.given_table import found_columns, read_columns
from flows.inputs.source_table import NO_CELLS, name_bytes, source_schema
from flows.storage.slices import SLICE
from ratiopath.remote.names import absolute, folder_of, joined, name_of, options_of
from ratiopath.slides.paths import TABLES
from schemas.fields import SLIDE_ID_FORM

_Read = TypeVar("_Read")


def is_manifest(path: str) -> bool:
    """Return True if an entry of `slides` names a manifest."""
    return name_of(path).lower().endswith(TABLES) and not os.path.isdir(path)


def read_manifest(
    path: str,
    overlays: Mapping[str, str] | None = None,
    mpps: Mapping[str, str] | None = None,
    kinds: Mapping[str, Kind] | None = None,
) -> Iterator[pa.Table]:
    """Read the slides of a manifest, in its order.

    Args:
        path: CSV (UTF-8, comma, with a header) or Parquet, with a column `path` and optionally `mpp` and `slide_id`.
            Paths may be URIs; relative ones are resolved against its folder, which may be on a store.
        overlays: Columns with paths of overlays, by the names of these.
        mpps: Columns with resolutions of overlays, by the names of these.
        kinds: Kind of each column that goes through to the tables.

    Yields:
        Slices of a table of `flows.inputs.source_table.source_schema`.

    Raises:
        ConfigurationError: It cannot be read, lacks a column, or holds an unusable path, resolution, id or cell.
    """
    path, overlays, mpps, kinds = absolute(path), overlays or {}, mpps or {}, kinds or {}
    needed = ["path", *overlays.values()]
    names, rows = read_columns(path, {*needed, *mpps.values(), *kinds, "mpp", "slide_id"})
    _require(path, names, [*needed, *mpps.values()], "overlays.NAME.path.column or mpp.column")
    _require(path, names, kinds, "columns")
    schema = source_schema(overlays, mpps)
    for start in range(0, rows.num_rows, SLICE):
        some = _Rows(path, start + 1, rows.slice(start, SLICE))
        yield pa.table(
            {
                "path": some.slides(),
                "slide_mpp": some.column("mpp", _mpp),
                "slide_id": some.column("slide_id", _slide_id),
                "cells": some.cells(kinds),
                **{f"{name}_source": some.column(column, _place) for name, column in overlays.items()},
                **{f"{name}_given": some.column(column, _mpp) for name, column in mpps.items()},
            },
            schema,
        )


@dataclass(frozen=True, slots=True)
class _Rows:
    """Some successive rows of a manifest."""

    path: str
    """Path or URI of the manifest."""
    first: int
    """Number of the first row, as messages count them."""
    table: pa.Table

    def column(self, name: str, read: Callable[[Any, "_Where"], _Read | None]) -> list[_Read | None]:
        """Read the cells of a column; None for each if there is no such column."""
        if name not in self.table.column_names:
            return [None] * self.table.num_rows
        cells = enumerate(self.table[name].to_pylist(), start=self.first)
        return [read(cell, _Where(self.path, number, name)) for number, cell in cells]

    def slides(self) -> list[bytes]:
        """Read the paths of the slides."""
        paths = list[bytes]()
        for number, path in enumerate(self.column("path", _place), start=self.first):
            if path is None:
                remedy = "fill it or delete the row"
                raise ConfigurationError(f"slides: row {number} of manifest {self.path!r} has no path; {remedy}")
            paths.append(name_bytes(path))
        return paths

    def cells(self, kinds: Mapping[str, Kind]) -> list[str]:
        """Read the cells that go through to the tables, as JSON."""
        if not kinds:
            return [NO_CELLS] * self.table.num_rows
        columns = [self.column(name, partial(_typed, kind=kind)) for name, kind in kinds.items()]
        return [json.dumps(dict(zip(kinds, row, strict=True))) for row in zip(*columns, strict=True)]


@dataclass(frozen=True, slots=True)
class _Where:
    """Place of a cell."""

    path: str
    """Path or URI of the manifest."""
    row: int
    column: str

    def __str__(self) -> str:
        """Return the place as messages name it."""
        return f"{self.column} in row {self.row} of manifest {self.path!r}"


def read_cells(path: str, columns: Iterable[str]) -> pa.Table:
    """Read columns of a manifest that go through to the tables, as they are.

    Raises:
        ConfigurationError: It cannot be read, or lacks a column.
    """
    path, columns = absolute(path), list(columns)
    names, rows = read_columns(path, columns)
    _require(path, names, columns, "columns")
    return rows


def _require(path: str, names: Sequence[str], needed: Iterable[str], key: str) -> None:
    lacking = [name for name in dict.fromkeys(needed) if name not in names]
    if lacking:
        raise ConfigurationError(
            f"slides: manifest {path!r} has no column {', '.join(map(repr, lacking))}, found {found_columns(names)}; "
            f"add it, or correct {key}"
        )


def _slide_id(cell: Any, place: _Where) -> str | None:
    found = plain_cell(cell)
    if found is None:
        return None
    if not isinstance(found, str) or not re.fullmatch(SLIDE_ID_FORM, found):
        raise ConfigurationError(
            f"slides: {place} is {excerpt(cell)}; give up to 151 letters, digits, '.', '_' and '-' of ASCII, beginning "
            "with a letter or digit, as it names files, or leave it empty"
        )
    if found.lower() == "empty":
        taken = "the name of the file that a table without rows has"
        raise ConfigurationError(f"slides: {place} is {found!r}, {taken}; give another one, or leave it empty")
    return found


def _typed(cell: Any, place: _Where, kind: Kind) -> Cell | None:
    found = plain_cell(cell)
    if found is None:
        return None
    if kind == "text" or kind in kinds_of(found):
        return convert(found, kind)
    raise ConfigurationError(
        f"slides: {place} is {excerpt(cell)}, no {kind}; correct it, or write columns: {{{place.column}: text}}"
    )


def _place(cell: Any, place: _Where) -> str | None:
    """Return an absolute path, or a URI."""
    if cell is None:
        return None
    if not isinstance(cell, str) or "\0" in cell:
        raise ConfigurationError(f"slides: {place} is not a file path: {excerpt(cell)}; give a path or a URI")
    try:
        path = check_input(cell)
    except ValueError as error:
        raise ConfigurationError(f"slides: {place} cannot be used: {error}") from None
    return joined(folder_of(place.path) + options_of(place.path), path) if path else None


def _mpp(cell: Any, place: _Where) -> float | None:
    if cell is None or cell == "":
        return None
    if isinstance(cell, str):
        cell = cell.strip()
        is_number = is_decimal(cell)
    else:
        is_number = isinstance(cell, int | float | Decimal) and not isinstance(cell, bool)
    mpp = float(cell) if is_number else math.nan
    if not (math.isfinite(mpp) and mpp > 0):
        raise ConfigurationError(
            f"slides: {place} is {excerpt(cell)}; give a number > 0, µm per pixel, or leave it empty"
        )
    return mpp
