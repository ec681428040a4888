"""The grid of one slide, row-major, in row groups that are formed one at a time where they are measured."""

from dataclasses import dataclass
from itertools import product
from typing import Self

import numpy as np
import pyarrow as pa

from flows.records.slides import Slide
from flows.records.stored_files import grid_axes
from ratiopath.geometry import Int64s
from ratiopath.grid import Last
from schemas.grid import GRID

ROWS_PER_GROUP = 65_536
"""Minimum number of tiles of a row group, the piece of a slide that is measured at once. pandera takes 25-70 ms a
table, whatever its rows; more rows would only cost memory."""
MAX_ROWS_PER_GROUP = 2 * ROWS_PER_GROUP
"""Maximum number of tiles of a row group: a longer row of tiles is cut."""


@dataclass(frozen=True, slots=True, eq=False)
class SlideGrid:
    """Tiles of a slide before any overlay is read."""

    slide: Slide
    """The slide."""
    xs: Int64s
    """Left edges of the columns of tiles, px of the level."""
    ys: Int64s
    """Top edges of the rows of tiles, px of the level."""

    @classmethod
    def of(cls, slide: Slide, last: Last) -> Self:
        """Lay the grid of a slide.

        Raises:
            UnsupportedImageError: The slide would have too many tiles.
        """
        return cls(slide, *grid_axes(slide, last))

    @property
    def tiles(self) -> int:
        """Number of tiles."""
        return len(self.xs) * len(self.ys)

    @property
    def group_sizes(self) -> list[int]:
        """Number of tiles of each row group; of none if the grid is empty."""
        return [len(self.xs[columns]) * len(self.ys[rows]) for rows, columns in self._groups()]

    def group(self, number: int) -> pa.Table:
        """Form the tiles of a row group, a table of `schemas.grid`: whole rows of tiles, or a piece of a long one."""
        rows, columns = self._groups()[number]
        xs, ys = self.xs[columns], self.ys[rows]
        values = {
            **self.slide.to_row(),
            "tile_x": pa.array(np.tile(xs, len(ys))),
            "tile_y": pa.array(np.repeat(ys, len(xs))),
        }
        arrays = [
            value if isinstance(value, pa.Array) else pa.repeat(pa.scalar(value, field.type), len(xs) * len(ys))
            for field in GRID.arrow
            for value in [values[field.name]]
        ]
        return pa.Table.from_arrays(arrays, schema=GRID.arrow)

    def _groups(self) -> list[tuple[slice, slice]]:
        """Cut rows and columns into row groups."""
        step = -(-ROWS_PER_GROUP // max(1, len(self.xs)))
        rows = [slice(start, start + step) for start in range(0, len(self.ys), step)]
        columns = [slice(start, start + MAX_ROWS_PER_GROUP) for start in range(0, len(self.xs), MAX_ROWS_PER_GROUP)]
        return list(product(rows, columns))
