"""Tile origins of a slide, computed one axis at a time and combined row-major with x fastest."""

import itertools
from collections.abc import Iterator, Sequence
from typing import Literal, get_args

import numpy as np

from ratiopath.errors import ParameterError
from ratiopath.geometry import MAX_PIXEL, Int64s

Last = Literal["keep", "drop", "shift"]


def axis_origins(slide: int, tile: int, stride: int, last: Last = "keep") -> Int64s:
    """Compute the tile origins of one axis.

        slide   |=======================|
        keep    |-------|   |-------|   |-------|      the last tile may reach beyond the slide
        drop    |-------|   |-------|                  only whole tiles
        shift   |-------|   |-------|-------|          the last tile is moved back to end with the slide

    `keep` and `shift` cover every pixel of the slide that lies in no gap of the stride. A tile larger than the slide
    yields one tile at 0 for `keep` and `shift`, none for `drop`, whatever the stride.

    Args:
        slide: Length of the slide in pixels, >= 1.
        tile: Length of a tile in pixels, >= 1.
        stride: Distance of neighbouring origins in pixels, >= 1.
        last: Treatment of the tile that does not fit.

    Returns:
        int64, strictly increasing, in [0, slide).

    Raises:
        ParameterError: A length < 1 or not an integer, or an unknown `last`.
    """
    for name, value in (("slide_extent", slide), ("tile_extent", tile), ("stride", stride)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or not 1 <= value <= MAX_PIXEL:
            raise ParameterError(f"invalid {name} {value!r}; pass a whole number of pixels >= 1, at most {MAX_PIXEL:,}")
    if last not in get_args(Last):
        raise ParameterError(f"unknown last {last!r}; pass one of {', '.join(get_args(Last))}")

    if tile >= slide:
        fits = tile == slide or last != "drop"
        return np.zeros(int(fits), dtype=np.int64)
    whole = np.arange(0, slide - tile + 1, stride, dtype=np.int64)
    rest = slide - (int(whole[-1]) + tile)
    following = int(whole[-1]) + stride
    if rest == 0 or last == "drop" or (last == "keep" and following >= slide):
        return whole
    return np.append(whole, following if last == "keep" else slide - tile)


def grid_columns(
    slide_extent: Sequence[int], tile_extent: Sequence[int], stride: Sequence[int], last: Last = "keep"
) -> tuple[Int64s, ...]:
    """Compute the grid as one column per axis, without a Python object per tile.

    Args:
        slide_extent: Size of the slide in pixels, one number per axis, x first.
        tile_extent: Size of a tile in pixels, per axis.
        stride: Distance of neighbouring origins in pixels, per axis.
        last: `keep`, `drop` or `shift` the tile that does not fit; see `axis_origins`.

    Returns:
        One int64 array per axis, all of the same length, row-major with x fastest.

    Raises:
        ParameterError: See `axis_origins`, or the arguments differ in their number of axes.
    """
    origins = _axes(slide_extent, tile_extent, stride, last)
    mesh = np.meshgrid(*reversed(origins), indexing="ij")
    return tuple(axis.ravel() for axis in reversed(mesh))


def grid_tiles(
    slide_extent: Sequence[int], tile_extent: Sequence[int], stride: Sequence[int], last: Last = "keep"
) -> Iterator[tuple[int, ...]]:
    """Iterate over the top-left corners of the tiles of a slide, row-major with x fastest.

    Args:
        slide_extent: Size of the slide in pixels, one number per axis, x first. Any number of axes.
        tile_extent: Size of a tile in pixels, per axis.
        stride: Distance of neighbouring origins in pixels, per axis.
        last: `keep`, `drop` or `shift` the tile that does not fit; see `axis_origins`.

    Returns:
        An iterator of (x, y, ...) tuples of Python integers.

    Raises:
        ParameterError: At call time, not at the first tile; see `axis_origins`.

    Examples:
        >>> list(grid_tiles((5, 3), (2, 2), (2, 2), last="drop"))
        [(0, 0), (2, 0)]
    """
    origins = _axes(slide_extent, tile_extent, stride, last)
    slowest_first = itertools.product(*(axis.tolist() for axis in reversed(origins)))
    return (corner[::-1] for corner in slowest_first)


def _axes(
    slide_extent: Sequence[int], tile_extent: Sequence[int], stride: Sequence[int], last: Last
) -> tuple[Int64s, ...]:
    for name, value in (("slide_extent", slide_extent), ("tile_extent", tile_extent), ("stride", stride)):
        if not isinstance(value, Sequence | np.ndarray):
            raise ParameterError(f"invalid {name} {value!r}; pass one number per axis, such as (512, 512)")
    if not 0 < len(slide_extent) == len(tile_extent) == len(stride):
        raise ParameterError(
            f"slide_extent, tile_extent and stride have {len(slide_extent)}, {len(tile_extent)} and {len(stride)} "
            "axes; pass the same number of axes, at least one"
        )
    return tuple(axis_origins(*lengths, last) for lengths in zip(slide_extent, tile_extent, stride, strict=True))
