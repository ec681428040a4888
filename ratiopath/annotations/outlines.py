"""The outlines of an annotation file as drawn: rings of coordinates with labels, before frame and repair."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt
import shapely

from ratiopath.errors import TruncatedError
from ratiopath.geometry import MAX_PIXEL, Float64s, Int64s

NOT_FINITE = f"are not finite, or larger than {MAX_PIXEL:,}"
"""Finding about coordinates that are NaN, infinite or absurd."""
Format = Literal[
    "geojson", "asap", "imagescope", "halo", "ndpa", "wkt", "geoparquet", "darwin", "empaia", "dsa", "hdf5"
]
"""Names of the formats in the configuration."""
LabelFrom = Literal["auto", "name", "attribute", "color", "text"]
"""Source of the label of an ImageScope annotation; auto takes the first that is not empty, in this order."""
Frame = Literal["pixels", "slide_centre"]
"""Frame of a file's coordinates: px of level 0 from a corner, or nm from the centre of the physical slide (NDPA)."""
ELLIPSE_VERTICES = 4096
"""Vertices of the polygon that stands for an ellipse of which only the box is stored; its area is the ellipse's."""
MIN_VERTICES = 3
"""Distinct vertices of a ring, at least."""
BLOCK_VERTICES = 1 << 19
"""Vertices from which polygons are built at a time; bounds the memory beside them."""


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """Options of reading an annotation file."""

    format: Format | None = None
    """Format to insist on; None to recognise it by content."""
    label_from: LabelFrom = "auto"
    """Source of the label in ImageScope files."""
    part: Literal["cell", "nucleus"] = "cell"
    """Outline of a QuPath cell that is measured."""
    geometry: str = "geometry"
    """Column of WKT or WKB in a CSV or Parquet file."""
    label: str = "label"
    """Column of labels in a CSV or Parquet file."""
    measurement: str | None = None
    """Measurement of each object in GeoJSON, or data set in HDF5, whose number stands for the label."""
    patch_size: float | None = None
    """Side of the patches in HDF5, pixels of level 0; None takes what the file says."""


