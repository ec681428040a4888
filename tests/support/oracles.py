"""The slow reference of every overlay column: one pixel at a time, independent of the library.

Nothing here is shared with the library. Order is (x, y) except for array shapes, which are (rows, columns[, channels]).
"""

import math

import numpy as np
import shapely


def downsample(size0: int, size: int) -> float:
    """The integer k with size = size0 / k rounded down or up, else the ratio; of several k the nearest to the ratio."""
    ratio = size0 / size
    fitting = [k for k in range(1, size0 + 1) if size in (size0 // k, -(-size0 // k))]
    if not fitting:
        return ratio
    return float(min(fitting, key=lambda k: (abs(k - ratio), k)))


def level_mpps(levels: list[np.ndarray], mpp0: tuple[float, float]) -> list[tuple[float, float]]:
    height0, width0 = levels[0].shape[:2]
    return [
        (mpp0[0] * downsample(width0, level.shape[1]), mpp0[1] * downsample(height0, level.shape[0]))
        for level in levels
    ]


def distance(mpp: tuple[float, float], wanted: tuple[float, float]) -> float:
    return (abs(mpp[0] - wanted[0]) + abs(mpp[1] - wanted[1])) / 2


def closest_level(levels: list[np.ndarray], mpp0: tuple[float, float], mpp_tile: tuple[float, float]) -> int:
    """Smallest mean of the two differences; a tie goes to the finer, which comes first."""
    distances = [distance(mpp, mpp_tile) for mpp in level_mpps(levels, mpp0)]
    return distances.index(min(distances))


def scaled(value: float, scale: float) -> int:
    """Half up, in float64."""
    return math.floor(float(value) * float(scale) + 0.5)


def roi_mask(roi: shapely.Geometry, width: int, height: int) -> np.ndarray:
    """True where the centre of a patch pixel lies in the ROI, its border included."""
    minx, miny, maxx, maxy = roi.bounds
    inside = np.zeros((height, width), bool)
    shapely.prepare(roi)
    for i in range(height):
        for j in range(width):
            x = minx + (j + 0.5) * (maxx - minx) / width
            y = miny + (i + 0.5) * (maxy - miny) / height
            inside[i, j] = shapely.intersects_xy(roi, x, y)
    return inside


def patch_window(
    mpp_level: tuple[float, float],
    tile_x: int,
    tile_y: int,
    mpp_tile: tuple[float, float],
    roi: shapely.Geometry,
) -> tuple[int, int, int, int]:
    """Origin x, y and width, height of the ROI's bounding box in the overlay level's pixels."""
    scale_x, scale_y = mpp_tile[0] / mpp_level[0], mpp_tile[1] / mpp_level[1]
    minx, miny, maxx, maxy = roi.bounds
    return (
        scaled(tile_x + minx, scale_x),
        scaled(tile_y + miny, scale_y),
        max(1, scaled(maxx - minx, scale_x)),
        max(1, scaled(maxy - miny, scale_y)),
    )


def overlay_patch(
    levels: list[np.ndarray],
    mpp0: tuple[float, float],
    tile_x: int,
    tile_y: int,
    mpp_tile: tuple[float, float],
    roi: shapely.Geometry,
    alpha: list[np.ndarray] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """The patch of one tile and its mask, which is true outside.

    Args:
        levels: the overlay's levels, finest first, each (rows, columns) or (rows, columns, channels), without alpha
        mpp0: the finest level's resolution, per axis
        tile_x: the tile's left edge, in tile space
        tile_y: the tile's upper edge, in tile space
        mpp_tile: the tile's resolution, per axis
        roi: polygon relative to the tile's corner
        alpha: one (rows, columns) array per level; where it is 0 the pixel does not exist
    """
    chosen = closest_level(levels, mpp0, mpp_tile)
    level = levels[chosen]
    opaque = np.ones(level.shape[:2]) if alpha is None else alpha[chosen]
    x0, y0, width, height = patch_window(level_mpps(levels, mpp0)[chosen], tile_x, tile_y, mpp_tile, roi)
    patch = np.zeros((height, width, *level.shape[2:]), level.dtype)
    outside = np.ones(patch.shape, bool)
    in_roi = roi_mask(roi, width, height)
    for i in range(height):
        for j in range(width):
            row, column = y0 + i, x0 + j
            if 0 <= row < level.shape[0] and 0 <= column < level.shape[1] and opaque[row, column] != 0:
                patch[i, j] = level[row, column]
                outside[i, j] = not in_roi[i, j]
    return patch, outside


def value_name(pixel: np.generic | np.ndarray) -> str:
    """One number, also where all channels agree; else the channels, comma-separated. -0.0 is the number 0.0."""
    numbers = [str(int(n)) if isinstance(n, np.bool_) else str(n + n.dtype.type(0)) for n in np.atleast_1d(pixel)]
    return numbers[0] if len(set(numbers)) == 1 else ",".join(numbers)


def value_counts(patch: np.ndarray, outside: np.ndarray) -> dict[str, int]:
    counts: dict[str, int] = {}
    for i in range(patch.shape[0]):
        for j in range(patch.shape[1]):
            if not np.atleast_1d(outside[i, j])[0]:
                name = value_name(patch[i, j])
                counts[name] = counts.get(name, 0) + 1
    return counts


def overlap(
    levels: list[np.ndarray],
    mpp0: tuple[float, float],
    tile_x: int,
    tile_y: int,
    mpp_tile: tuple[float, float],
    roi: shapely.Geometry,
    alpha: list[np.ndarray] | None = None,
) -> dict[str, float]:
    """The share of each value among the pixels inside; the arguments are `overlay_patch`'s."""
    counts = value_counts(*overlay_patch(levels, mpp0, tile_x, tile_y, mpp_tile, roi, alpha))
    existing = sum(counts.values())
    return {name: count / existing for name, count in counts.items()}
