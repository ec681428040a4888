"""Pairs of polygons whose interiors overlap, and set operations over groups of polygons."""

from collections.abc import Callable
from typing import Literal

import numpy as np
import numpy.typing as npt
import shapely

from ratiopath.annotations.annotations import polygon_parts
from ratiopath.geometry import Int64s

Polygons = npt.NDArray[np.object_]
"""Array of shapely Polygons."""
Operation = Callable[[Polygons, Polygons], Polygons]
"""A set operation of shapely, element by element."""
Fill = Literal["union", "evenodd"]
"""Area of polygons that overlap: all of it, or only what an odd number of them covers."""


def close(first: Polygons, second: Polygons) -> tuple[Int64s, Int64s]:
    """Pair polygons of two arrays whose bounding boxes have a point in common: their indices."""
    i, j = shapely.STRtree(second).query(first)
    return i, j


def touching(first: Polygons, second: Polygons) -> tuple[Int64s, Int64s]:
    """Pair polygons of two arrays that have a point in common: their indices."""
    i, j = close(first, second)
    is_touching = related(shapely.intersects, first[i], second[j])
    return i[is_touching], j[is_touching]


def related(
    predicate: Callable[[Polygons, Polygons], npt.NDArray[np.bool_]], first: Polygons, second: Polygons
) -> npt.NDArray[np.bool_]:
    """Evaluate a symmetric predicate of shapely on pairs: on the larger one, prepared."""
    is_larger = shapely.get_num_coordinates(first) >= shapely.get_num_coordinates(second)
    larger = np.where(is_larger, first, second)
    shapely.prepare(larger)
    found = predicate(larger, np.where(is_larger, second, first))
    shapely.destroy_prepared(larger)
    return found


def covering(first: Polygons, second: Polygons) -> npt.NDArray[np.bool_]:
    """Return True for each pair whose first polygon covers the second."""
    outer, inner = shapely.bounds(first), shapely.bounds(second)
    found: npt.NDArray[np.bool_] = ((outer[:, :2] <= inner[:, :2]) & (outer[:, 2:] >= inner[:, 2:])).all(axis=1)
    is_box = shapely.area(first) == (outer[:, 2:] - outer[:, :2]).prod(axis=1)
    index = np.flatnonzero(found & ~is_box)
    shapely.prepare(first[index])
    found[index] = shapely.covers(first[index], second[index])
    shapely.destroy_prepared(first[index])
    return found


def disjoint(polygons: Polygons, fill: Fill = "union") -> Polygons:
    """Make polygons that do not overlap of some that do; those that overlap no other one stay as they are.

    Args:
        polygons: Valid polygons.
        fill: Area of those that overlap.
    """
    i, j = close(polygons, polygons)
    i, j = i[i < j], j[i < j]
    is_overlap = related(shapely.intersects, polygons[i], polygons[j])
    i, j = i[is_overlap], j[is_overlap]
    is_overlap = ~related(shapely.touches, polygons[i], polygons[j])
    i, j = i[is_overlap], j[is_overlap]
    if fill == "union":
        is_first, is_second = covering(polygons[i], polygons[j]), covering(polygons[j], polygons[i])
        kept = np.ones(len(polygons), dtype=np.bool_)
        kept[j[is_first]] = False
        kept[i[is_second & ~is_first]] = False
        is_pair = kept[i] & kept[j]
        i, j = i[is_pair], j[is_pair]
    else:
        kept = np.ones(len(polygons), dtype=np.bool_)
    component = _components(len(polygons), i, j)
    is_single = np.bincount(component, minlength=len(polygons))[component] == 1
    several = np.flatnonzero(~is_single & kept)
    operation = shapely.union if fill == "union" else shapely.symmetric_difference
    joined, _ = combined(polygons[several], component[several], operation)
    parts, _ = polygon_parts(joined)
    return np.concatenate([polygons[is_single & kept], parts])


def combined(geometries: Polygons, group: Int64s, operation: Operation) -> tuple[Polygons, Int64s]:
    """Combine the geometries of each group by an associative operation, pair by pair in rounds.

    Returns:
        One geometry per group, and the groups, ascending.
    """
    order = np.argsort(group, kind="stable")
    rest, group = geometries[order], group[order]
    while True:
        first = np.searchsorted(group, group)
        is_left = (np.arange(len(group)) - first) % 2 == 0
        is_pair = is_left & np.append(~is_left[1:], False)[: len(group)]
        if not is_pair.any():
            return rest, group
        left = np.flatnonzero(is_pair)
        rest[left] = operation(rest[left], rest[left + 1])
        rest, group = rest[is_left], group[is_left]


def without(polygons: Polygons, i: Int64s, subtracted: Polygons) -> tuple[Polygons, Int64s]:
    """Subtract geometries from polygons.

    Args:
        polygons: Valid polygons.
        i: Index of the polygon from which each geometry is subtracted.
        subtracted: The geometries.

    Returns:
        The polygons that remain, and the index of the polygon that each is a part of.
    """
    together, index = combined(subtracted, i, shapely.union)
    rest = polygons.copy()
    rest[index] = shapely.difference(polygons[index], together)
    untouched = np.ones(len(polygons), dtype=np.bool_)
    untouched[index] = False
    parts, part_of = polygon_parts(rest[index])
    owner = np.concatenate([np.flatnonzero(untouched), index[part_of]])
    order = np.argsort(owner, kind="stable")
    return np.concatenate([rest[untouched], parts])[order], owner[order]


def _components(count: int, i: Int64s, j: Int64s) -> Int64s:
    """Name the connected component of each of some nodes by its smallest node."""
    component = np.arange(count)
    while True:
        low = np.minimum(component[i], component[j])
        before = component.copy()
        np.minimum.at(component, component[i], low)
        np.minimum.at(component, component[j], low)
        component = component[component]
        if (component == before).all():
            return component
