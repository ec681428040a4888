"""GeoJSON as QuPath and others write it: features in any nesting, with the classes of each version of QuPath."""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any

import msgspec
import numpy as np
from msgspec import Raw
from msgspec.json import Decoder

from ratiopath.annotations.formats.json_text import DECODE_ERRORS, GEOJSON_TYPES, MAX_DEPTH, decode, is_list, too_deep
from ratiopath.annotations.formats.measurements import Measurement
from ratiopath.annotations.outlines import Outlines, ReadOptions
from ratiopath.errors import TruncatedError

BATCH_BYTES = 1 << 18
"""Text of coordinates that is converted at a time: what it becomes fits the caches."""
_LEGACY_KINDS = {
    "PathAnnotationObject": "annotation",
    "PathDetectionObject": "detection",
    "PathCellObject": "cell",
    "PathTileObject": "tile",
    "TMACoreObject": "tmacore",
    "PathRootObject": "root",
}
"""Kind of an object by its `id`, as QuPath 0.2 wrote it."""
_WITHOUT_AREA = GEOJSON_TYPES - {"FeatureCollection", "Feature", "GeometryCollection", "Polygon", "MultiPolygon"}
_NOTHING = Raw(b"")

_POLYGON: Sequence[Decoder[Any]] = (
    Decoder(list[list[tuple[float, float]]]),
    Decoder(list[list[tuple[float, float, Any]]]),
    Decoder(list[list[list[Any]]]),
)
"""Decoders of a polygon whose vertices are pairs, have anything as z, or hold anything."""
_MULTIPOLYGON: Sequence[Decoder[Any]] = (
    Decoder(list[list[list[tuple[float, float]]]]),
    Decoder(list[list[list[tuple[float, float, Any]]]]),
    Decoder(list[list[list[list[Any]]]]),
)

Rings = Sequence[Sequence[Sequence[float]]]
"""Coordinates of a polygon."""


class _Geometry(msgspec.Struct):
    type: str = ""
    coordinates: Raw = _NOTHING
    geometries: list[Raw] | None = None
    isEllipse: Any = False  # noqa: N815 - keys of the format


class _Properties(msgspec.Struct):
    classification: Raw = _NOTHING
    name: Any = None
    objectType: Any = None  # noqa: N815
    object_type: Any = None
    type: Any = None
    isMissing: Any = False  # noqa: N815
    measurements: Raw = _NOTHING
    childObjects: tuple[Raw, ...] | None = None  # noqa: N815
    children: tuple[Raw, ...] | None = None


class _Object(_Geometry):
    """A feature, a collection of features, or a bare geometry."""

    id: Any = None
    features: list[Raw] | None = None
    geometry: _Geometry | None = None
    nucleusGeometry: _Geometry | None = None  # noqa: N815
    properties: _Properties | None = None
    childObjects: tuple[Raw, ...] | None = None  # noqa: N815
    children: tuple[Raw, ...] | None = None


class _Class(msgspec.Struct):
    name: str | None = None
    names: list[str] | None = None
    parentClass: Raw = _NOTHING  # noqa: N815


_OBJECT = Decoder(_Object)
_RAWS = Decoder(list[Raw])


def read_geojson(content: bytes, outlines: Outlines, options: ReadOptions) -> None:
    """Add the polygons of GeoJSON.

    Args:
        content: Strict JSON.
        outlines: Outlines to add to.
        options: Options of reading.

    Raises:
        TruncatedError: It is no GeoJSON, or a coordinate is no finite number; names the feature by its place.
    """
    reader = _Reader(outlines, options)
    stack: list[Iterator[Raw]] = [iter([Raw(content)])]
    while stack:
        for raw in stack[-1]:
            if inside := reader.read(raw):
                if len(stack) > MAX_DEPTH:
                    raise too_deep(outlines.path)
                stack.append(iter(inside))
                break
        else:
            stack.pop()
    reader.finish()


