"""Thresholds on the share of a class: the tiles, slides and areas that each threshold leaves.

    left at t        tiles whose share is known and >= t, compared as `keep` compares it
    mm² left at t    sum over those tiles of  share x inside x (mm² of the ROI in the tile's cell)

The area is that of the class, as in the report on a slide: at threshold 0 both are equal. It is unknown where the
report's is (`flows.reports.slide_report`). A class is looked at by itself; `funnel` beside this joins conditions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from flows.config.errors import ConfigurationError
from flows.reports.tile_areas import TileAreas
from ratiopath.geometry import Float64s, Int64s
from schemas.columns import OverlayColumns

MIN_STEP = 0.001
"""Smallest distance of two thresholds."""


def thresholds_of(step: float) -> Float64s:
    """Return the thresholds 0, step, 2 step, ... and 1, each the float64 nearest to its decimal.

    Args:
        step: Distance of two thresholds, MIN_STEP to 1.

    Raises:
        ConfigurationError: The step is out of range.
    """
    if not MIN_STEP <= step <= 1:
        raise ConfigurationError(f"--step: {step} is no distance of thresholds; give {MIN_STEP} to 1, such as 0.05")
    exact = Decimal(repr(float(step)))
    below = [float(number * exact) for number in range(int(1 / exact) + 1)]
    return np.array(below if below[-1] == 1 else [*below, 1.0])


def sum_at_least(values: Float64s, thresholds: Float64s, weights: Float64s | None = None) -> Float64s | Int64s:
    """Sum the weights of the values >= each threshold; by default count them.

    Args:
        values: Values, float64 without NaN, in any order.
        thresholds: Thresholds, float64, ascending.
        weights: A weight >= 0 per value.

    Returns:
        A sum per threshold, descending: float64, or int64 without weights.
    """
    reached = np.searchsorted(thresholds, values, side="right")  # the thresholds <= the value
    sums = np.bincount(reached, weights, len(thresholds) + 1)
    left: Float64s | Int64s = np.cumsum(sums[::-1])[-2::-1]
    return left


@dataclass(frozen=True, slots=True)
class ClassLeft:
    """Tiles of one slide that thresholds on one class leave."""

    tiles: Int64s
    """Tiles left at each threshold, int64; the first is the number of tiles where the class is known."""
    mm2: Float64s | None
    """mm² of the class in them, float64; None if the area is unknown, as it is if no tile is known."""

    def drops_at(self, least: int) -> int | None:
        """Find the first threshold that leaves fewer than a number of tiles.

        Returns:
            Index of the threshold; None if all leave as many.
        """
        index = int(np.searchsorted(-self.tiles, -least, side="right"))
        return None if index == len(self.tiles) else index


class SlideSweep:
    """Counts and areas of one slide, a part of its tiles at a time."""

    def __init__(
        self, overlays: Sequence[OverlayColumns], cells: Mapping[str, TileAreas], thresholds: Float64s
    ) -> None:
        """Begin without tiles.

        Args:
            overlays: Columns of the overlays.
            cells: Cells of the slide's tiles, by overlay.
            thresholds: Thresholds, float64, ascending, the first 0.
        """
        self._overlays, self._cells, self._thresholds = overlays, cells, thresholds
        names = [name for overlay in overlays for name in overlay.classes]
        self._tiles = {name: np.zeros(len(thresholds), np.int64) for name in names}
        self._mm2: dict[str, Float64s | None] = {name: np.zeros(len(thresholds)) for name in names}

    def add(self, group: pa.Table) -> None:
        """Add tiles of coverage/, with tile_x, tile_y, and the classes and `inside` of the overlays."""
        x, y = (group[name].to_numpy() for name in ("tile_x", "tile_y"))
        for overlay in self._overlays:
            areas = self._cells[overlay.name].areas(x, y)
            inside = group[overlay.inside].to_numpy()
            for name in overlay.classes:
                known, shares = _known(group[name])
                self._tiles[name] += sum_at_least(shares, self._thresholds).astype(np.int64)
                before = self._mm2[name]
                if areas is None or before is None:
                    self._mm2[name] = None
                else:
                    weights = shares * inside[known] * areas[known]
                    self._mm2[name] = before + sum_at_least(shares, self._thresholds, weights)

    def left(self) -> dict[str, ClassLeft]:
        """Return the tiles and areas left, by class."""
        return {name: ClassLeft(tiles, self._mm2[name] if tiles[0] else None) for name, tiles in self._tiles.items()}


def _known(column: pa.ChunkedArray) -> tuple[npt.NDArray[np.bool_], Float64s]:
    """Return the mask of the rows that are not null, and their values."""
    shares = column.to_numpy()  # null becomes NaN
    known = column.is_valid().to_numpy()
    return known, shares[known]


class CohortLeft:
    """Sums over slides for one class, which take no more memory for more slides."""

    def __init__(self, thresholds: Float64s, least: int) -> None:
        """Begin without slides.

        Args:
            thresholds: Thresholds, float64, ascending.
            least: Number of tiles below which a slide drops out.
        """
        self._least = least
        self.tiles = np.zeros(len(thresholds), np.int64)
        """Tiles left at each threshold."""
        self.slides = np.zeros(len(thresholds), np.int64)
        """Slides with at least one of them."""
        self.slides_without = np.zeros(len(thresholds), np.int64)
        """Slides with none of them."""
        self.slides_below = np.zeros(len(thresholds), np.int64)
        """Slides with fewer than `least` of them."""
        self._mm2 = np.zeros(len(thresholds))
        self._is_known, self._is_measured = False, True

    def add(self, slide: ClassLeft) -> None:
        """Add a slide."""
        self.tiles += slide.tiles
        self.slides += slide.tiles > 0
        self.slides_without += slide.tiles == 0
        self.slides_below += slide.tiles < self._least
        if slide.mm2 is not None:
            self._mm2 += slide.mm2
        if slide.tiles[0]:
            self._is_known = True
            self._is_measured &= slide.mm2 is not None

    @property
    def mm2(self) -> Float64s | None:
        """mm² of the class; None if it is known in no slide, or in one whose area is unknown."""
        return self._mm2 if self._is_known and self._is_measured else None
