"""A row of the slides table: what tiling needs to know of a slide, without a pixel read."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ratiopath.errors import MissingMppError, ParameterError, UnsupportedImageError
from ratiopath.geometry import Extent, Mpp
from ratiopath.pyramid import Level, Pyramid
from ratiopath.slides import open_slide


@dataclass(frozen=True, slots=True)
class Tiling:
    """How slides are to be tiled."""

    tile_extent: Extent
    """Size of a tile in pixels of the level it is cut from."""
    stride: Extent
    """Pixels between tile origins, along x and along y."""
    mpp: Mpp | None = None
    """Cut from the level closest to this resolution; or"""
    level: int | None = None
    """cut from this level, 0 is the finest. Exactly one of the two."""
    slide_mpp: Mpp | None = None
    """Resolution of level 0 of every slide, instead of what the file says."""

    def __post_init__(self) -> None:
        if (self.mpp is None) == (self.level is None):
            raise ParameterError(f"exactly one of mpp and level: found mpp={self.mpp}, level={self.level}")
        if self.level is not None and self.level < 0:
            raise ParameterError(f"level is >= 0, 0 is the finest: found {self.level}")

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
        """The same from plain numbers; one number stands for both axes.

        Raises:
            ParameterError: A length < 1 or not whole, a resolution not finite or <= 0, or not exactly one of mpp and
                level.
        """
        return cls(
            Extent(*_pair("tile_extent", tile_extent)),
            Extent(*_pair("stride", stride)),
            None if mpp is None else Mpp.of(mpp),
            level,
            None if slide_mpp is None else Mpp.of(slide_mpp),
        )


def describe_slide(path: str, tiling: Tiling) -> dict[str, Any]:
    """One row of the slides table.

    Args:
        path: The slide.
        tiling: How it is to be tiled.

    Returns:
        path; extent_x, extent_y (pixels of the level); tile_extent_x, tile_extent_y; stride_x, stride_y; mpp_x, mpp_y
        (of the level, None where unknown); level; downsample (mean of both axes).

    Raises:
        SlideError: See `open_slide`; MissingMppError where a resolution is asked for and the slide has none;
            UnsupportedImageError where it has no such level.
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
            found = f"{len(pyramid.levels)} level(s), level {tiling.level} wanted"
            raise UnsupportedImageError("the slide has the level", path=path, found=found, remedy="ask for mpp instead")
        return pyramid.levels[tiling.level]
    if pyramid.mpp is None or tiling.mpp is None:
        found, remedy = "no resolution in its metadata", "give slide_mpp; tiling by level needs none, but overlays do"
        raise MissingMppError("a slide has a resolution", path=path, found=found, remedy=remedy)
    return pyramid.closest(tiling.mpp)[0]


def _pair(name: str, value: int | tuple[int, int]) -> tuple[int, int]:
    pair = tuple(value) if isinstance(value, Sequence) else (value, value)
    if len(pair) != 2 or not all(isinstance(v, int | np.integer) and not isinstance(v, bool) and v > 0 for v in pair):  # noqa: PLR2004 - x and y
        raise ParameterError(f"{name} is a whole number of pixels >= 1, or a pair (x, y) of them: found {value!r}")
    return int(pair[0]), int(pair[1])
