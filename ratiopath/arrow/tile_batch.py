"""What a Ray expression is handed, as numpy columns, and its rows grouped by what they share."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa

from ratiopath.errors import InvalidMppError, ParameterError
from ratiopath.geometry import Float64s, Int64s, Mpp
from ratiopath.slides import SlideReader, open_slide


@dataclass(frozen=True, slots=True)
class TileBatch:
    """The rows of a block, grouped by file."""

    count: int
    """How many rows the block has."""
    path: pa.DictionaryArray
    """The file of each row."""
    columns: Mapping[str, Float64s]
    """The other columns by name, float64."""

    @classmethod
    def of(cls, path: Any, path_name: str, **columns: Any) -> "TileBatch":
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


Result = TypeVar("Result")


def for_each_overlay(
    rows: TileBatch, overlay_mpp: Mpp | None, work: Callable[[SlideReader, Float64s, Float64s, Mpp], Result]
) -> list[tuple[Int64s, Result]]:
    """Do some work for each group of tiles of one resolution under one overlay; each file is opened once.

    Args:
        rows: The overlay files, with columns tile_x, tile_y, mpp_x and mpp_y.
        overlay_mpp: Resolution of every overlay's level 0 instead of what its file says.
        work: Takes the overlay, the left and top edges of the tiles and their resolution.

    Returns:
        The rows of each group, ascending, and what the work gave. The groups share no row and together are all rows.

    Raises:
        SlideError: An overlay cannot be opened, or the tiles have no resolution.
    """
    results = []
    for path, of_file in rows.by_file():
        with open_slide(path, overlay_mpp) as overlay:
            for mpp, group in rows.by_value(of_file, "mpp_x", "mpp_y"):
                x, y = rows.columns["tile_x"][group], rows.columns["tile_y"][group]
                results.append((group, work(overlay, x, y, _tile_mpp(mpp, path))))
    return results


def _tile_mpp(found: tuple[float, ...], path: str) -> Mpp:
    """The resolution of a group of tiles.

    Args:
        found: Values of the columns mpp_x and mpp_y.
        path: The overlay they are to be laid over, for the error.

    Raises:
        InvalidMppError: One is not finite or <= 0.
    """
    try:
        return Mpp(*found)
    except ParameterError as error:
        text = f"tiles with mpp_x={found[0]}, mpp_y={found[1]}"
        remedy = "correct the columns mpp_x and mpp_y, or give the slide's resolution when it is read"
        raise InvalidMppError("the tiles' mpp is finite and > 0", path=path, found=text, remedy=remedy) from error
