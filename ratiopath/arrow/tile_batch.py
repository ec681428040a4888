"""The arguments of a column expression as numpy columns, and their rows grouped by file and by value."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa

from ratiopath.errors import InvalidMppError, ParameterError
from ratiopath.geometry import MAX_PIXEL, Float64s, Int64s, Mpp
from ratiopath.overlays import Overlay, OverlaySettings, TileWindows, open_overlay
from ratiopath.roi import Roi


@dataclass(frozen=True, slots=True)
class TileBatch:
    """Rows of a block: a file and numbers per row."""

    count: int
    """Number of rows."""
    path: pa.DictionaryArray
    """File of each row, a dictionary array of strings."""
    columns: Mapping[str, Float64s]
    """Numeric columns by name, float64."""
    slide: pa.DictionaryArray | None = None
    """Slide of each row, for the frame of annotations."""

    @classmethod
    def of(cls, path: Any, path_name: str, *, slide_path: Any = None, **columns: Any) -> "TileBatch":
        """Convert columns as a Ray expression receives them.

        Args:
            path: Strings: an Arrow array, chunked or not, a pandas series, or one string for all rows.
            path_name: Name of that column in error messages.
            slide_path: Strings in the same forms, or None.
            **columns: Numbers in the same forms.

        Raises:
            ParameterError: Columns differ in length, hold a null, or are of a type other than string or number.
        """
        texts = {path_name: path} if slide_path is None else {path_name: path, "slide_path": slide_path}
        lengths = {len(column) for column in (*texts.values(), *columns.values()) if not _is_scalar(column)}
        if len(lengths) != 1:
            found = f"columns of {' and '.join(map(str, sorted(lengths)))} rows" if lengths else "single values only"
            raise ParameterError(f"found {found}; pass columns of one length, at least one")
        count = lengths.pop()
        paths = [_paths(name, column, count) for name, column in texts.items()]
        numbers = {name: _numbers(name, _arrow(name, column, count)) for name, column in columns.items()}
        return cls(count, paths[0], numbers, paths[1] if slide_path is not None else None)

    @classmethod
    def of_overlays(
        cls, overlay_path: Any, tile_x: Any, tile_y: Any, mpp_x: Any, mpp_y: Any, overlay_mpp: Any, slide_path: Any
    ) -> "TileBatch":
        """Convert the columns of an overlay expression.

        Args:
            overlay_path: Overlay files.
            tile_x: Left edges of the tiles in px.
            tile_y: Top edges.
            mpp_x: Resolution of the tiles along x, µm/px.
            mpp_y: Resolution along y.
            overlay_mpp: Resolution of level 0 in µm/px: a number, a pair (x, y), a column, or None.
            slide_path: Slides of annotations, or None.

        Raises:
            ParameterError: See `of`; or the resolution is a number or a pair that is not finite or not > 0.
        """
        columns = {"tile_x": tile_x, "tile_y": tile_y, "mpp_x": mpp_x, "mpp_y": mpp_y}
        if is_constant_mpp(overlay_mpp):
            given = Mpp.of(overlay_mpp)
            columns |= {"mpp_overlay_x": given.x, "mpp_overlay_y": given.y}
        elif overlay_mpp is not None:
            columns |= {"mpp_overlay_x": overlay_mpp, "mpp_overlay_y": overlay_mpp}
        return cls.of(overlay_path, "overlay_path", slide_path=slide_path, **columns)

    def require_whole(self, *names: str) -> None:
        """Check that columns hold whole numbers.

        Raises:
            ParameterError: A number has a fraction; names the column.
        """
        for name in names:
            fractional = self.columns[name][self.columns[name] % 1 != 0]
            if len(fractional):
                found = f"in {len(fractional)} of {self.count} rows, such as {fractional[0]:g}"
                raise ParameterError(f"{name} is not whole {found}; round it")

    def by_file(self) -> Iterator[tuple[str, str | None, Int64s]]:
        """Iterate over the files and their slides, each pair once with its row indices, ascending."""
        slides = [None] if self.slide is None else self.slide.dictionary.to_pylist()
        codes = self.path.indices.to_numpy(zero_copy_only=False).astype(np.int64) * len(slides)
        if self.slide is not None:
            codes += self.slide.indices.to_numpy(zero_copy_only=False)
        order = np.argsort(codes, kind="stable")
        present, starts = np.unique(codes[order], return_index=True)
        paths = self.path.dictionary.to_pylist()
        for code, rows in zip(present.tolist(), np.split(order, starts)[1:], strict=True):
            file, slide = divmod(code, len(slides))
            yield paths[file], slides[slide], rows

    def by_value(self, rows: Int64s, *names: str) -> Iterator[tuple[tuple[float, ...], Int64s]]:
        """Iterate over the distinct combinations of columns among some rows, each with its row indices, ascending."""
        if not names:
            yield (), rows
            return
        values, group = np.unique(
            np.stack([self.columns[name][rows] for name in names], axis=1), axis=0, return_inverse=True
        )
        for index, combination in enumerate(values.tolist()):
            yield tuple(combination), rows[group == index]


def is_constant_mpp(overlay_mpp: Any) -> bool:
    """Return True if a resolution is a number, or a pair (x, y), and no column."""
    is_pair = isinstance(overlay_mpp, tuple | list) and len(overlay_mpp) == 2  # noqa: PLR2004 - x and y
    return isinstance(overlay_mpp, Mpp) or _is_scalar(overlay_mpp) or is_pair


def _is_scalar(column: Any) -> bool:
    return isinstance(column, str | int | float | np.generic | pa.Scalar)


def _paths(name: str, column: Any, count: int) -> pa.DictionaryArray:
    paths = _arrow(name, column, count)
    if not (pa.types.is_string(paths.type) or pa.types.is_large_string(paths.type)) and count:
        raise ParameterError(f"{name} is a column of {paths.type}; cast it to string")
    return paths.dictionary_encode()


def _arrow(name: str, column: Any, count: int) -> pa.Array:
    try:
        if _is_scalar(column):
            value = column.as_py() if isinstance(column, pa.Scalar) else column
            array = pa.array([value] * count)
        else:
            array = column if isinstance(column, pa.Array | pa.ChunkedArray) else pa.array(column)
    except (ValueError, TypeError, OverflowError) as error:  # mixed types, integers beyond int64, text that is no UTF-8
        raise ParameterError(f"{name} cannot be a column: {error}; pass numbers, or paths as text") from None
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if isinstance(array, pa.ChunkedArray):  # combine_chunks may return a chunked array
        array = pa.concat_arrays(array.chunks)
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if array.null_count:
        raise ParameterError(f"{name} is null in {array.null_count} of {count} rows; filter these rows out")
    return array


def _numbers(name: str, array: pa.Array) -> Float64s:
    if len(array) and not (pa.types.is_integer(array.type) or pa.types.is_floating(array.type)):
        raise ParameterError(f"{name} is a column of {array.type}; cast it to numbers")
    numbers = np.asarray(array.to_numpy(zero_copy_only=False), dtype=np.float64)
    if not name.startswith("mpp") and not np.isfinite(numbers).all():  # an invalid mpp is an error of its file
        found = int(np.count_nonzero(~np.isfinite(numbers)))
        raise ParameterError(f"{name} is NaN or infinite in {found} of {len(numbers)} rows; filter these rows out")
    if not name.startswith("mpp") and (np.abs(numbers) > MAX_PIXEL).any():
        raise ParameterError(f"{name} is {numbers[np.abs(numbers).argmax()]:g}, beyond {MAX_PIXEL:,}; correct it")
    return numbers


Result = TypeVar("Result")


def for_each_overlay(
    batch: TileBatch, roi: Roi, settings: OverlaySettings, work: Callable[[Overlay, TileWindows], Result]
) -> list[tuple[Int64s, Result]]:
    """Process each group of tiles of one resolution on one overlay; each file is opened once.

    Args:
        batch: Overlay files, with columns tile_x, tile_y, mpp_x and mpp_y.
        roi: Region of interest, relative to a tile.
        settings: Options of every overlay.
        work: Function of the open overlay and the tiles of a group.

    Returns:
        Row indices of each group, ascending, and its result. The groups share no row and cover all rows.

    Raises:
        SlideError: An overlay cannot be opened, or the tiles have no valid resolution.
    """
    results = []
    overlay_mpp = [name for name in ("mpp_overlay_x", "mpp_overlay_y") if name in batch.columns]
    for path, slide, file_rows in batch.by_file():
        for given, rows in batch.by_value(file_rows, *overlay_mpp):
            chosen = replace(settings, mpp=_mpp(given, path, _OF_OVERLAY)) if given else settings
            with open_overlay(path, chosen, slide) as overlay:
                for mpp, group in batch.by_value(rows, "mpp_x", "mpp_y"):
                    x, y = batch.columns["tile_x"][group], batch.columns["tile_y"][group]
                    results.append((group, work(overlay, TileWindows(x, y, _mpp(mpp, path, _OF_TILES), roi))))
    return results


_OF_OVERLAY = (
    "{path!r} is given an invalid resolution (overlay_mpp={values[0]})",
    "correct the column overlay_mpp",
)
_OF_TILES = (
    "tiles over {path!r} have an invalid resolution (mpp_x={values[0]}, mpp_y={values[1]})",
    "correct the columns mpp_x and mpp_y, or set slide_mpp when reading the slides",
)


def _mpp(values: tuple[float, ...], path: str, message: tuple[str, str]) -> Mpp:
    """Convert the resolution of a group of tiles, from two columns.

    Args:
        values: Values of the columns.
        path: The overlay.
        message: Problem and hint if a value is not finite or not > 0.

    Raises:
        InvalidMppError: A value is not finite or not > 0; names the overlay.
    """
    try:
        return Mpp(*values)
    except ParameterError as error:
        problem, hint = message
        raise InvalidMppError(problem.format(path=path, values=values), path=path, hint=hint) from error
