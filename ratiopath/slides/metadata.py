"""Metadata of a slide and the level to tile, read without decoding a pixel: one row of the slides table."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ratiopath.errors import MissingMppError, ParameterError, UnsupportedImageError
from ratiopath.geometry import Extent, Mpp
from ratiopath.pyramid import Level, Pyramid
from ratiopath.slides import open_slide
from ratiopath.slides.reader import NO_MPP


@dataclass(frozen=True, slots=True)
class Tiling:
    """Parameters of the tiling of slides."""

    tile_extent: Extent
    """Size of a tile in pixels of the level it is cut from."""
    stride: Extent
    """Distance of neighbouring tile origins in pixels of that level, along x (width) and y (height)."""
    mpp: Mpp | None = None
    """Resolution in µm/px of the level to cut, the closest is taken; None if `level` is set."""
    level: int | None = None
    """Index of the level to cut, 0 is the finest; None if `mpp` is set."""
    slide_mpp: Mpp | None = None
    """Resolution of level 0 of every slide in µm/px, replacing that of the file."""

    def __post_init__(self) -> None:
        if (self.mpp is None) == (self.level is None):
            found = "neither" if self.mpp is None else "both"
            raise ParameterError(f"pass exactly one of mpp and level; got {found}")
        if self.level is not None and self.level < 0:
            raise ParameterError(f"invalid level {self.level}; pass a level >= 0, 0 is the finest")

    @classmethod
    def of(
        cls,
        *,
        tile_extent: int | tuple[int, int],
        stride: int | tuple[int, int],
        mpp: float | tuple[float, float] | None = None,
        level: int | None = None,
        slide_mpp: float | tuple[float, float] | None = None,
    ) -> "Tiling":
        """Build a tiling from plain numbers; one number stands for both axes.

        Raises:
            ParameterError: A length is < 1 or not whole, a resolution is not finite or <= 0, or not exactly one of
                mpp and level was passed.
        """
        return cls(
            Extent(*_pair("tile_extent", tile_extent)),
            Extent(*_pair("stride", stride)),
            Mpp.optional(mpp),
            level,
            Mpp.optional(slide_mpp),
        )


def describe_slide(path: str, tiling: Tiling) -> dict[str, Any]:
    """Read one row of the slides table.

    Args:
        path: The slide.
        tiling: Parameters of the tiling.

    Returns:
        path; extent_x, extent_y (pixels of the level); tile_extent_x, tile_extent_y; stride_x, stride_y; mpp_x, mpp_y
        (µm/px of the level, None if unknown); level; downsample (mean of both axes).

    Raises:
        SlideError: See `open_slide`; MissingMppError if tiled by mpp and the slide has none; UnsupportedImageError if
            the level does not exist.
    """
    with open_slide(path, tiling.slide_mpp) as slide:
        level = _chosen(slide.pyramid, tiling, path)
    return {
        "path": path,
        "extent_x": level.extent.width,
        "extent_y": level.extent.height,
        "tile_extent_x": tiling.tile_extent.width,
        "tile_extent_y": tiling.tile_extent.height,
        "stride_x": tiling.stride.width,
        "stride_y": tiling.stride.height,
        "mpp_x": level.mpp and level.mpp.x,
        "mpp_y": level.mpp and level.mpp.y,
        "level": level.index,
        "downsample": (level.downsample_x + level.downsample_y) / 2,
    }


def _chosen(pyramid: Pyramid, tiling: Tiling, path: str) -> Level:
    if tiling.level is not None:
        if tiling.level >= len(pyramid.levels):
            problem = f"{path!r} has no level {tiling.level}, only {len(pyramid.levels)} level(s)"
            raise UnsupportedImageError(problem, path=path, hint="tile by mpp, or set a lower level")
        return pyramid.levels[tiling.level]
    if pyramid.mpp is None or tiling.mpp is None:
        problem = f"{path!r} has no resolution ({NO_MPP})"
        hint = "set slide_mpp, or tile by level, which suffices without overlays"
        raise MissingMppError(problem, path=path, hint=hint)
    return pyramid.closest(tiling.mpp)[0]


def _pair(name: str, value: int | tuple[int, int]) -> tuple[int, int]:
    pair = tuple(value) if isinstance(value, Sequence) else (value, value)
    if len(pair) != 2 or not all(isinstance(v, int | np.integer) and not isinstance(v, bool) and v > 0 for v in pair):  # noqa: PLR2004 - x and y
        raise ParameterError(f"invalid {name} {value!r}; pass a whole number of pixels >= 1, or a pair (x, y)")
    return int(pair[0]), int(pair[1])