class _Reader:
    """State of reading: polygons that wait for their conversion, and names that may stand for classes."""

    def __init__(self, outlines: Outlines, options: ReadOptions) -> None:
        self.outlines, self.options = outlines, options
        self.features = 0
        self.has_classes = False
        self.classes: dict[bytes, str] = {}
        self.names: list[str | None] = []
        self.labels: list[str] = []
        self.polygons: list[Rings] = []
        self.waiting_bytes = 0
        self.first = len(outlines.labels)
        self.measurement = None if options.measurement is None else Measurement(options.measurement, outlines.path)

    def read(self, raw: Raw) -> list[Raw]:
        """Read one object; return those inside it."""
        try:
            found = _OBJECT.decode(raw)
        except DECODE_ERRORS:
            kind: type[Any] = list[Raw] if is_list(raw) else _Object
            elements: list[Raw] = decode(raw, kind, self.outlines.path, self._place)
            return elements
        if found.type == "FeatureCollection":
            if found.features is None:
                problem = f"{self.outlines.path!r} has a FeatureCollection without features"
                raise TruncatedError(problem, path=self.outlines.path, hint="export it again")
            return found.features
        self.features += 1
        if found.type != "Feature":
            self._read_geometry(found, "", None)
            return []
        properties = found.properties or _Properties()
        self._read_feature(found, properties)
        inside = (found.childObjects, found.children, properties.childObjects, properties.children)
        return [child for children in inside if children for child in children]

    def finish(self) -> None:
        """Convert what is left; where no object has a class, names stand for classes."""
        self._convert()
        if self.measurement is not None:
            if len(self.outlines.labels) > self.first:
                self.measurement.require_known()
        elif not self.has_classes:
            self.outlines.labels[self.first :] = [(name or "").strip() for name in self.names]

    @property
    def _place(self) -> str:
        return f"feature {self.features}" if self.features else ""

    def _damaged(self, finding: str) -> TruncatedError:
        problem = f"{self.outlines.path!r} has a feature (number {self.features}) that {finding}"
        return TruncatedError(problem, path=self.outlines.path, hint="correct the file, or export it again")

    def _read_feature(self, feature: _Object, properties: _Properties) -> None:
        if self.measurement is None:
            label = self._label(properties.classification)
        else:
            label = self.measurement.label(properties.measurements, self._place)
        kind = properties.objectType or properties.object_type or properties.type or _LEGACY_KINDS.get(str(feature.id))
        kind = str(kind or "annotation").lower().replace("_", "")
        geometry = feature.geometry
        if self.options.part == "nucleus" and (kind == "cell" or feature.nucleusGeometry):
            geometry = feature.nucleusGeometry
            if geometry is None:
                self.outlines.ignore("cell without nucleus")
                return
        if kind == "root":
            return
        if kind == "tmacore" and properties.isMissing is True:
            self.outlines.ignore("missing TMA core")
        elif geometry is None:
            self.outlines.ignore("feature without geometry")
        else:
            name = properties.name if kind == "annotation" and isinstance(properties.name, str) else None
            self._read_geometry(geometry, label, name)

    def _read_geometry(self, geometry: _Geometry, label: str, name: str | None) -> None:
        if geometry.type == "Polygon":
            [rings] = self._coordinates(geometry, _POLYGON)
            self._add(geometry, rings, label, name)
        elif geometry.type == "MultiPolygon":
            if len(memoryview(geometry.coordinates)) > BATCH_BYTES and (parts := self._split(geometry)):
                for part in parts:
                    self._read_geometry(part, label, name)
                return
            for rings in self._coordinates(geometry, _MULTIPOLYGON):
                self._add(geometry, rings, label, name)
        elif geometry.type == "GeometryCollection":
            for part in self._parts(geometry):
                self._read_geometry(part, label, name)
        elif geometry.type in _WITHOUT_AREA:
            self.outlines.ignore(geometry.type)
        else:
            raise self._damaged(f"is of an unknown type, {geometry.type!r}" if geometry.type else "has no type")

    def _parts(self, collection: _Geometry) -> Iterator[_Geometry]:
        """Iterate over the geometries of a collection and of those inside it."""
        stack = [iter([collection])]
        while stack:
            part = next(stack[-1], None)
            if part is None:
                stack.pop()
            elif part.type != "GeometryCollection":
                yield part
            elif len(stack) > MAX_DEPTH:
                raise too_deep(self.outlines.path)
            elif part.geometries is None:
                raise self._damaged("is a GeometryCollection without geometries")
            else:
                stack.append(decode(raw, _Geometry, self.outlines.path, self._place) for raw in part.geometries)

    def _split(self, geometry: _Geometry) -> list[_Geometry]:
        """Return the polygons of a large MultiPolygon, such as all cells of a class, none if it is damaged."""
        try:
            polygons = _RAWS.decode(geometry.coordinates)
        except DECODE_ERRORS:
            return []
        return [_Geometry("Polygon", raw, isEllipse=geometry.isEllipse) for raw in polygons]

    def _coordinates(self, geometry: _Geometry, decoders: Sequence[Decoder[Any]]) -> Sequence[Rings]:
        """Decode the coordinates of polygons, of pairs in most files; what follows y is dropped."""
        self.waiting_bytes += len(memoryview(geometry.coordinates))
        if geometry.coordinates is _NOTHING:
            raise self._damaged("has no coordinates")
        for index, decoder in enumerate(decoders):
            try:
                found = decoder.decode(geometry.coordinates)
            except DECODE_ERRORS as error:
                reason = str(error).rpartition(" - ")[2]
                continue
            polygons = found if decoders is _MULTIPOLYGON else [found]
            if not index:
                return polygons
            pair: Callable[[Any], tuple[float, float]] = self._pair if decoder is decoders[-1] else itemgetter(0, 1)
            return [[[pair(vertex) for vertex in ring] for ring in rings] for rings in polygons]
        raise self._damaged(f"has a coordinate that is NaN, infinite or no number ({reason})")

    def _pair(self, vertex: list[Any]) -> tuple[float, float]:
        """Return x and y of a vertex that may hold anything."""
        if len(vertex) < 2:  # noqa: PLR2004 - x and y
            raise self._damaged("has coordinates without y")
        x, y = vertex[:2]
        for value in (x, y):
            if type(value) not in (float, int):
                found = f" ({value!r:.40})" if value else ""
                raise self._damaged(f"has a coordinate that is NaN, infinite or no number{found}")
        return x, y

    def _add(self, geometry: _Geometry, rings: Rings, label: str, name: str | None) -> None:
        self.names.append(name)
        if geometry.isEllipse is True and len(rings) == 1 and rings[0]:
            self._convert()
            self.outlines.add_ellipse(label, rings[0])
            return
        self.labels.append(label)
        self.polygons.append(rings)
        if self.waiting_bytes > BATCH_BYTES:
            self._convert()

    def _convert(self) -> None:
        """Add the polygons that wait."""
        rings = list(chain.from_iterable(self.polygons))
        sizes = list(map(len, rings))
        numbers = chain.from_iterable(chain.from_iterable(rings))
        vertices = np.fromiter(numbers, np.float64, 2 * sum(sizes)).reshape(-1, 2)
        self.outlines.add_many(self.labels, vertices, sizes, list(map(len, self.polygons)))
        self.labels, self.polygons, self.waiting_bytes = [], [], 0

    def _label(self, raw: Raw) -> str:
        """Return the text of a class, "" if there is none."""
        key = bytes(raw)
        if key not in self.classes:
            names: list[str] = []
            while raw and bytes(raw) != b"null":
                if bytes(raw).startswith(b'"'):
                    names.append(decode(raw, str, self.outlines.path, self._place))
                    break
                found = decode(raw, _Class, self.outlines.path, self._place)
                names = (found.names or ([found.name] if found.name else [])) + names
                raw = found.parentClass
            self.classes[key] = ": ".join(name.strip() for name in names)
        label = self.classes[key]
        self.has_classes = self.has_classes or bool(label)
        return label
