"""Polygons cut to tiles, and centroids counted in them."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import shapely

from ratiopath.annotations import Annotations
from ratiopath.annotations.annotations import polygon_parts
from ratiopath.counting.wanted import UNCLASSIFIED
from ratiopath.geometry import Int64s
from ratiopath.overlays.overlay import TileWindows
from ratiopath.overlays.polygons.areas import RoiWindows, WindowIndex
from ratiopath.overlays.polygons.joins import Polygons, combined, covering, touching

MAX_PAIRS = 1 << 16
"""Pairs of a polygon and a tile that are cut at once, which bounds memory."""
MARGIN = 1.0
"""Pixels of level 0 around a tile that are kept at first: few vertices then become pixels of the tile, and are cut."""


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
    boxes = shapely.box(placed.x, placed.y, placed.right, placed.bottom)
    wider = shapely.box(placed.x - MARGIN, placed.y - MARGIN, placed.right + MARGIN, placed.bottom + MARGIN)
    tile, polygon = touching(boxes, polygons)
    found = [np.empty(0, dtype=np.object_)]
    owner = [np.empty(0, dtype=np.int64)]
    for first in range(0, len(tile), MAX_PAIRS):
        drawn, at = polygons[polygon[first : first + MAX_PAIRS]], tile[first : first + MAX_PAIRS]
        is_full = covering(drawn, boxes[at])
        near, near_of = _near(drawn[~is_full], wider[at[~is_full]])
        near_at = at[~is_full][near_of]
        local = shapely.intersection(_in_tiles(near, windows, near_at, scale), windows.roi.polygon)
        full = np.full(np.count_nonzero(is_full), windows.roi.polygon)
        parts, part_of = polygon_parts(np.concatenate([full, local]))
        found.append(parts)
        owner.append(np.concatenate([at[is_full], near_at])[part_of])
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


def _near(polygons: Polygons, boxes: Polygons) -> tuple[Polygons, Int64s]:
    """Cut each polygon to its box, unless it lies in it.

    Returns:
        The polygons that remain, and the index of the polygon that each is a part of.
    """
    inner, outer = shapely.bounds(polygons), shapely.bounds(boxes)
    is_in = ((inner[:, :2] >= outer[:, :2]) & (inner[:, 2:] <= outer[:, 2:])).all(axis=1)
    near = polygons.copy()
    near[~is_in] = shapely.intersection(polygons[~is_in], boxes[~is_in])
    return polygon_parts(near)


def _in_tiles(
    polygons: Polygons, windows: TileWindows, tile: Int64s, scale: tuple[float, float]
) -> npt.NDArray[np.object_]:
    """Convert each polygon to pixels of its tile."""
    corner = np.stack([windows.x[tile], windows.y[tile]], axis=1)
    repeated = np.repeat(corner, shapely.get_num_coordinates(polygons), axis=0)
    local: npt.NDArray[np.object_] = shapely.transform(polygons, lambda xy: xy / scale - repeated)
    return local
