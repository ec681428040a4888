"""What a Ray expression is handed, as numpy columns, and its rows grouped by what they share."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from ratiopath.errors import ParameterError
from ratiopath.geometry import Float64s, Int64s


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a block, grouped by file."""

    count: int
    """How many rows the block has."""
    path: pa.DictionaryArray
    """The file of each row."""
    columns: Mapping[str, Float64s]
    """The other columns by name, float64."""

    @classmethod
    def of(cls, path: Any, path_name: str, **columns: Any) -> "Rows":
        """Take columns as a Ray expression hands them over.

        Args:
            path: Strings: an Arrow array, chunked or not, a pandas series, or one string for all rows.
            path_name: What to call it in an error.
            **columns: Numbers in the same forms.

        Raises:
            ParameterError: A null, a type that is no string or number, or no column at all.
        """
        lengths = {len(column) for column in (path, *columns.values()) if not _is_scalar(column)}
        if len(lengths) != 1:
            raise ParameterError(f"the columns have one length: found {sorted(lengths)}; pass at least one column")
        count = lengths.pop()
        paths = _arrow(path_name, path, count)
        if not (pa.types.is_string(paths.type) or pa.types.is_large_string(paths.type)) and count:
            raise ParameterError(f"{path_name} holds strings: found {paths.type}; cast the column")
        numbers = {name: _numbers(name, _arrow(name, column, count)) for name, column in columns.items()}
        return cls(count, paths.dictionary_encode(), numbers)

    def by_file(self) -> Iterator[tuple[str, Int64s]]:
        """Each file once, with its rows in ascending order."""
        codes = self.path.indices.to_numpy(zero_copy_only=False)
        order = np.argsort(codes, kind="stable")
        starts = np.searchsorted(codes[order], np.arange(len(self.path.dictionary) + 1))
        for code, path in enumerate(self.path.dictionary.to_pylist()):
            yield path, order[starts[code] : starts[code + 1]]

    def by_value(self, rows: Int64s, *names: str) -> Iterator[tuple[tuple[float, ...], Int64s]]:
        """The distinct combinations of some columns among some rows, each with its rows in ascending order."""
        values, group = np.unique(
            np.stack([self.columns[name][rows] for name in names], axis=1), axis=0, return_inverse=True
        )
        for index, combination in enumerate(values.tolist()):
            yield tuple(combination), rows[group == index]


def _is_scalar(column: Any) -> bool:
    return isinstance(column, str | int | float | np.generic | pa.Scalar)


def _arrow(name: str, column: Any, count: int) -> pa.Array:
    if _is_scalar(column):
        value = column.as_py() if isinstance(column, pa.Scalar) else column
        array = pa.array([value] * count)
    elif isinstance(column, pa.Array | pa.ChunkedArray):
        array = column
    else:
        array = pa.array(column)
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if isinstance(array, pa.ChunkedArray):  # combine_chunks gives a chunked array back where it cannot make one array
        array = pa.concat_arrays(array.chunks)
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if array.null_count:
        raise ParameterError(f"{name} has no nulls: found {array.null_count} in {count} rows; filter these rows out")
    return array


def _numbers(name: str, array: pa.Array) -> Float64s:
    if len(array) and not (pa.types.is_integer(array.type) or pa.types.is_floating(array.type)):
        raise ParameterError(f"{name} holds numbers: found {array.type}; cast the column")
    numbers = np.asarray(array.to_numpy(zero_copy_only=False), dtype=np.float64)
    if not name.startswith("mpp") and not np.isfinite(numbers).all():  # a wrong mpp is an error of its file
        found = int(np.count_nonzero(~np.isfinite(numbers)))
        raise ParameterError(f"{name} is finite: found {found} NaN or infinite in {len(numbers)} rows; filter them out")
    return numbers
