"""Manifest: a CSV or Parquet table of slides, with their resolution and overlay paths."""

import csv
import io
import math
import os
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyarrow as pa

from flows.config.errors import ConfigurationError
from flows.config.excerpt import excerpt, first_of
from flows.config.model import ManifestKind as Kind
from flows.config.numbers import is_decimal
from flows.config.uri import check_input
from flows.inputs.cells import Cell, convert, kinds_of, plain_cell
from flows.storage.parquet import read_table
from ratiopath.errors import SlideError
from ratiopath.files import require_regular
from ratiopath.remote.file import RemoteFile
from ratiopath.remote.names import absolute, folder_of, joined, name_of, options_of
from ratiopath.remote.uri import is_uri
from ratiopath.slides.paths import TABLES
from schemas.fields import SLIDE_ID_FORM

MAX_NAMES, MAX_NAME = 30, 60
"""Columns that a message names, and characters of each."""


@dataclass(frozen=True, slots=True)
class SlideSource:
    """A slide named by the configuration, not yet opened."""

    path: str
    """Absolute path, or URI."""
    mpp: float | None = None
    """Resolution in its manifest row, µm per pixel; None if there is none."""
    sources: tuple[str | None, ...] = ()
    """Paths of overlays in its manifest row, absolute or URIs, one per overlay with a manifest column; None for an
    empty cell."""
    overlay_mpps: tuple[float | None, ...] = ()
    """Resolutions in its manifest row, one per overlay with such a column, µm per pixel; None for an empty cell."""
    slide_id: str | None = None
    """Id in its manifest row; None if there is none."""
    cells: tuple[Cell | None, ...] = ()
    """Cells of the columns that go through to the tables; None for an empty one."""


def is_manifest(path: str) -> bool:
    """Return True if an entry of `slides` names a manifest."""
    return name_of(path).lower().endswith(TABLES) and not os.path.isdir(path)


def read_manifest(
    path: str, columns: Iterable[str], mpps: Iterable[str] = (), kinds: Mapping[str, Kind] | None = None
) -> Iterator[SlideSource]:
    """Read the slides of a manifest, in its order.

    Args:
        path: CSV (UTF-8, comma, with a header) or Parquet, with a column `path` and optionally `mpp` and `slide_id`.
            Paths may be URIs; relative ones are resolved against its folder, which may be on a store.
        columns: Columns with overlay paths.
        mpps: Columns with resolutions of overlays.
        kinds: Kind of each column that goes through to the tables.

    Raises:
        ConfigurationError: It cannot be read, lacks a column, or holds an unusable path, resolution, id or cell.
    """
    path, kinds = absolute(path), kinds or {}
    needed, mpps = ["path", *columns], list(mpps)
    names, rows = read_rows(path, {*needed, *mpps, *kinds, "mpp", "slide_id"})
    _require(path, names, [*needed, *mpps], "overlays.NAME.path.column or mpp.column")
    _require(path, names, kinds, "columns")
    folder = folder_of(path) + options_of(path)
    for number, row in enumerate(rows, start=1):
        cells = [_text(row[name], path, number, name) for name in needed]
        paths = [joined(folder, cell) if cell else None for cell in cells]
        if paths[0] is None:
            raise ConfigurationError(
                f"slides: row {number} of manifest {path!r} has no path; fill it or delete the row"
            )
        given = tuple(_mpp(row[name], path, number, name) for name in mpps)
        values = tuple(_typed(row[name], kind, path, number, name) for name, kind in kinds.items())
        slide_id = _slide_id(row.get("slide_id"), path, number)
        yield SlideSource(paths[0], _mpp(row.get("mpp"), path, number), tuple(paths[1:]), given, slide_id, values)


def read_cells(path: str, columns: Iterable[str]) -> dict[str, list[Any]]:
    """Read columns of a manifest that go through to the tables, as they are; the text of CSV is stripped.

    Raises:
        ConfigurationError: It cannot be read, or lacks a column.
    """
    path, columns = absolute(path), list(columns)
    names, rows = read_rows(path, columns)
    _require(path, names, columns, "columns")
    return {name: [plain_cell(row[name]) for row in rows] for name in columns}


def _require(path: str, names: Sequence[str], needed: Iterable[str], key: str) -> None:
    lacking = [name for name in dict.fromkeys(needed) if name not in names]
    if lacking:
        found = first_of([excerpt(name[:MAX_NAME]) for name in names], MAX_NAMES)
        raise ConfigurationError(
            f"slides: manifest {path!r} has no column {', '.join(map(repr, lacking))}, found {found}; add it, or "
            f"correct {key}"
        )


