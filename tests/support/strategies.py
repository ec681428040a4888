"""Strategies of hypothesis: a raster in a layout, a ROI, a resolution, and tiles on, across and off the raster."""

from dataclasses import dataclass, replace

import numpy as np
import shapely
from hypothesis import strategies as st
from shapely import affinity

from tests.support.layouts import LAYOUTS, Layout, Raster

DTYPES = ("bool", "uint8", "uint16", "int16", "uint32", "float32", "float64")
PALETTES = {
    "bool": (False, True),
    "uint8": (0, 1, 2, 7, 254, 255),
    "uint16": (0, 1, 255, 256, 40_000, 65_535),
    "int16": (0, 1, -1, -32_768, 32_767, 255),
    "uint32": (0, 1, 70_000, 2**31, 2**32 - 1, 255),
    "float32": (0.0, 1.0, 0.1, -2.5, 1e-7, 255.0),
    "float64": (0.0, 1.0, 0.1, 1 / 3, 1e300, 255.0),
}
"""The values that masks of each type hold, extremes among them."""

MPPS = (0.2, 0.25, 0.4, 0.5, 0.8, 1.0, 1.25, 2.0)
"""Resolutions that every unit stores without loss, whichever way the unit is divided out."""

RATIOS = (0.25, 1 / 3, 0.46, 0.5, 0.75, 1.0, 1.0, 1.5, 1.84, 2.0, 2.5, 3.0)
"""Tile resolution over overlay resolution: finer, equal, coarser; exact halves among them, where roundings differ."""

LARGEST_PATCH = 60
"""Bounds the oracle's work: the side of a patch in overlay pixels."""


@dataclass(frozen=True, slots=True)
class Case:
    """One call of an overlay function."""

    layout_name: str
    raster: Raster
    mpp_tile: tuple[float, float]
    roi: shapely.Geometry
    tiles: tuple[tuple[int, int], ...]

    @property
    def layout(self) -> Layout:
        return LAYOUTS[self.layout_name]

    def __repr__(self) -> str:
        shapes = [level.shape for level in self.raster.levels]
        alpha = " with alpha" if self.raster.alpha else ""
        return (
            f"Case({self.layout_name}, {self.raster.dtype} {shapes}{alpha} at {self.raster.mpp}, "
            f"tiles at {self.mpp_tile}: {self.tiles}, roi={self.roi.wkt})"
        )

    def _repr_pretty_(self, printer, cycle) -> None:
        """Print a failing case without its pixels."""
        printer.text(repr(self))


