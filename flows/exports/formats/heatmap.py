"""Format `heatmap`: a column of kept tiles painted back onto the slide, a TIFF per column.

A pixel is a stride wide and high, so that a tile without overlap is one pixel. Its number is the mean of the tiles in
it, weighted by the area that they share with it; NaN where no kept tile is, or nothing is known of them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from flows.config.model import CoverageConfig
from flows.exports.export_format import ExportedSlide
from flows.records.slides import Slide
from ratiopath.errors import MissingMppError, UnsupportedImageError
from ratiopath.geometry import Int64s, Mpp
from ratiopath.slides.tiff.heat_map import encode_heat_map

MAX_STEPS = 64
"""Strides in a tile along one axis; with more, a tile would be painted to thousands of pixels."""
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Heatmap:
    """Heat maps of shares and other numbers, which `stats` reads too."""

    name: ClassVar[str] = "heatmap"
    reader: ClassVar[str] = "tifffile, and overlays with `stats` of this program"

    def write_slide(self, exported: ExportedSlide, folder: Path) -> None:
        """Write `{name}_{column}.tiff` for each column.

        Raises:
            MissingMppError: The resolution of the slide is unknown.
            UnsupportedImageError: The stride is a small part of the tile.
        """
        slide, tiles = exported.slide, exported.tiles
        if slide.mpp is None:
            problem = f"{slide.path!r} has no mpp, and a heat map is placed by its resolution"
            raise MissingMppError(problem, path=slide.path, hint="set slide_mpp, or a column mpp in the manifest")
        mpp = Mpp(slide.mpp.x * slide.stride.width, slide.mpp.y * slide.stride.height)
        x, y = tiles["tile_x"].to_numpy(), tiles["tile_y"].to_numpy()
        for column in exported.classes:
            numbers = paint(slide, x, y, tiles[column].to_numpy().astype(np.float64))
            (folder / f"{exported.name}_{column}.tiff").write_bytes(encode_heat_map(numbers.astype(np.float32), mpp))

    def write_cohort(self, slides: Sequence[ExportedSlide], config: CoverageConfig, folder: Path) -> None:
        """Write nothing: each slide stands alone."""

    def next_steps(self, folder: str) -> Iterator[str]:
        """Yield the overlay that reads the maps back."""
        yield f"open the TIFFs as images, or as an overlay with path '{folder}/{{stem}}_CLASS.tiff' and stats [mean]"


def paint(slide: Slide, x: Int64s, y: Int64s, numbers: Floats) -> Floats:
    """Paint numbers of tiles onto the grid of strides.

    Args:
        slide: The slide, whose level the grid begins at the corner of.
        x: Left edges of the tiles, px of the level.
        y: Top edges of the tiles, px of the level.
        numbers: Number of each tile; NaN where nothing is known.

    Returns:
        Shape (height, width), a pixel per stride of the level; NaN where no tile is.

    Raises:
        UnsupportedImageError: The stride is a small part of the tile.
    """
    stride, tile, level = slide.stride, slide.tile_extent, slide.extent
    shape = -(-level.height // stride.height), -(-level.width // stride.width)
    steps = -(-tile.width // stride.width), -(-tile.height // stride.height)
    if max(steps) > MAX_STEPS:
        problem = f"{slide.path!r} has a stride of 1/{max(steps)} of a tile, finer than 1/{MAX_STEPS}"
        raise UnsupportedImageError(problem, path=slide.path, hint="export no heatmap of such tiles")
    is_known = ~np.isnan(numbers)
    x, y, numbers = x[is_known], y[is_known], numbers[is_known]
    total, area = np.zeros(shape), np.zeros(shape)
    for row in range(steps[1] + 1):
        rows, heights = _shared(y, tile.height, stride.height, level.height, row)
        for column in range(steps[0] + 1):
            columns, widths = _shared(x, tile.width, stride.width, level.width, column)
            areas = (heights * widths).astype(np.float64)
            has_any = areas > 0
            where = rows[has_any], columns[has_any]
            np.add.at(total, where, areas[has_any] * numbers[has_any])
            np.add.at(area, where, areas[has_any])
    return np.where(area > 0, total / np.where(area > 0, area, 1), np.nan)


def _shared(corners: Int64s, tile: int, stride: int, level: int, step: int) -> tuple[Int64s, Int64s]:
    """Return the pixel of the grid `step` after that of each corner, and the length the tile shares with it, px."""
    pixels = corners // stride + step
    start, end = pixels * stride, np.minimum((pixels + 1) * stride, level)
    return pixels, np.maximum(np.minimum(corners + tile, end) - np.maximum(corners, start), 0)
