"""Table that a user gives as CSV or Parquet, as columns: a manifest, or columns about slides."""

import csv
import io
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from flows.config.errors import ConfigurationError
from flows.config.excerpt import excerpt, first_of
from flows.storage.parquet import read_table
from flows.storage.slices import slices_of
from ratiopath.errors import SlideError
from ratiopath.files import require_regular
from ratiopath.remote.file import RemoteFile
from ratiopath.remote.names import name_of
from ratiopath.remote.uri import is_uri

MAX_NAMES, MAX_NAME = 30, 60
"""Columns that a message names, and characters of each."""


def found_columns(names: Sequence[str]) -> str:
    """Return the names of the columns of a table as messages list them."""
    return first_of([excerpt(name[:MAX_NAME]) for name in names], MAX_NAMES)


def read_columns(path: str, used: Collection[str], key: str = "slides") -> tuple[list[str], pa.Table]:
    """Read the names of all columns, and those that are used; the cells of a CSV are texts.

    Args:
        path: CSV (UTF-8, comma, with a header) or Parquet, or its URI.
        used: Columns to read, where they are there; a header may have them only once.
        key: Key or option that names the file, for messages.

    Raises:
        ConfigurationError: It cannot be read.
    """
    try:
        content = _content(path)
        if name_of(path).lower().endswith(".parquet"):
            names = pq.read_schema(content).names
            return names, read_table(content, columns=_once(names, used, path, key))
        with io.TextIOWrapper(content, newline="", encoding="utf-8-sig") as file:
            lines = csv.reader(file, strict=True)
            names = [name.strip() for name in next(lines, [])]
            places = {name: names.index(name) for name in _once(names, used, path, key)}
            schema = pa.schema([(name, pa.string()) for name in places])
            slices = slices_of(_complete_rows(lines, len(names), path, key))
            tables = [pa.table([[row[n] for row in rows] for n in places.values()], schema) for rows in slices]
            return names, pa.concat_tables([schema.empty_table(), *tables])
    except FileNotFoundError:
        raise ConfigurationError(f"{key}: manifest {path!r} does not exist; check the path") from None
    except SlideError as error:
        raise ConfigurationError(f"{key}: {error}") from error
    except (OSError, UnicodeDecodeError, csv.Error, pa.ArrowInvalid) as error:
        raise ConfigurationError(f"{key}: manifest {path!r} cannot be read: {error}; give CSV or Parquet") from None


def _once(names: Sequence[str], used: Collection[str], path: str, key: str) -> list[str]:
    """Return those of the columns that are used, in their order."""
    times = Counter(names)
    twice = ", ".join(repr(name) for name in sorted(used) if times[name] > 1)
    if twice:
        raise ConfigurationError(f"{key}: manifest {path!r} has the column {twice} twice; delete one of them")
    return [name for name in names if name in used]


def _content(path: str) -> io.BytesIO:
    if is_uri(path):
        with RemoteFile.open(path) as remote:
            return io.BytesIO(remote.read())
    require_regular(path)
    with open(path, "rb") as file:
        return io.BytesIO(file.read())


def _complete_rows(lines: Iterable[list[str]], width: int, path: str, key: str) -> Iterator[list[str]]:
    """Yield the lines that are not empty."""
    for number, row in enumerate(filter(None, lines), start=1):
        if len(row) != width:
            found, remedy = "more" if len(row) > width else "fewer", "separate them with commas"
            raise ConfigurationError(
                f"{key}: row {number} of manifest {path!r} has {found} cells than the header; {remedy}"
            )
        yield row