def _slide_id(cell: Any, path: str, number: int) -> str | None:
    found = plain_cell(cell)
    if found is None:
        return None
    where = f"slides: slide_id in row {number} of manifest {path!r}"
    if not isinstance(found, str) or not re.fullmatch(SLIDE_ID_FORM, found):
        raise ConfigurationError(
            f"{where} is {excerpt(cell)}; give up to 151 letters, digits, '.', '_' and '-' of ASCII, beginning with a "
            "letter or digit, as it names files, or leave it empty"
        )
    if found.lower() == "empty":
        taken = "the name of the file that a table without rows has"
        raise ConfigurationError(f"{where} is {found!r}, {taken}; give another one, or leave it empty")
    return found


def _typed(cell: Any, kind: Kind, path: str, number: int, name: str) -> Cell | None:
    found = plain_cell(cell)
    if found is None:
        return None
    if kind == "text" or kind in kinds_of(found):
        return convert(found, kind)
    raise ConfigurationError(
        f"slides: {name} in row {number} of manifest {path!r} is {excerpt(cell)}, no {kind}; correct it, or write "
        f"columns: {{{name}: text}}"
    )


def read_rows(path: str, used: Collection[str], key: str = "slides") -> tuple[list[str], list[dict[str, Any]]]:
    """Read the names of the columns, and the rows; the cells of a CSV are texts.

    Args:
        path: CSV (UTF-8, comma, with a header) or Parquet, or its URI.
        used: Columns that a header may have only once.
        key: Key or option that names the file, for messages.

    Raises:
        ConfigurationError: It cannot be read.
    """
    try:
        content = _content(path)
        if name_of(path).lower().endswith(".parquet"):
            table = read_table(content)
            return table.column_names, table.to_pylist()
        with io.TextIOWrapper(content, newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, strict=True)
            names = [name.strip() for name in reader.fieldnames or ()]
            reader.fieldnames, times = names, Counter(names)
            twice = {name for name in used if times[name] > 1}
            if twice:
                found = ", ".join(map(repr, sorted(twice)))
                raise ConfigurationError(f"{key}: manifest {path!r} has the column {found} twice; delete one of them")
            return names, [_complete_row(row, path, number, key) for number, row in enumerate(reader, start=1)]
    except FileNotFoundError:
        raise ConfigurationError(f"{key}: manifest {path!r} does not exist; check the path") from None
    except SlideError as error:
        raise ConfigurationError(f"{key}: {error}") from error
    except (OSError, UnicodeDecodeError, csv.Error, pa.ArrowInvalid) as error:
        raise ConfigurationError(f"{key}: manifest {path!r} cannot be read: {error}; give CSV or Parquet") from None


def _content(path: str) -> io.BytesIO:
    if is_uri(path):
        with RemoteFile.open(path) as remote:
            return io.BytesIO(remote.read())
    require_regular(path)
    with open(path, "rb") as file:
        return io.BytesIO(file.read())


def _complete_row(row: dict[str | None, Any], path: str, number: int, key: str) -> dict[str, Any]:
    if None in row or None in row.values():
        found = "more" if None in row else "fewer"
        raise ConfigurationError(
            f"{key}: row {number} of manifest {path!r} has {found} cells than the header; separate them with commas"
        )
    return {str(name): cell for name, cell in row.items()}


def _text(cell: Any, path: str, number: int, name: str) -> str | None:
    if cell is None:
        return None
    where = f"slides: {name} in row {number} of manifest {path!r}"
    if not isinstance(cell, str) or "\0" in cell:
        raise ConfigurationError(f"{where} is not a file path: {excerpt(cell)}; give a path or a URI")
    try:
        return check_input(cell) or None
    except ValueError as error:
        raise ConfigurationError(f"{where} cannot be used: {error}") from None


def _mpp(cell: Any, path: str, number: int, name: str = "mpp") -> float | None:
    if cell is None or cell == "":
        return None
    if isinstance(cell, str):
        cell = cell.strip()
        is_number = is_decimal(cell)
    else:
        is_number = isinstance(cell, int | float | Decimal) and not isinstance(cell, bool)
    mpp = float(cell) if is_number else math.nan
    if not (math.isfinite(mpp) and mpp > 0):
        where = f"slides: {name} in row {number} of manifest {path!r}"
        raise ConfigurationError(f"{where} is {excerpt(cell)}; give a number > 0, µm per pixel, or leave it empty")
    return mpp
