"""Slides as an export gets them: from finished outputs made by hand, or from numbers at any level."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from flows.config.model import CoverageConfig
from flows.config.tiling import Tiling
from flows.exports.export_format import ExportedSlide
from flows.records.slides import Slide
from ratiopath.geometry import Extent, Mpp, round_half_up
from ratiopath.pyramid import axis_downsample
from tests.support.finished import HandmadeSlide, write_output


def exported_slides(folder: Path, *slides: HandmadeSlide, **changes: Any) -> tuple[list[ExportedSlide], CoverageConfig]:
    """Write an output and return its slides, named by their stems, with all classes."""
    output = write_output(folder, slides, **changes)
    classes = tuple(slides[0].shares)
    rows = output.slides.to_pylist()
    found = [
        ExportedSlide(Path(row["path"]).stem, Slide.from_row(row), row, output.tiles(row["slide_id"]), classes)
        for row in rows
    ]
    return found, output.config


def exported_slide(
    path: str = "/slides/a.svs",
    *,
    corners: Sequence[tuple[int, int]],
    tile: tuple[int, int] = (256, 256),
    level: int = 1,
    extent: tuple[int, int] = (4096, 4096),
    level0: tuple[int, int] = (16384, 16384),
    level0_mpp: tuple[float, float] | None = (0.25, 0.25),
    name: str | None = None,
) -> ExportedSlide:
    """Make a slide.

    Args:
        path: Path of a slide that need not exist.
        corners: Top left corner (x, y) of each tile, px of the level.
        tile: Size of the tiles, px of the level.
        level: Index of the level.
        extent: Size of the level, px.
        level0: Size of level 0, px.
        level0_mpp: Resolution of level 0, µm/px; None if unknown.
        name: Name of the files; None takes the path's stem.
    """
    scale = axis_downsample(level0[0], extent[0]), axis_downsample(level0[1], extent[1])
    mpp = None if level0_mpp is None else Mpp(level0_mpp[0] * scale[0], level0_mpp[1] * scale[1])
    own = None if level0_mpp is None else Mpp(*level0_mpp)
    sides = Extent(*tile)
    downsample = (scale[0] + scale[1]) / 2
    slide = Slide("a-0123456789ab", path, Extent(*extent), sides, sides, mpp, level, downsample, Extent(*level0), own)
    columns = {
        f"level0_{axis}": pa.array(round_half_up([corner[n] * scale[n] for corner in corners]), pa.int64())
        for n, axis in enumerate("xy")
    }
    stem = path.rpartition("/")[2].partition(".")[0]
    return ExportedSlide(name or stem, slide, slide.to_row(), pa.table(columns), ())


def tiling(**settings: object) -> Tiling:
    """Make the tiling of a configuration; 256 px at 1 µm/px unless told."""
    return Tiling.model_validate({"tile_extent": 256, **({} if "level" in settings else {"mpp": 1.0}), **settings})
