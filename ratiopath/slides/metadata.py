"""Metadata of a slide and the level to tile, read without decoding a pixel: one row of the slides table."""

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from ratiopath.errors import LevelNotFoundError, MissingMppError, ParameterError, UnsupportedImageError
from ratiopath.geometry import Extent, Mpp, round_half_up
from ratiopath.pyramid import Level, Pyramid
from ratiopath.slides import open_slide
from ratiopath.slides.reader import NO_MPP, SlideReader

Resolution = Literal["level", "exact"]
WARN_ABOVE = 0.1
"""Difference of a level's mpp from the one wanted, as a share of that, above which a tiling without tolerance warns."""
ROUNDING = 1e-9
"""Share by which a level's mpp may exceed the one wanted through rounding."""
MAX_TILE = 1 << 30
"""Width and height of a tile in pixels."""
MAX_NAMED = 12
"""Levels that a message lists."""


@dataclass(frozen=True, slots=True)
class Tiling:
    """Parameters of the tiling of slides."""

    tile_extent: Extent
    """Size of a tile in pixels of the level it is cut from; in pixels of `mpp` if the resolution is exact."""
    stride: Extent
    """Distance of neighbouring tile origins in the same pixels, along x (width) and y (height)."""
    mpp: Mpp | None = None
    """Resolution in µm/px of the level to cut, the closest is taken; None if `level` is set."""
    level: int | None = None
    """Index of the level to cut, 0 is the finest; None if `mpp` is set."""
    slide_mpp: Mpp | None = None
    """Resolution of level 0 of every slide in µm/px, replacing that of the file."""
    tolerance: float | None = None
    """Largest difference of the level's mpp from `mpp` on either axis, as a share of `mpp`; None only warns."""
    resolution: Resolution = "level"
    """`level` cuts tiles of the same number of pixels from the closest level; `exact` cuts tiles of the same size in
    µm, tile_extent x mpp, from the closest finer level, rounded to whole pixels of it."""

    def __post_init__(self) -> None:
        if isinstance(self.level, bool) or not isinstance(self.level, int | np.integer | None):
            raise ParameterError(f"invalid level {self.level!r}; pass a whole number >= 0, 0 is the finest")
        if (self.mpp is None) == (self.level is None):
            found = "neither" if self.mpp is None else "both"
            raise ParameterError(f"pass exactly one of mpp and level; got {found}")
        if self.level is not None and self.level < 0:
            raise ParameterError(f"invalid level {self.level}; pass a level >= 0, 0 is the finest")
        if self.tolerance is not None and not (math.isfinite(self.tolerance) and self.tolerance >= 0):
            raise ParameterError(f"invalid tolerance {self.tolerance}; pass a share >= 0 such as 0.1, or None")
        if self.resolution not in get_args(Resolution):
            raise ParameterError(f"unknown resolution {self.resolution!r}; pass one of level, exact")
        if self.resolution == "exact" and self.mpp is None:
            raise ParameterError("resolution 'exact' with a level; pass mpp, the resolution to be exact about")

    @classmethod
    def of(
        cls,
        *,
        tile_extent: int | tuple[int, int],
        stride: int | tuple[int, int],
        mpp: float | tuple[float, float] | None = None,
        level: int | None = None,
        slide_mpp: float | tuple[float, float] | None = None,
        tolerance: float | None = None,
        resolution: Resolution = "level",
    ) -> "Tiling":
        """Build a tiling from plain numbers; one number stands for both axes.

        Raises:
            ParameterError: A length is < 1 or not whole, a resolution or tolerance is not finite or negative, or not
                exactly one of mpp and level was passed.
        """
        return cls(
            Extent(*pixel_pair("tile_extent", tile_extent)),
            Extent(*pixel_pair("stride", stride)),
            Mpp.optional(mpp),
            level,
            Mpp.optional(slide_mpp),
            tolerance,
            resolution,
        )


def describe_slide(path: str, tiling: Tiling) -> dict[str, Any]:
    """Read one row of the slides table.

    Args:
        path: The slide.
        tiling: Parameters of the tiling.

    Returns:
        path; extent_x, extent_y (pixels of the level); tile_extent_x, tile_extent_y; stride_x, stride_y; mpp_x, mpp_y
        (µm/px of the level, None if unknown); level; downsample (mean of both axes); level0_extent_x, level0_extent_y
        (pixels of level 0); level0_mpp_x, level0_mpp_y (µm/px of level 0, None if unknown).

    Raises:
        SlideError: See `open_slide`; MissingMppError if tiled by mpp and the slide has none; UnsupportedImageError if
            the level does not exist; LevelNotFoundError if no level has the resolution, within the tolerance.
    """
    with open_slide(path, tiling.slide_mpp) as slide:
        return describe_open(slide, tiling)


