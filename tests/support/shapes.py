"""Annotations and tiles for tests of areas."""

import numpy as np
import shapely
from hypothesis import strategies as st

from ratiopath.annotations import Annotations, Outlines
from ratiopath.frame import SlideFrame
from ratiopath.geometry import Extent, Mpp
from ratiopath.overlays.overlay import TileWindows
from ratiopath.overlays.polygons.regions import RegionOptions
from ratiopath.overlays.vector import VectorOverlay
from ratiopath.roi import Roi


def annotations(*items: tuple, path: str = "a.geojson") -> Annotations:
    """Items are (label, geometry), or (label, geometry, layer, is_negative)."""
    outlines = Outlines(path, "geojson")
    for label, geometry, *negative in items:
        layer, is_negative = negative or (0, False)
        outlines.add_geometry(label, geometry, layer=layer, is_negative=is_negative)
    return Annotations.of(outlines)


def tiles(*corners: tuple[float, float], roi: shapely.Geometry, mpp: float = 0.5) -> TileWindows:
    x, y = np.array(corners, dtype=np.float64).reshape(-1, 2).T
    return TileWindows(x, y, Mpp.of(mpp), Roi(roi))


def overlay(*items: tuple, extent: tuple[int, int] | None = (1000, 1000), **options) -> VectorOverlay:
    """An overlay on a slide of 0.5 µm/px."""
    frame = SlideFrame(mpp=Mpp.of(0.5), extent=None if extent is None else Extent(*extent))
    return VectorOverlay(annotations(*items), frame, RegionOptions(**options))


def as_dicts(shares) -> list[dict[str, float]]:
    """Convert shares to a dict by key for each row."""
    rows: list[dict[str, float]] = [{} for _ in range(len(shares))]
    for row, key, fraction in zip(shares.rows, shares.key_index, shares.fractions, strict=True):
        rows[row][shares.keys[key]] = float(fraction)
    return rows


def dense(areas, windows: int, groups: int = 1) -> np.ndarray:
    """Areas as a table, shape (windows, groups)."""
    table = np.zeros((windows, groups))
    table[areas.window, areas.group] = areas.area
    return table


def regular(vertices: int, radius: float, centre: tuple[float, float] = (0, 0), turn: float = 0.0) -> shapely.Polygon:
    angles = turn + np.arange(vertices) * 2 * np.pi / vertices
    return shapely.Polygon(np.stack([np.cos(angles), np.sin(angles)], axis=1) * radius + centre)


@st.composite
def stars(draw, size: float = 100, least: int = 3, most: int = 24) -> shapely.Polygon:
    """A star-shaped polygon, seldom convex, whose vertices lie on a grid, on quarters or anywhere."""
    count = draw(st.integers(least, most))
    x, y = (draw(st.floats(0, size)) for _ in range(2))
    radii = draw(st.lists(st.floats(size / 50, size / 2), min_size=count, max_size=count))
    angles = np.arange(count) * 2 * np.pi / count
    points = np.stack([np.cos(angles), np.sin(angles)], axis=1) * np.array(radii)[:, None] + (x, y)
    grain = draw(st.sampled_from((0, 0.25, 1.0)))
    polygon = shapely.Polygon(np.round(points / grain) * grain if grain else points)
    return polygon if polygon.is_valid and polygon.area > 0 else shapely.box(x, y, x + size / 5, y + size / 3)


@st.composite
def holed(draw, size: float = 100) -> shapely.Polygon:
    """A polygon that may have a hole."""
    shell = draw(stars(size))
    parts = shapely.get_parts(shell.difference(draw(stars(size * 0.6)))).tolist()
    largest = max(parts, key=lambda part: part.area, default=shell)
    return largest if isinstance(largest, shapely.Polygon) and largest.area > 0 else shell


@st.composite
def convex(draw, size: float = 100) -> shapely.Polygon:
    hull = shapely.convex_hull(draw(stars(size)))
    return hull if isinstance(hull, shapely.Polygon) else shapely.box(0, 0, size / 2, size / 3)
