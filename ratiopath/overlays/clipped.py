"""Polygons cut to tiles, and centroids counted in them."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import shapely

from ratiopath.annotations import Annotations
from ratiopath.annotations.annotations import polygon_parts
from ratiopath.counting.wanted import UNCLASSIFIED
from ratiopath.geometry import Int64s
from ratiopath.overlays.areas import RoiWindows, WindowIndex
from ratiopath.overlays.joins import Polygons, combined
from ratiopath.overlays.overlay import TileWindows

MAX_PAIRS = 1 << 16
"""Pairs of a polygon and a tile that are cut at once, which bounds memory."""


def pieces_per_tile(
    polygons: Polygons, windows: TileWindows, scale: tuple[float, float] = (1.0, 1.0)
) -> npt.NDArray[np.object_]:
    """Cut polygons to the ROI of every tile.

    Args:
        polygons: Valid polygons in pixels of level 0, such as those of one label in `Regions.labels`.
        windows: The tiles.
        scale: Pixels of level 0 per pixel of the tiles, along x and y.

    Returns:
        WKB of a MultiPolygon in pixels of the tile per tile, bytes: (0, 0) is the tile's top-left corner; empty where
        no polygon lies in the ROI.
    """
    placed = RoiWindows.of(windows.x, windows.y, windows.roi, scale)
    tile, polygon = shapely.STRtree(polygons).query(
        shapely.box(placed.x, placed.y, placed.right, placed.bottom), predicate="intersects"
    )
    found = [np.empty(0, dtype=np.object_)]
    owner = [np.empty(0, dtype=np.int64)]
    for first in range(0, len(tile), MAX_PAIRS):
        some = slice(first, first + MAX_PAIRS)
        local = _in_tiles(polygons[polygon[some]], windows, tile[some], scale)
        parts, part_of = polygon_parts(shapely.intersection(local, windows.roi.polygon))
        found.append(parts)
        owner.append(tile[some][part_of])
    pieces, tiles = combined(np.concatenate(found), np.concatenate(owner), shapely.union)
    parts, part_of = polygon_parts(pieces)
    collected = np.full(len(windows), shapely.MultiPolygon())
    if len(parts):
        collected[tiles] = shapely.multipolygons(parts, indices=part_of)
    wkb: npt.NDArray[np.object_] = shapely.to_wkb(collected)
    return wkb


def count_centroids(
    annotations: Annotations,
    windows: TileWindows,
    scale: tuple[float, float] = (1.0, 1.0),
    exist_at: Callable[[npt.NDArray[np.object_]], npt.NDArray[np.bool_]] | None = None,
) -> dict[str, Int64s]:
    """Count the outlines of each label whose centroid lies in the bounding box of a tile's ROI.

    The box is half-open: of two tiles side by side, a centroid on their border is in the right one.

    Args:
        annotations: Polygons with labels; the parts of an outline have one centroid, and negative ones none.
        windows: The tiles.
        scale: Pixels of level 0 per pixel of the tiles, along x and y.
        exist_at: True for each of some points that may count; None for all.

    Returns:
        Number per tile of each label, "<unclassified>" for outlines without one.
    """
    placed = RoiWindows.of(windows.x, windows.y, windows.roi, scale)
    used = np.flatnonzero(~annotations.is_negative)
    polygons = annotations.polygons[used]
    _, first, part_of = np.unique(annotations.outline[used], return_index=True, return_inverse=True)
    weights = shapely.area(polygons)
    parts = shapely.get_coordinates(shapely.centroid(polygons)) * weights[:, None]
    x, y = (np.bincount(part_of, weights=column) / np.bincount(part_of, weights=weights) for column in parts.T)
    point, tile = WindowIndex.of(placed).pairs(np.stack([x, y, x, y], axis=1))
    is_in = (x[point] >= placed.x[tile]) & (x[point] < placed.right[tile])
    is_in &= (y[point] >= placed.y[tile]) & (y[point] < placed.bottom[tile])
    point, tile = point[is_in], tile[is_in]
    if exist_at is not None:
        exists = exist_at(shapely.points(x, y))[point]
        point, tile = point[exists], tile[exists]
    label = annotations.label_index[used][first][point]
    return {
        name or UNCLASSIFIED: np.bincount(tile[label == index], minlength=len(windows))
        for index, name in enumerate(annotations.labels)
    }


def _in_tiles(
    polygons: Polygons, windows: TileWindows, tile: Int64s, scale: tuple[float, float]
) -> npt.NDArray[np.object_]:
    """Convert each polygon to pixels of its tile."""
    corner = np.stack([windows.x[tile], windows.y[tile]], axis=1)
    repeated = np.repeat(corner, shapely.get_num_coordinates(polygons), axis=0)
    local: npt.NDArray[np.object_] = shapely.transform(polygons, lambda xy: xy / scale - repeated)
    return local