def describe_open(slide: SlideReader, tiling: Tiling) -> dict[str, Any]:
    """Describe an open slide; see `describe_slide`."""
    path = slide.path
    level, level0 = _chosen(slide.pyramid, tiling, path), slide.pyramid.levels[0]
    tile, stride = tiling.tile_extent, tiling.stride
    if tiling.resolution == "exact" and tiling.mpp is not None and level.mpp is not None:
        tile, stride = (_scaled(pixels, tiling.mpp, level.mpp, path) for pixels in (tile, stride))
    return {
        "path": path,
        "extent_x": level.extent.width,
        "extent_y": level.extent.height,
        "tile_extent_x": tile.width,
        "tile_extent_y": tile.height,
        "stride_x": stride.width,
        "stride_y": stride.height,
        "mpp_x": level.mpp and level.mpp.x,
        "mpp_y": level.mpp and level.mpp.y,
        "level": level.index,
        "downsample": (level.downsample_x + level.downsample_y) / 2,
        "level0_extent_x": level0.extent.width,
        "level0_extent_y": level0.extent.height,
        "level0_mpp_x": level0.mpp and level0.mpp.x,
        "level0_mpp_y": level0.mpp and level0.mpp.y,
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
    level, mpp = pyramid.closest(tiling.mpp)
    if tiling.resolution == "exact":
        fine = [one for one in pyramid.levels if one.mpp is not None and _excess(one.mpp, tiling.mpp) <= ROUNDING]
        if fine:
            return max(fine, key=lambda one: one.downsample_x * one.downsample_y)
        level, mpp = pyramid.levels[0], pyramid.mpp  # the finest is too coarse, which the tolerance may allow
    off = max(_excess(mpp, tiling.mpp), -_excess(mpp, tiling.mpp, min))
    allowed = WARN_ABOVE if tiling.tolerance is None else tiling.tolerance
    if off > allowed + ROUNDING:
        _report_mismatch(pyramid, tiling, tiling.mpp, path)
    return level


def _excess(mpp: Mpp, wanted: Mpp, end: Callable[[float, float], float] = max) -> float:
    """Return by how much a resolution is coarser than the one wanted, as a share of that, on the worse axis."""
    return end(mpp.x / wanted.x, mpp.y / wanted.y) - 1


def _report_mismatch(pyramid: Pyramid, tiling: Tiling, wanted: Mpp, path: str) -> None:
    found = ", ".join(_shown(level.mpp) for level in pyramid.levels[:MAX_NAMED] if level.mpp is not None)
    allowed = WARN_ABOVE if tiling.tolerance is None else tiling.tolerance
    problem = f"{path!r} has no level within {allowed * 100:g} % of {_shown(wanted)} µm/px; its levels have {found}"
    if tiling.resolution == "exact":  # all levels are coarser
        ways = "tiling.mpp (mpp=) to the finest of these or more"
    else:
        ways = "tiling.mpp (mpp=) to one of these, tiling.level (level=), tiling.resolution: exact (resolution=)"
    hint = f"set {ways}, or a larger tiling.tolerance (tolerance=)"
    if tiling.tolerance is not None:
        raise LevelNotFoundError(problem, path=path, hint=hint)
    warnings.warn(f"{problem}: the closest is tiled; {hint}", stacklevel=5)


def _shown(mpp: Mpp) -> str:
    return f"{mpp.x:.4g}" if mpp.x == mpp.y else f"{mpp.x:.4g} x {mpp.y:.4g}"


def _scaled(pixels: Extent, wanted: Mpp, found: Mpp, path: str) -> Extent:
    """Convert pixels of one resolution to the nearest whole number of pixels of another, at least 1."""
    sides = pixels.width * wanted.x / found.x, pixels.height * wanted.y / found.y
    if max(sides) > MAX_TILE:
        problem = f"{path!r} would have tiles of {sides[0]:.3g} x {sides[1]:.3g} px, more than {MAX_TILE:,}"
        raise LevelNotFoundError(problem, path=path, hint="set a smaller tiling.mpp (mpp=) or tiling.tile_extent")
    width, height = (max(1, int(side)) for side in round_half_up(sides))
    return Extent(width, height)


def pixel_pair(name: str, value: int | tuple[int, int]) -> tuple[int, int]:
    """Convert a number of pixels, or a pair (x, y).

    Raises:
        ParameterError: A number is < 1, too large or not whole; names the parameter.
    """
    pair = tuple(value) if isinstance(value, Sequence) else (value, value)
    whole = [v for v in pair if isinstance(v, int | np.integer) and not isinstance(v, bool) and 0 < v <= MAX_TILE]
    if len(pair) != 2 or len(whole) != 2:  # noqa: PLR2004 - x and y
        raise ParameterError(f"invalid {name} {value!r}; pass a whole number of pixels >= 1, or a pair (x, y)")
    return int(pair[0]), int(pair[1])
