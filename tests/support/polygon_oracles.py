"""The slow reference of areas: exact arithmetic on one polygon at a time, independent of the library and of GEOS.

A ring is a list of vertices (x, y), closed or not, in any direction. The ring that is clipped need not be convex: the
parts of the clipped ring outside of the window run along its border and have no signed area. The window has to be.
"""

from fractions import Fraction
from itertools import combinations

import numpy as np
import shapely

Ring = list[tuple[Fraction, Fraction]]


def exact(ring) -> Ring:
    """Convert a ring to exact numbers, counter-clockwise (y up) and without its last vertex if it is the first."""
    vertices = [(Fraction(float(x)), Fraction(float(y))) for x, y in ring]
    if vertices[0] == vertices[-1]:
        vertices.pop()
    return vertices if area(vertices) > 0 else vertices[::-1]


def area(ring: Ring) -> Fraction:
    """Signed area by the shoelace formula."""
    after = ring[1:] + ring[:1]
    return sum((x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in zip(ring, after, strict=True)), Fraction(0)) / 2


def clipped(ring: Ring, window: Ring) -> Ring:
    """Sutherland-Hodgman: the ring inside of a convex window, counter-clockwise."""
    for (ax, ay), (bx, by) in zip(window, window[1:] + window[:1], strict=True):
        sides = [(bx - ax) * (y - ay) - (by - ay) * (x - ax) for x, y in ring]
        kept: Ring = []
        for index, (x, y) in enumerate(ring):
            before, (px, py) = sides[index - 1], ring[index - 1]
            here = sides[index]
            if (before < 0 < here) or (here < 0 < before):
                part = before / (before - here)
                kept.append((px + part * (x - px), py + part * (y - py)))
            if here >= 0:
                kept.append((x, y))
        ring = kept
    return ring


def box(minx, miny, maxx, maxy) -> Ring:
    return exact([(minx, miny), (maxx, miny), (maxx, maxy), (minx, maxy)])


def area_within(polygon: shapely.Polygon, window: Ring) -> Fraction:
    """Area of a polygon, less its holes, in a convex window."""
    shell, *holes = (area(clipped(exact(ring.coords), window)) for ring in (polygon.exterior, *polygon.interiors))
    return shell - sum(holes)


def areas_of_sets(polygons: dict[str, shapely.Polygon], window: Ring) -> dict[frozenset[str], Fraction]:
    """Area of each set of labels in a window, each label one convex polygon: by inclusion and exclusion."""
    common: dict[frozenset[str], Fraction] = {}
    for size in range(len(polygons) + 1):
        for labels in combinations(sorted(polygons), size):
            ring = window
            for label in labels:
                ring = clipped(ring, exact(polygons[label].exterior.coords)) if ring else ring
            common[frozenset(labels)] = area(ring)
    return {
        labels: sum(((-1) ** len(more - labels) * common[more] for more in common if more >= labels), Fraction(0))
        for labels in common
    }


def supersampled(polygon: shapely.Geometry, window: tuple[float, float, float, float], count: int) -> float:
    """Share of count x count centres in a window that lie in a polygon."""
    minx, miny, maxx, maxy = window
    steps = (np.arange(count) + 0.5) / count
    x, y = np.meshgrid(minx + steps * (maxx - minx), miny + steps * (maxy - miny))
    return float(np.mean(shapely.contains_xy(polygon, x, y)))