@dataclass(slots=True)
class Outlines:
    """Outlines of a file in the order of the file, in its own frame.

    Ring 0 of an outline is its shell, further rings are holes, closed or not, in any direction. Vertices are kept in
    runs, one for each call that added outlines.
    """

    path: str
    """The file."""
    format: Format
    """Format as which it was read."""
    frame: Frame = "pixels"
    """Frame of the coordinates."""
    ignored: Counter[str] = field(default_factory=Counter)
    """Number of objects without an area, by kind, such as LineString or Pin."""
    labels: list[str] = field(default_factory=list)
    """Label of each outline, stripped; empty if it has none."""
    layers: list[int] = field(default_factory=list)
    """Layer of each outline: a negative outline is subtracted from the positive ones of its layer."""
    is_negative: list[bool] = field(default_factory=list)
    """True for each outline that is subtracted."""
    ring_counts: list[int] = field(default_factory=list)
    """Number of rings of each outline."""
    ring_sizes: list[int] = field(default_factory=list)
    """Number of vertices of each ring."""
    runs: list[tuple[int, Float64s]] = field(default_factory=list)
    """Successive runs: a number of outlines and the vertices of all their rings, float64, shape (vertices, 2)."""
    repaired: int = 0
    """Number of outlines that the reader had to repair itself, to combine their paths."""
    area_changed: float = 0.0
    """Sum of the changes of their areas, in the square of the file's unit."""

    @property
    def rings(self) -> list[Float64s]:
        """Vertices of each ring, float64, shape (vertices, 2)."""
        vertices = np.concatenate([vertices for _, vertices in self.runs]) if self.runs else np.empty((0, 2))
        return np.split(vertices, np.cumsum(self.ring_sizes)[:-1]) if self.ring_sizes else []

    def add(
        self, label: str | None, rings: Sequence[npt.ArrayLike], *, layer: int = 0, is_negative: bool = False
    ) -> None:
        """Add an outline.

        Args:
            label: Its label; None or empty if it has none.
            rings: Vertices of the shell and of each hole, shape (vertices, 2) or (vertices, 3): z is dropped.
            layer: Layer, for negative outlines.
            is_negative: True if the outline is subtracted from its layer.

        Raises:
            TruncatedError: The vertices are no pairs of numbers; names the outline by its place in the file.
        """
        number = len(self.labels)
        try:
            arrays = [np.asarray(ring, dtype=np.float64) for ring in rings]
        except (TypeError, ValueError, OverflowError):  # ragged, text, null
            raise self._damaged(number, "are no pairs of numbers") from None
        if any(array.size and (array.ndim != 2 or array.shape[1] < 2) for array in arrays):  # noqa: PLR2004 - x and y
            raise self._damaged(number, "are no pairs of numbers")
        pairs = [array[:, :2] if array.size else np.empty((0, 2)) for array in arrays]
        vertices = np.concatenate(pairs) if pairs else np.empty((0, 2))
        self.add_many([label], vertices, [len(ring) for ring in pairs], [len(pairs)])
        self.layers[-1], self.is_negative[-1] = layer, is_negative

    def add_many(
        self,
        labels: Sequence[str | None],
        vertices: Float64s,
        ring_sizes: Sequence[int],
        ring_counts: Sequence[int],
    ) -> None:
        """Add a run of outlines, all positive and in layer 0.

        Args:
            labels: Label of each; None or empty if it has none.
            vertices: Vertices of all their rings, shape (vertices, 2).
            ring_sizes: Number of vertices of each ring.
            ring_counts: Number of rings of each outline.
        """
        self.labels += [label.strip() if label else "" for label in labels]
        self.layers += [0] * len(labels)
        self.is_negative += [False] * len(labels)
        self.ring_counts += ring_counts
        self.ring_sizes += ring_sizes
        self.runs.append((len(labels), vertices))

    def add_box(self, label: str | None, corners: npt.ArrayLike, *, layer: int = 0, is_negative: bool = False) -> None:
        """Add the rectangle that spans some points, shape (points, 2)."""
        (minx, miny), (maxx, maxy) = _bounds(corners)
        ring = [(minx, miny), (maxx, miny), (maxx, maxy), (minx, maxy)]
        self.add(label, [ring], layer=layer, is_negative=is_negative)

    def add_ellipse(
        self, label: str | None, corners: npt.ArrayLike, *, layer: int = 0, is_negative: bool = False
    ) -> None:
        """Add the ellipse whose axis-parallel box spans some points, shape (points, 2)."""
        low, high = _bounds(corners)
        half_x, half_y = (high / 2 - low / 2).tolist()
        ring = placed(unit_circle(), (half_x, half_y), (low / 2 + high / 2).tolist())
        self.add(label, [ring], layer=layer, is_negative=is_negative)

    def add_geometry(
        self, label: str | None, geometry: shapely.Geometry, *, layer: int = 0, is_negative: bool = False
    ) -> None:
        """Add each polygon of a geometry, and count its other parts as ignored."""
        first = len(self.labels)
        self.add_geometries([label], np.array([geometry], dtype=np.object_))
        self.layers[first:] = [layer] * (len(self.labels) - first)
        self.is_negative[first:] = [is_negative] * (len(self.labels) - first)

    def add_geometries(self, labels: Sequence[str | None], geometries: npt.NDArray[np.object_]) -> None:
        """Add each polygon of some geometries, and count their other parts as ignored.

        Args:
            labels: Label of each; None or empty if it has none.
            geometries: shapely geometries of any type, without None.
        """
        owner = np.arange(len(geometries))
        while (shapely.get_type_id(geometries) >= shapely.GeometryType.MULTIPOINT).any():
            geometries, parent = shapely.get_parts(geometries, return_index=True)
            owner = owner[parent]
        is_polygon = shapely.get_type_id(geometries) == shapely.GeometryType.POLYGON
        self.ignored.update(part.geom_type for part in geometries[~is_polygon].tolist())
        polygons = geometries[is_polygon]
        rings, polygon_of = shapely.get_rings(polygons, return_index=True)
        self.add_many(
            [labels[index] for index in owner[is_polygon].tolist()],
            shapely.get_coordinates(rings),
            shapely.get_num_coordinates(rings).tolist(),
            np.bincount(polygon_of, minlength=len(polygons)).tolist(),
        )

    def extend(self, others: "Outlines") -> None:
        """Add the outlines of another part of the file, in layers of their own."""
        above = max(self.layers, default=-1) + 1
        self.layers += [layer + above for layer in others.layers]
        self.ignored.update(others.ignored)
        self.repaired += others.repaired
        self.area_changed += others.area_changed
        for name in ("labels", "is_negative", "ring_counts", "ring_sizes", "runs"):
            getattr(self, name).extend(getattr(others, name))

    def ignore(self, kind: str) -> None:
        """Count an object without an area."""
        self.ignored[kind] += 1

    def polygons(
        self, scale: tuple[float, float] = (1.0, 1.0), offset: tuple[float, float] = (0.0, 0.0)
    ) -> tuple[npt.NDArray[np.object_], Int64s]:
        """Build the polygon of each outline at `coordinate * scale + offset`; it need not be valid.

        Consecutive equal vertices are one. A ring of fewer than three vertices is left out, and an outline with it if
        it is the shell.

        Returns:
            The polygons, and the index of the outline of each, ascending.

        Raises:
            TruncatedError: A coordinate is not finite; names the outline by its place in the file.
        """
        built, outline_of = [np.empty(0, dtype=np.object_)], [np.empty(0, dtype=np.int64)]
        for first, ring_counts, ring_sizes, drawn in self._blocks():
            with np.errstate(invalid="ignore", over="ignore"):
                vertices = drawn * scale + offset
                is_finite = (np.abs(vertices) <= MAX_PIXEL).all(axis=1)
            if not is_finite.all():
                ring = np.repeat(np.arange(len(ring_sizes)), ring_sizes)[is_finite.argmin()]
                raise self._damaged(first + int(np.repeat(np.arange(len(ring_counts)), ring_counts)[ring]), NOT_FINITE)
            polygons, outlines = _build(vertices, ring_sizes, ring_counts)
            built.append(polygons)
            outline_of.append(outlines + first)
        return np.concatenate(built), np.concatenate(outline_of)

    def _blocks(self) -> Iterator[tuple[int, Int64s, Int64s, Float64s]]:
        """Iterate over the first outline, the ring counts, ring sizes and vertices of runs that are joined."""
        ring_counts, ring_sizes = np.array(self.ring_counts, dtype=np.int64), np.array(self.ring_sizes, dtype=np.int64)
        first = outlines = rings = vertices = 0
        joined: list[Float64s] = []
        for index, (count, run) in enumerate(self.runs):
            joined.append(run)
            outlines += count
            vertices += len(run)
            if vertices >= BLOCK_VERTICES or index == len(self.runs) - 1:
                counts = ring_counts[first : first + outlines]
                last_ring = rings + int(counts.sum())
                yield first, counts, ring_sizes[rings:last_ring], np.concatenate(joined)
                first, rings, outlines, vertices = first + outlines, last_ring, 0, 0
                joined = []

    def _damaged(self, outline: int, finding: str) -> TruncatedError:
        problem = f"{self.path!r} has an outline (number {outline + 1}) whose coordinates {finding}"
        return TruncatedError(problem, path=self.path, hint="correct the file, or export it again")


