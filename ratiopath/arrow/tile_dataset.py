"""Tiles and their rows by index, as data loaders for training read them."""

import operator
import os
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from typing import Any, Self, SupportsIndex

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from ratiopath.arrow.slide_tiles import TILE_COLUMNS, cut_batch
from ratiopath.arrow.tile_batch import TileBatch
from ratiopath.errors import ParameterError
from ratiopath.geometry import Extent
from ratiopath.slides.metadata import pixel_pair
from ratiopath.slides.open_slides import OpenSlides

_ARROW_MAGIC = b"ARROW1"

Item = tuple[npt.NDArray[np.uint8], dict[str, Any]]
"""RGB pixels of a tile, uint8 of shape (height, width, 3), and its row."""


class TileDataset:
    """Tiles of any number of slides by index: pixels, read when they are asked for, and the row of the table.

    A map-style dataset, as `torch.utils.data.DataLoader` takes it, without torch. Rows stay in Arrow's columns; each
    process and thread opens its own slides and keeps the last ones open. It can be pickled and forked.

    Args:
        tiles: Folder or file of Parquet, such as tiles/ of an output, a pyarrow Table, or a file in Arrow's format,
            which is mapped into memory and shared by all processes. Required columns: path, tile_x, tile_y,
            tile_extent_x, tile_extent_y (pixels of the level) and level.
        columns: Columns of the rows that are returned; all by default.
        size: Width and height in pixels to which tiles of another extent are resized, one number or (width, height).
        open_slides: Largest number of slides that a thread keeps open.

    Raises:
        ParameterError: A column is missing, `size` is invalid, or `open_slides` is < 1.
    """

    def __init__(
        self,
        tiles: "pa.Table | str | os.PathLike[str]",
        *,
        columns: Sequence[str] | None = None,
        size: int | tuple[int, int] | None = None,
        open_slides: int = 8,
    ) -> None:
        if open_slides < 1:
            raise ParameterError(f"open_slides is {open_slides}; pass at least 1")
        self._size = None if size is None else Extent(*pixel_pair("size", size))
        self._slides = OpenSlides(open_slides)
        self._names = columns if columns is None else tuple(columns)
        self._mapped = None if isinstance(tiles, pa.Table) else _mapped(os.fspath(tiles))
        self._load(tiles)

    def _load(self, tiles: Any) -> None:
        table = _read(tiles if self._mapped is None else _map(self._mapped), self._names)
        self._columns = table.column_names if self._names is None else list(self._names)
        self._batches = table.to_batches()
        self._ends = np.cumsum([batch.num_rows for batch in self._batches], dtype=np.int64)

    def __len__(self) -> int:
        """Return the number of tiles."""
        return int(self._ends[-1]) if len(self._ends) else 0

    def __getitem__(self, index: SupportsIndex) -> Item:
        """Read one tile.

        Returns:
            RGB pixels, uint8 of shape (height, width, 3), white where nothing was scanned, and the row by column. An
            unknown number of a float column is NaN, any other unknown value None.

        Raises:
            IndexError: There is no such tile.
            SlideError: The slide cannot be read.
        """
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: Sequence[SupportsIndex]) -> list[Item]:
        """Read several tiles, in order; each slide is read once for all of its tiles.

        Raises:
            IndexError: There is no such tile.
            SlideError: A slide cannot be read.
        """
        if not len(indices):
            return []
        table, order = self._take(np.array([self._position(index) for index in indices], dtype=np.int64))
        batch = TileBatch.of(table["path"], "path", **{name: table[name] for name in TILE_COLUMNS})
        rows = table.select(self._columns).to_pylist()
        items: dict[int, Item] = {}
        for group, pixels in cut_batch(batch, self._size, lambda path: nullcontext(self._slides.open(path))):
            for row, tile in zip(group.tolist(), pixels, strict=True):
                items[int(order[row])] = tile, rows[row]
        return [items[number] for number in range(len(indices))]

    def __iter__(self) -> Iterator[Item]:
        """Iterate over all tiles in the order of the table."""
        return (self[index] for index in range(len(self)))

    def __repr__(self) -> str:
        size = "" if self._size is None else f", resized to {self._size.width} x {self._size.height} px"
        return f"TileDataset({len(self):,} tiles{size}; {', '.join(self._columns)})"

    def __enter__(self) -> Self:
        """Return the dataset itself."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Close the slides."""
        self.close()

    def close(self) -> None:
        """Close the slides that this thread has open."""
        self._slides.close()

    def __getstate__(self) -> dict[str, Any]:
        """Pickle the path of a file that is mapped into memory, or the rows."""
        dropped = () if self._mapped is None else ("_batches", "_ends", "_columns")
        return {name: value for name, value in self.__dict__.items() if name not in dropped}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Map the file again."""
        self.__dict__.update(state)
        if self._mapped is not None:
            self._load(self._mapped)

    def _position(self, index: SupportsIndex) -> int:
        number, count = operator.index(index), len(self)
        if not -count <= number < count:
            raise IndexError(f"no tile {number} among {count}")
        return number % count

    def _take(self, positions: npt.NDArray[np.int64]) -> "tuple[pa.Table, npt.NDArray[np.int64]]":
        """Return rows ordered by record batch, and the number of the position that each is of."""
        numbers = np.searchsorted(self._ends, positions, side="right")
        order = np.argsort(numbers, kind="stable")
        taken = []
        for number in np.unique(numbers).tolist():
            batch = self._batches[number]
            within = positions[order][numbers[order] == number] - (self._ends[number] - batch.num_rows)
            taken.append(batch.take(pa.array(within)))
        table = pa.Table.from_batches(taken)
        for place, field in enumerate(table.schema):
            if pa.types.is_floating(field.type):
                table = table.set_column(place, field.name, pc.fill_null(table[place], float("nan")))
        return table, order


def _mapped(path: str) -> str | None:
    """Return the absolute path of a file in Arrow's format, None for others."""
    if not os.path.isfile(path):
        return None
    with open(path, "rb") as file:
        return os.path.abspath(path) if file.read(len(_ARROW_MAGIC)) == _ARROW_MAGIC else None


def _map(path: str) -> Any:
    return pa.ipc.open_file(pa.memory_map(path)).read_all()


def _read(tiles: Any, names: Sequence[str] | None) -> Any:
    """Read the columns that are named and those that place a tile; texts of Parquet as dictionaries."""
    table = tiles if isinstance(tiles, pa.Table) else ds.dataset(tiles, format="parquet")
    needed = ("path", *TILE_COLUMNS)
    wanted = table.schema.names if names is None else list(dict.fromkeys((*needed, *names)))
    missing = [name for name in (*needed, *wanted) if name not in table.schema.names]
    if missing:
        problem = f"the tiles have no column {missing[0]!r}"
        raise ParameterError(f"{problem}; pass tiles/ of an output, or name another column")
    if isinstance(table, pa.Table):
        return table.select(wanted)
    texts = [field.name for field in table.schema if pa.types.is_string(field.type)]
    return ds.dataset(tiles, format=ds.ParquetFileFormat(dictionary_columns=texts)).to_table(columns=wanted)
