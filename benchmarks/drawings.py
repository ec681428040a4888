"""Annotations for the benchmarks, and the exact ways to the area of their labels in each tile."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec

import numpy as np
import shapely

from benchmarks.job import CHECKED, SLIDE_MPP, TILE
from ratiopath.annotations import Annotations, Outlines
from ratiopath.counting.shares import Shares
from ratiopath.frame import SlideFrame
from ratiopath.geometry import Extent, Mpp
from ratiopath.overlays import TileWindows
from ratiopath.overlays.vector import VectorOverlay
from ratiopath.roi import Roi

OURS = "ours"
TOLERANCE = 1e-9
"""Largest difference of a share."""
MAX_VERTICES = 1_000_000
"""Vertices up to which other subjects are measured."""
LABEL = "tumor"


@dataclass(frozen=True)
class Drawing:
    """An annotation of one label on a slide, and a grid over it."""

    annotations: Annotations
    """Polygons in pixels of level 0."""
    side: int
    """Width and height of the slide in pixels."""

    @cached_property
    def x(self) -> np.ndarray:
        """Left edges of the tiles."""
        return np.tile(np.arange(0, self.side, TILE, dtype=np.float64), -(-self.side // TILE))

    @cached_property
    def y(self) -> np.ndarray:
        """Top edges of the tiles."""
        return np.repeat(np.arange(0, self.side, TILE, dtype=np.float64), -(-self.side // TILE))

    @property
    def vertices(self) -> int:
        """Number of vertices."""
        return int(shapely.get_num_coordinates(self.annotations.polygons).sum())

    def tiles(self) -> np.ndarray:
        """Make a box of each tile."""
        return shapely.box(self.x, self.y, self.x + TILE, self.y + TILE)


def drawings(shrink: int) -> dict[str, Drawing]:
    """Make the annotations from a fixed seed: regions with ragged outlines, and cells."""
    small = max(1, shrink)
    side = max(1, 158 // small) * TILE
    regions = _ragged(20, 1000, side, (side // 25, side // 7))
    return {
        "20 regions": Drawing(regions, side),
        "100,000 cells": Drawing(_ragged(100_000 // small**2, 25, side, (5, 20)), side),
        "1,000,000 cells": Drawing(_ragged(1_000_000 // small**2, 25, side * 3, (5, 20)), side * 3),
    }


def ours(drawing: Drawing) -> Shares:
    """Measure the areas as an overlay does, from the valid polygons of a file on."""
    frame = SlideFrame(mpp=Mpp.of(SLIDE_MPP), extent=Extent(drawing.side, drawing.side))
    roi = Roi(shapely.box(0, 0, TILE, TILE))
    return VectorOverlay(drawing.annotations, frame).shares(TileWindows(drawing.x, drawing.y, Mpp.of(SLIDE_MPP), roi))


def prepared(drawing: Drawing) -> np.ndarray:
    """Cut only the tiles on a border, which prepared predicates of the union find, with the union."""
    return _border_cut([shapely.union_all(drawing.annotations.polygons)], drawing)


def prepared_parts(drawing: Drawing) -> np.ndarray:
    """Cut the tiles on the border of each part of the union with that part alone."""
    return _border_cut(_united(drawing), drawing)


def per_tile(drawing: Drawing) -> np.ndarray:
    """Unite, tile by tile, the intersections with all polygons nearby."""
    tree = shapely.STRtree(drawing.annotations.polygons)
    areas = np.zeros(len(drawing.x))
    for tile, box in enumerate(drawing.tiles()):
        pieces = [drawing.annotations.polygons[index].intersection(box) for index in tree.query(box)]
        areas[tile] = shapely.union_all(pieces).area
    return areas


def intersected(drawing: Drawing) -> np.ndarray:
    """Intersect every tile with the union of all polygons."""
    return shapely.area(shapely.intersection(drawing.tiles(), shapely.union_all(drawing.annotations.polygons)))


def exactextracted(drawing: Drawing) -> object:
    """Pass exactextract a grid whose cells are the tiles; in single precision."""
    from exactextract import exact_extract  # noqa: PLC0415 - optional
    from exactextract.raster import NumPyRasterSource  # noqa: PLC0415 - optional

    cells = -(-drawing.side // TILE)
    source = NumPyRasterSource(np.zeros((cells, cells)), 0, 0, cells * TILE, cells * TILE)
    geometries = [shapely.geometry.mapping(polygon) for polygon in _united(drawing)]
    features = [{"type": "Feature", "properties": {}, "geometry": geometry} for geometry in geometries]
    return exact_extract(source, features, ["cell_id", "coverage"])


def difference(drawing: Drawing) -> str:
    """Compare some random tiles with the union of the intersections; return the first that differs."""
    chosen = np.random.default_rng(0).permutation(len(drawing.x))[:CHECKED]
    found = ours(drawing).share_of([LABEL])[chosen]
    sample = Drawing(drawing.annotations, drawing.side)
    sample.__dict__.update(x=drawing.x[chosen], y=drawing.y[chosen])
    wrong = np.flatnonzero(np.abs(found - per_tile(sample) / TILE**2) > TOLERANCE)
    return f"tile {chosen[wrong[0]]} has {found[wrong[0]]}, shapely says otherwise" if len(wrong) else ""


PEERS: dict[str, tuple[str, Callable[[Drawing], object]]] = {
    "prepared union, border tiles cut": ("shapely", prepared),
    "prepared parts, border tiles cut": ("shapely", prepared_parts),
    "intersections united per tile": ("shapely", per_tile),
    "tiles cut with the union": ("shapely", intersected),
    "exactextract, float32": ("exactextract", exactextracted),
}
"""Other ways by name, and the module each needs."""


def subjects(drawing: Drawing) -> dict[str, Callable[[Drawing], object]]:
    """Select the subjects of an annotation by name; uniting many cells takes the others minutes."""
    is_small = len(drawing.annotations) <= 1000 and drawing.vertices <= MAX_VERTICES
    return {OURS: ours, **{who: what for who, (module, what) in PEERS.items() if is_small and find_spec(module)}}


def _border_cut(polygons: Sequence[shapely.Geometry], drawing: Drawing) -> np.ndarray:
    areas, tiles = np.zeros(len(drawing.x)), drawing.tiles()
    for polygon in polygons:
        shapely.prepare(polygon)
        is_full = shapely.contains_properly(polygon, tiles)
        areas[is_full] += TILE**2
        border = np.flatnonzero(~is_full & shapely.intersects(polygon, tiles))
        areas[border] += shapely.area(shapely.intersection(tiles[border], polygon))
    return areas


def _united(drawing: Drawing) -> np.ndarray:
    return shapely.get_parts(shapely.union_all(drawing.annotations.polygons))


def _ragged(number: int, vertices: int, side: int, radii: tuple[float, float]) -> Annotations:
    """Draw closed outlines around random centres."""
    random = np.random.default_rng(0)
    angles = np.arange(vertices) * 2 * np.pi / vertices
    radius = random.uniform(*radii, (number, 1)) * (1 + 0.3 * np.sin(3 * angles + random.uniform(0, 6, (number, 1))))
    radius *= 1 + 0.03 * random.standard_normal((number, vertices))
    centre = random.uniform(0, side, (number, 1, 2))
    outlines = Outlines("drawn", "geojson")
    rings = centre + np.stack([np.cos(angles), np.sin(angles)], axis=1) * radius[..., None]
    for ring in rings:
        outlines.add(LABEL, [ring])
    return Annotations.of(outlines)
