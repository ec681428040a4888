"""Where the tiles of a slide lie on its picture: plain arrays, whatever the number of tiles.

Only the tiles under the centre of a pixel are looked at: a picture of n pixels costs no more than n tiles.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flows.records.slides import Slide
from flows.reports.tile_areas import TileAreas
from ratiopath.geometry import Extent, Int64s, Mpp

NOWHERE = -1
"""The tile of a pixel that none holds."""

Float32s = npt.NDArray[np.float32]

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Canvas:
    """The whole slide in a few hundred pixels, in proportion to its physical size.

    tiles    [0 . . .)[1 . . .)[2 . . .)
    centres     x     x     x     x
    column      0     0     1     2          where a tile shares its cell with a later one, the later one counts
    """

    extent: Extent
    """Size of the picture in pixels."""
    mpp: Mpp | None
    """µm per pixel of the picture; None where the slide has no resolution."""
    columns: npt.NDArray[np.int64]
    """Column of the grid at each x of the picture, NOWHERE between tiles."""
    rows: npt.NDArray[np.int64]
    """Row of the grid at each y."""
    cells: TileAreas
    """Of the slide."""

    @classmethod
    def of(cls, slide: Slide, cells: TileAreas, side: int) -> "Canvas":
        """Lay out a picture.

        Args:
            slide: The slide.
            cells: Of the slide.
            side: Pixels of its longer side.
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
        """The shorter side of a tile's cell in pixels of the picture; 0 where there are no tiles."""
        counts = [len(np.unique(at[at != NOWHERE])) for at in (self.columns, self.rows)]
        return min(self.extent.width / counts[0], self.extent.height / counts[1]) if all(counts) else 0.0

    @property
    def tiles(self) -> npt.NDArray[np.int64]:
        """Which tile each pixel is in, by number, NOWHERE between tiles; shape (height, width)."""
        numbers: npt.NDArray[np.int64] = self.rows[:, None] * max(1, len(self.cells.xs)) + self.columns
        return np.where(self.is_tile, numbers, NOWHERE)

    @property
    def is_tile(self) -> Bools:
        """Whether a tile is at each pixel; shape (height, width)."""
        found: Bools = (self.rows != NOWHERE)[:, None] & (self.columns != NOWHERE)
        return found


class Sampled:
    """Values of tiles, of which those are remembered that the picture shows."""

    def __init__(self, canvas: Canvas) -> None:
        """Begin with NaN everywhere."""
        self._canvas = canvas
        self._column_of, self._row_of = (
            _places(at, len(origins))
            for at, origins in ((canvas.columns, canvas.cells.xs), (canvas.rows, canvas.cells.ys))
        )
        shape = self._row_of.max(initial=NOWHERE) + 1, self._column_of.max(initial=NOWHERE) + 1
        self._values: Float32s = np.full(shape, np.nan, dtype=np.float32)

    def add(self, tile_x: Int64s, tile_y: Int64s, values: npt.NDArray[np.float64]) -> None:
        """Take the values of some tiles.

        Args:
            tile_x: Origins of tiles of the grid.
            tile_y: ditto.
            values: One for each.
        """
        cells = self._canvas.cells
        columns = self._column_of[np.searchsorted(cells.xs, tile_x)]
        rows = self._row_of[np.searchsorted(cells.ys, tile_y)]
        is_shown = (columns != NOWHERE) & (rows != NOWHERE)
        self._values[rows[is_shown], columns[is_shown]] = values[is_shown]

    def on_canvas(self) -> Float32s:
        """The value at each pixel, NaN where there is none; shape (height, width)."""
        canvas = self._canvas
        shown = np.full((canvas.extent.height, canvas.extent.width), np.nan, dtype=np.float32)
        ys, xs = np.flatnonzero(canvas.rows != NOWHERE), np.flatnonzero(canvas.columns != NOWHERE)
        if self._values.size:
            rows, columns = self._row_of[canvas.rows[ys]], self._column_of[canvas.columns[xs]]
            shown[np.ix_(ys, xs)] = self._values[np.ix_(rows, columns)]
        return shown


def _tile_at(origins: Int64s, tile: int, extent: int, pixels: int) -> npt.NDArray[np.int64]:
    """The last tile that holds the centre of each pixel along one axis."""
    if not len(origins):
        return np.full(pixels, NOWHERE)
    centres = (np.arange(pixels) + 0.5) * (extent / pixels)
    at = np.searchsorted(origins, centres, side="right") - 1
    holds = (at >= 0) & (centres < origins[at] + tile)
    return np.where(holds, at, NOWHERE)


def _places(at: npt.NDArray[np.int64], count: int) -> npt.NDArray[np.int64]:
    """For each column of the grid its place among those shown, or NOWHERE."""
    places = np.full(count, NOWHERE)
    shown = np.unique(at[at != NOWHERE])
    places[shown] = np.arange(len(shown))
    return places


Rgb = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Scene:
    """Layers of one size, (height, width)."""

    canvas: Canvas
    """Where the tiles are."""
    thumbnail: Rgb | None
    """The slide, shape (height, width, 3); None where it has no small level."""
    outlines: Mapping[str, Bools | None]
    """By overlay: where its classes meet; None where it is too large to be looked at."""
    overlay_of: Mapping[str, str]
    """By class: its overlay. An overlay without classes is shown with all of them."""
    shares: Mapping[str, Float32s]
    """By class: what the tile at each pixel holds of it; NaN where that is not known."""
    is_kept: Bools
    """Whether the tile at each pixel is kept."""
    tiles: int
    """How many the slide has."""
    kept: int
    """How many of them are kept."""

    def is_unknown(self, shares: Float32s) -> Bools:
        """Where there is a tile of which a share is not known."""
        unknown: Bools = np.isnan(shares) & self.canvas.is_tile
        return unknown