def unit_circle(vertices: int = ELLIPSE_VERTICES) -> Float64s:
    """Return a regular polygon around the origin whose area is pi, shape (vertices, 2)."""
    angle = 2 * np.pi / vertices
    radius = np.sqrt(angle / np.sin(angle))
    at = np.arange(vertices) * angle
    circle: Float64s = radius * np.stack([np.cos(at), np.sin(at)], axis=1)
    return circle


def placed(shape: Float64s, half: tuple[float, float], centre: Sequence[float], angle: float = 0.0) -> Float64s:
    """Scale a shape around the origin, turn it by an angle in radians from x towards y, and move it."""
    cos, sin = np.cos(angle), np.sin(angle)
    with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is refused later
        ring: Float64s = (shape * half) @ np.array([(cos, sin), (-sin, cos)]) + np.asarray(centre)
    return ring


def _bounds(corners: npt.ArrayLike) -> tuple[Float64s, Float64s]:
    points = np.asarray(corners, dtype=np.float64)
    return points.min(axis=0), points.max(axis=0)


def _build(vertices: Float64s, ring_sizes: Int64s, ring_counts: Int64s) -> tuple[npt.NDArray[np.object_], Int64s]:
    """Return the polygons of some outlines, and the index of the outline of each."""
    ring_of, outline_of = (
        np.repeat(np.arange(len(ring_sizes)), ring_sizes),
        np.repeat(np.arange(len(ring_counts)), ring_counts),
    )
    ring_of, vertices = _without_repeats(ring_of, vertices)
    is_ring = np.bincount(ring_of, minlength=len(ring_sizes)) >= MIN_VERTICES
    is_shell = np.diff(outline_of, prepend=-1) != 0
    has_shell = np.zeros(len(ring_counts), dtype=np.bool_)
    has_shell[outline_of[is_shell & is_ring]] = True
    is_used = is_ring & has_shell[outline_of]
    if not is_used.any():
        return np.empty(0, dtype=np.object_), np.empty(0, dtype=np.int64)
    number, kept = np.cumsum(is_used) - 1, is_used[ring_of]
    rings = shapely.linearrings(vertices[kept], indices=number[ring_of[kept]])
    outlines, polygon_of = np.unique(outline_of[is_used], return_inverse=True)
    return shapely.polygons(rings, indices=polygon_of), outlines


def _without_repeats(ring_of: Int64s, vertices: Float64s) -> tuple[Int64s, Float64s]:
    """Drop each vertex that equals the one before in its ring, and a last one that equals the first."""
    if not len(vertices):
        return ring_of, vertices
    is_first = np.concatenate([[True], ring_of[1:] != ring_of[:-1]])
    is_repeat = np.concatenate([[False], (vertices[1:] == vertices[:-1]).all(axis=1)]) & ~is_first
    ring_of, vertices, is_first = ring_of[~is_repeat], vertices[~is_repeat], is_first[~is_repeat]
    firsts = np.flatnonzero(is_first)
    lasts = np.concatenate([firsts[1:], [len(ring_of)]]) - 1
    is_closed = (vertices[firsts] == vertices[lasts]).all(axis=1) & (firsts != lasts)
    kept = np.ones(len(ring_of), dtype=np.bool_)
    kept[lasts[is_closed]] = False
    return ring_of[kept], vertices[kept]
