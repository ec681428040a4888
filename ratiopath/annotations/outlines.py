"""The outlines of an annotation file as drawn: rings of coordinates with labels, before frame and repair."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt
import shapely

from ratiopath.errors import TruncatedError
from ratiopath.geometry import Float64s, Int64s

Format = Literal["geojson", "asap", "imagescope", "halo", "ndpa", "wkt", "geoparquet", "darwin", "empaia", "dsa"]
"""Names of the formats in the configuration."""
LabelFrom = Literal["auto", "name", "attribute", "color", "text"]
"""Source of the label of an ImageScope annotation; auto takes the first that is not empty, in this order."""
Frame = Literal["pixels", "slide_centre"]
"""Frame of a file's coordinates: px of level 0 from a corner, or nm from the centre of the physical slide (NDPA)."""
ELLIPSE_VERTICES = 4096
"""Vertices of the polygon that stands for an ellipse of which only the box is stored; its area is the ellipse's."""
MIN_VERTICES = 3
"""Distinct vertices of a ring, at least."""


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


@dataclass(slots=True)
class Outlines:
    """Outlines of a file in the order of the file, in its own frame.

    Ring 0 of an outline is its shell, further rings are holes, closed or not, in any direction.
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
    rings: list[Float64s] = field(default_factory=list)
    """Vertices of each ring, float64, shape (vertices, 2)."""
    ring_counts: list[int] = field(default_factory=list)
    """Number of rings of each outline."""

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
        self.labels.append((label or "").strip())
        self.layers.append(layer)
        self.is_negative.append(is_negative)
        self.ring_counts.append(len(rings))
        for ring in rings:
            try:
                array = np.asarray(ring, dtype=np.float64)
            except (TypeError, ValueError, OverflowError):  # ragged, text, null
                raise self._damaged(len(self.labels) - 1, "are no pairs of numbers") from None
            if array.size and (array.ndim != 2 or array.shape[1] < 2):  # noqa: PLR2004 - x and y
                raise self._damaged(len(self.labels) - 1, "are no pairs of numbers")
            self.rings.append(array[:, :2] if array.size else np.empty((0, 2)))

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
        ring = (low + high) / 2 + unit_circle() * (high - low) / 2
        self.add(label, [ring], layer=layer, is_negative=is_negative)

    def add_geometry(
        self, label: str | None, geometry: shapely.Geometry, *, layer: int = 0, is_negative: bool = False
    ) -> None:
        """Add each polygon of a geometry, and count its other parts as ignored."""
        for part in shapely.get_parts(geometry).tolist():
            if isinstance(part, shapely.Polygon):
                rings = [ring.coords for ring in (part.exterior, *part.interiors)]
                self.add(label, [np.asarray(ring) for ring in rings], layer=layer, is_negative=is_negative)
            elif isinstance(part, shapely.GeometryCollection | shapely.MultiPolygon):
                self.add_geometry(label, part, layer=layer, is_negative=is_negative)
            else:
                self.ignore(part.geom_type)

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
        if not self.rings:
            return np.empty(0, dtype=np.object_), np.empty(0, dtype=np.int64)
        sizes = np.array([len(ring) for ring in self.rings])
        vertices, ring_of = np.concatenate(self.rings), np.repeat(np.arange(len(sizes)), sizes)
        outline_of = np.repeat(np.arange(len(self.labels)), self.ring_counts)
        is_finite = np.isfinite(vertices).all(axis=1)
        if not is_finite.all():
            raise self._damaged(int(outline_of[ring_of[is_finite.argmin()]]), "are not finite")
        vertices = vertices * scale + offset
        ring_of, vertices = _without_repeats(ring_of, vertices)
        is_ring = np.bincount(ring_of, minlength=len(sizes)) >= MIN_VERTICES
        is_shell = np.concatenate([[True], outline_of[1:] != outline_of[:-1]])
        has_shell = np.zeros(len(self.labels), dtype=np.bool_)
        has_shell[outline_of[is_shell & is_ring]] = True
        is_used = is_ring & has_shell[outline_of]
        if not is_used.any():
            return np.empty(0, dtype=np.object_), np.empty(0, dtype=np.int64)
        number = np.cumsum(is_used) - 1
        kept = is_used[ring_of]
        rings = shapely.linearrings(vertices[kept], indices=number[ring_of[kept]])
        outlines, polygon_of = np.unique(outline_of[is_used], return_inverse=True)
        return shapely.polygons(rings, indices=polygon_of), outlines

    def _damaged(self, outline: int, finding: str) -> TruncatedError:
        problem = f"{self.path!r} has an outline (number {outline + 1}) whose coordinates {finding}"
        return TruncatedError(problem, path=self.path, hint="correct the file, or export it again")


def unit_circle() -> Float64s:
    """Return a regular polygon around the origin whose area is pi, shape (ELLIPSE_VERTICES, 2)."""
    angle = 2 * np.pi / ELLIPSE_VERTICES
    radius = np.sqrt(angle / np.sin(angle))
    at = np.arange(ELLIPSE_VERTICES) * angle
    circle: Float64s = radius * np.stack([np.cos(at), np.sin(at)], axis=1)
    return circle


def _bounds(corners: npt.ArrayLike) -> tuple[Float64s, Float64s]:
    points = np.asarray(corners, dtype=np.float64)
    return points.min(axis=0), points.max(axis=0)


def _without_repeats(ring_of: Int64s, vertices: Float64s) -> tuple[Int64s, Float64s]:
    """Drop each vertex that equals the one before in its ring, and a last one that equals the first."""
    is_first = np.concatenate([[True], ring_of[1:] != ring_of[:-1]])
    is_repeat = np.concatenate([[False], (vertices[1:] == vertices[:-1]).all(axis=1)]) & ~is_first
    ring_of, vertices, is_first = ring_of[~is_repeat], vertices[~is_repeat], is_first[~is_repeat]
    firsts = np.flatnonzero(is_first)
    lasts = np.concatenate([firsts[1:], [len(ring_of)]]) - 1
    is_closed = (vertices[firsts] == vertices[lasts]).all(axis=1) & (firsts != lasts)
    kept = np.ones(len(ring_of), dtype=np.bool_)
    kept[lasts[is_closed]] = False
    return ring_of[kept], vertices[kept]
