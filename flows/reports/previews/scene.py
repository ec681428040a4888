"""The scene of a preview: the canvas, the tile values sampled on it, and the layers to draw, as plain arrays.

Only tiles under the centre of a pixel are used, so a picture of n pixels holds the values of at most n tiles,
however many the slide has.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flows.records.slides import Slide
from flows.reports.previews.colours import steps_of
from flows.reports.tile_areas import TileAreas
from ratiopath.geometry import Extent, Int64s, Mpp

NOWHERE = -1
"""Tile number of a pixel that no tile contains."""

MAX_PANELS = 9
"""Largest number of classes that have a panel."""

Float32s = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]
Rgb = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Canvas:
    """Frame of a picture of the whole slide, in proportion to its physical size.

    tiles    [0 . . .)[1 . . .)[2 . . .)
    centres     x     x     x     x
    column      0     0     1     2          where tiles overlap, the later one counts
    """

    extent: Extent
    """Size of the picture in px."""
    mpp: Mpp | None
    """µm per px of the picture; None if the slide has no resolution."""
    columns: npt.NDArray[np.int64]
    """Column of the grid at each x of the picture; NOWHERE between tiles."""
    rows: npt.NDArray[np.int64]
    """Row of the grid at each y of the picture; NOWHERE between tiles."""
    cells: TileAreas
    """Grid of the slide's tiles."""

    @classmethod
    def of(cls, slide: Slide, cells: TileAreas, side: int) -> "Canvas":
        """Lay out a picture.

        Args:
            slide: The slide.
            cells: Grid of the slide's tiles.
            side: Longer side of the picture in px.
        """
        mpp = slide.mpp or Mpp(1.0, 1.0)
        lengths = [slide.extent.width * mpp.x, slide.extent.height * mpp.y]
        width, height = (max(1, round(side * length / max(lengths))) for length in lengths)
        return cls(
            Extent(width, height),
            Mpp(lengths[0] / width, lengths[1] / height) if slide.mpp else None,
            _tile_at(cells.xs, cells.tile.width, slide.extent.width, width),
            _tile_at(cells.ys, cells.tile.height, slide.extent.height, height),
            cells,
        )

    @property
    def tile_px(self) -> float:
        """Shorter side of a tile's cell in px of the picture; 0 if the slide has no tiles."""
        counts = [len(np.unique(at[at != NOWHERE])) for at in (self.columns, self.rows)]
        return min(self.extent.width / counts[0], self.extent.height / counts[1]) if all(counts) else 0.0

    @property
    def tiles(self) -> npt.NDArray[np.int64]:
        """Number of the tile at each pixel, NOWHERE between tiles; int64, shape (height, width)."""
        numbers: npt.NDArray[np.int64] = self.rows[:, None] * max(1, len(self.cells.xs)) + self.columns
        return np.where(self.is_tile, numbers, NOWHERE)

    @property
    def is_tile(self) -> Bools:
        """True at each pixel inside a tile; shape (height, width)."""
        found: Bools = (self.rows != NOWHERE)[:, None] & (self.columns != NOWHERE)
        return found


class SampledValues:
    """A value per tile, stored only for the tiles that the picture shows."""

    def __init__(self, canvas: Canvas) -> None:
        """Start with NaN everywhere."""
        self._canvas = canvas
        self._column_of, self._row_of = (
            _ranks(at, len(origins))
            for at, origins in ((canvas.columns, canvas.cells.xs), (canvas.rows, canvas.cells.ys))
        )
        shape = self._row_of.max(initial=NOWHERE) + 1, self._column_of.max(initial=NOWHERE) + 1
        self.values: Float32s = np.full(shape, np.nan, dtype=np.float32)
        """Values of the tiles that the picture shows, in the order of the grid; shape (rows, columns)."""

    def add(self, tile_x: Int64s, tile_y: Int64s, values: npt.NDArray[np.float64]) -> None:
        """Store the values of some tiles.

        Args:
            tile_x: Left edges of the tiles, in px of their level; each is on the grid.
            tile_y: Top edges of the tiles, likewise.
            values: A value per tile.
        """
        cells = self._canvas.cells
        columns = self._column_of[np.searchsorted(cells.xs, tile_x)]
        rows = self._row_of[np.searchsorted(cells.ys, tile_y)]
        is_shown = (columns != NOWHERE) & (rows != NOWHERE)
        self.values[rows[is_shown], columns[is_shown]] = values[is_shown]

    def on_canvas(self) -> Float32s:
        """Return the value at each pixel, NaN where none is known; shape (height, width)."""
        canvas = self._canvas
        shown = np.full((canvas.extent.height, canvas.extent.width), np.nan, dtype=np.float32)
        ys, xs = np.flatnonzero(canvas.rows != NOWHERE), np.flatnonzero(canvas.columns != NOWHERE)
        if self.values.size:
            rows, columns = self._row_of[canvas.rows[ys]], self._column_of[canvas.columns[xs]]
            shown[np.ix_(ys, xs)] = self.values[np.ix_(rows, columns)]
        return shown


def _tile_at(origins: Int64s, tile: int, extent: int, pixels: int) -> npt.NDArray[np.int64]:
    """Find the last tile that contains the centre of each pixel along one axis."""
    if not len(origins):
        return np.full(pixels, NOWHERE)
    centres = (np.arange(pixels) + 0.5) * (extent / pixels)
    at = np.searchsorted(origins, centres, side="right") - 1
    holds = (at >= 0) & (centres < origins[at] + tile)
    return np.where(holds, at, NOWHERE)


def _ranks(at: npt.NDArray[np.int64], count: int) -> npt.NDArray[np.int64]:
    """Rank each column (or row) of the grid among those shown; NOWHERE if it is not."""
    ranks = np.full(count, NOWHERE)
    shown = np.unique(at[at != NOWHERE])
    ranks[shown] = np.arange(len(shown))
    return ranks


@dataclass(frozen=True, slots=True)
class Panel:
    """Layers of a class, each of the canvas's shape (height, width)."""

    shares: Float32s
    """Coverage of the tile at each pixel; NaN where it is unknown."""
    area: Bools | None
    """True inside the class; None if its overlay is missing or too large to read."""
    of_tiles: float | None = None
    """Mean of the shares of all tiles, in [0, 1]; None if it is unknown."""
    of_tissue: float | None = None
    """Area of the class divided by that of the tissue; None if it is unknown."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Layers to draw, each of the canvas's shape (height, width)."""

    name: str
    """Name of the slide."""
    canvas: Canvas
    """Frame of the picture."""
    thumbnail: Rgb | None
    """The slide, RGB, shape (height, width, 3); None if it has no small level."""
    panels: Mapping[str, Panel]
    """Panel of each class, at most MAX_PANELS."""
    is_kept: Bools
    """True at each pixel of a kept tile."""
    tiles: int
    """Number of tiles of the slide."""
    kept: int
    """Number of kept tiles."""
    hidden: int = 0
    """Number of classes without a panel."""

    def steps(self, panel: Panel) -> npt.NDArray[np.uint8]:
        """Return the step of each pixel's tile; pixels between tiles have none, 0."""
        steps: npt.NDArray[np.uint8] = np.where(self.canvas.is_tile, steps_of(panel.shares), 0).astype(np.uint8)
        return steps