def _blotches(random: np.random.Generator, shape: tuple[int, ...], values: tuple, grain: int) -> np.ndarray:
    """Patches of `grain` pixels of one value each: neither noise nor flat, different on every level."""
    small = random.choice(len(values), size=(-(-shape[0] // grain), -(-shape[1] // grain), *shape[2:]))
    large = small.repeat(grain, axis=0).repeat(grain, axis=1)
    return np.array(values)[large[: shape[0], : shape[1]]]


@st.composite
def level_sizes(draw, largest: int = 70) -> list[tuple[int, int]]:
    """(rows, columns) of each level: halved, thirded or at an odd ratio, rounded down or up, per axis."""
    rows, columns = draw(st.integers(1, largest)), draw(st.integers(1, largest))
    sizes = [(rows, columns)]
    factor = 1.0
    for _ in range(draw(st.integers(0, 2))):
        factor *= draw(st.sampled_from((2, 2, 2, 3, 4, 2.5)))
        up_rows, up_columns = draw(st.booleans()), draw(st.booleans())
        size = tuple(
            max(1, int(-(-length // factor) if up else length // factor))
            for length, up in ((rows, up_rows), (columns, up_columns))
        )
        if size[0] >= sizes[-1][0] or size[1] >= sizes[-1][1]:
            break
        sizes.append(size)
    return sizes


def _fits(layout: Layout, kind: tuple[str, int, bool]) -> bool:
    dtype, channels, has_alpha = kind
    level = np.zeros((1, 1) if channels == 1 else (1, 1, channels), dtype)
    return layout.fits(Raster((level,), (1.0, 1.0), (level,) if has_alpha else None))


KINDS = [(dtype, channels, alpha) for dtype in DTYPES for channels in (1, 2, 3) for alpha in (False, True)]
KINDS_OF = {name: [kind for kind in KINDS if _fits(layout, kind)] for name, layout in LAYOUTS.items()}
"""(dtype, channels, alpha) that each layout can hold."""


@st.composite
def rasters(draw, kind: tuple[str, int, bool]) -> Raster:
    """A pyramid whose levels have nothing in common but their sizes, so that a wrong level shows."""
    name, channels, has_alpha = kind
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    values = PALETTES[name][: draw(st.integers(1, 6))]
    grain = draw(st.sampled_from((1, 3, 8, 20)))
    opaque = np.iinfo(name).max if has_alpha else 0
    levels, alpha = [], []
    for rows, columns in draw(level_sizes()):
        shape = (rows, columns) if channels == 1 else (rows, columns, channels)
        levels.append(_blotches(random, shape, values, grain).astype(name))
        alpha.append(_blotches(random, (rows, columns), (0, opaque, opaque), grain).astype(name))
    mpp_x = draw(st.sampled_from(MPPS))
    mpp_y = draw(st.sampled_from((mpp_x, mpp_x, *MPPS)))
    return Raster(tuple(levels), (mpp_x, mpp_y), tuple(alpha) if has_alpha else None)


def _coordinates() -> st.SearchStrategy[float]:
    """Whole, half and odd pixels, left of and beyond a tile of 16."""
    whole = st.integers(-12, 24).map(float)
    half = st.integers(-24, 48).map(lambda twice: twice / 2)
    return st.one_of(whole, half, st.floats(-12, 24).map(lambda value: round(value, 3)))


def _sizes() -> st.SearchStrategy[float]:
    return st.one_of(st.integers(1, 20).map(float), st.floats(0.05, 20).map(lambda value: round(value, 3)))


@st.composite
def boxes(draw) -> shapely.Polygon:
    x, y = draw(_coordinates()), draw(_coordinates())
    return shapely.box(x, y, x + draw(_sizes()), y + draw(_sizes()))


@st.composite
def circles(draw) -> shapely.Polygon:
    centre = shapely.Point(draw(_coordinates()), draw(_coordinates()))
    return centre.buffer(draw(_sizes()) / 2 + 0.1, quad_segs=draw(st.sampled_from((1, 4, 16))))


@st.composite
def holed(draw) -> shapely.Polygon:
    """A box or a circle with a hole of its own shape, sometimes almost all of it."""
    outer = draw(st.one_of(boxes(), circles()))
    factor = draw(st.sampled_from((0.25, 0.5, 0.95)))
    return outer.difference(affinity.scale(outer, factor, factor))


@st.composite
def multipolygons(draw) -> shapely.Geometry:
    return shapely.union_all(draw(st.lists(st.one_of(boxes(), circles()), min_size=2, max_size=3)))


@st.composite
def rotated(draw) -> shapely.Geometry:
    angle = draw(st.sampled_from((30, 45, 45, 90, 123.4)))
    return affinity.rotate(draw(st.one_of(boxes(), holed(), multipolygons())), angle)


@st.composite
def triangles(draw) -> shapely.Polygon:
    corners = draw(st.lists(st.tuples(_coordinates(), _coordinates()), min_size=3, max_size=3, unique=True))
    return shapely.Polygon(corners)


def rois() -> st.SearchStrategy[shapely.Geometry]:
    """Valid polygons of any kind, at most 40 pixels wide and high."""
    kinds = st.one_of(boxes(), circles(), holed(), multipolygons(), rotated(), triangles())
    return kinds.filter(
        lambda roi: (
            isinstance(roi, shapely.Polygon | shapely.MultiPolygon)
            and roi.is_valid
            and not roi.is_empty
            and roi.area > 1e-3
            and max(roi.bounds[2] - roi.bounds[0], roi.bounds[3] - roi.bounds[1]) <= 40
        )
    )


def gather(size: tuple[int, int]) -> st.SearchStrategy[tuple[tuple[int, int], ...]]:
    """One to five tiles: on the image, across its edges, left of it and far off; the same one twice."""
    near_x, near_y = (st.integers(-30, length + 10) for length in size)
    far = st.sampled_from((-100_000, 1_000_000))
    tile = st.one_of(st.tuples(near_x, near_y), st.tuples(near_x, near_y), st.tuples(far, near_y), st.tuples(far, far))
    return st.lists(tile, min_size=1, max_size=5).map(tuple)


@st.composite
def grids(draw, size: tuple[int, int], most: int) -> tuple[tuple[int, int], ...]:
    """A regular grid over the image and beyond, its tiles apart or overlapping, in rows or in any order."""
    stride_x, stride_y = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    x0, y0 = draw(st.integers(-30, size[0])), draw(st.integers(-30, size[1]))
    across, down = draw(st.integers(1, 8)), draw(st.integers(1, 8))
    tiles = [(x0 + column * stride_x, y0 + row * stride_y) for row in range(down) for column in range(across)]
    return tuple((draw(st.permutations(tiles)) if draw(st.booleans()) else tiles)[: max(1, most)])


@st.composite
def cases(draw, layout_names: tuple[str, ...] = tuple(LAYOUTS)) -> Case:
    """A file, a resolution, a ROI and tiles."""
    name = draw(st.sampled_from(layout_names))
    raster = draw(rasters(draw(st.sampled_from(KINDS_OF[name]))))
    if LAYOUTS[name].container == "aperio":  # it has one resolution for both axes
        raster = replace(raster, mpp=(raster.mpp[0], raster.mpp[0]))
    if LAYOUTS[name].unit == "m":  # 2e-07 m is not 0.2 µm to the last bit
        raster = replace(raster, mpp=(0.5, 0.25))
    ratio_x = draw(st.sampled_from(RATIOS))
    ratio_y = draw(st.sampled_from((ratio_x, ratio_x, *RATIOS)))
    mpp_tile = (raster.mpp[0] * ratio_x, raster.mpp[1] * ratio_y)
    roi = draw(rois())
    if (roi.bounds[2] - roi.bounds[0]) * ratio_x > LARGEST_PATCH:
        roi = affinity.scale(roi, 0.5, 1, origin=(0, 0))
    if (roi.bounds[3] - roi.bounds[1]) * ratio_y > LARGEST_PATCH:
        roi = affinity.scale(roi, 1, 0.5, origin=(0, 0))
    rows, columns = raster.levels[0].shape[:2]
    size = int(columns / ratio_x), int(rows / ratio_y)
    area = ratio_x * ratio_y * (roi.bounds[2] - roi.bounds[0]) * (roi.bounds[3] - roi.bounds[1])
    tiles = draw(grids(size, most=int(LARGEST_PATCH**2 / (area + 1))) if draw(st.booleans()) else gather(size))
    return Case(name, raster, mpp_tile, roi, tiles)
