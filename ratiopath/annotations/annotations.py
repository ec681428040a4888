"""The valid polygons of an annotation file in pixels of level 0, with a report of what was repaired and left out."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import shapely

from ratiopath.annotations.crossings import require_repairable
from ratiopath.annotations.outlines import Outlines
from ratiopath.geometry import Float64s, Int64s

NO_AREA = "outline without area"
"""Kind under which outlines without an area are counted among the ignored objects."""


@dataclass(frozen=True, slots=True)
class Annotations:
    """Polygons with labels, a row per part; frame: pixels of level 0, x right, y down, (0, 0) the corner of a pixel."""

    path: str
    """The file."""
    labels: tuple[str, ...]
    """Distinct labels, sorted; an empty one stands for outlines without a label."""
    label_index: npt.NDArray[np.int32]
    """Index into `labels` of each polygon."""
    polygons: npt.NDArray[np.object_]
    """shapely Polygons, valid and with an area > 0, in the order of the file."""
    layer: npt.NDArray[np.int32]
    """Layer of each polygon: a negative one is subtracted from the positive ones of its layer."""
    is_negative: npt.NDArray[np.bool_]
    """True for each polygon that is subtracted."""
    outline: Int64s
    """Index in the file of the outline that each polygon is a part of."""
    repaired: int
    """Number of outlines that were invalid, such as self-intersecting ones."""
    area_changed: float
    """Sum of the changes of their areas by the repair, absolute, px²."""
    ignored: Mapping[str, int]
    """Number of objects without an area, by kind, such as LineString."""

    def __len__(self) -> int:
        return len(self.polygons)

    @classmethod
    def of(
        cls,
        outlines: Outlines,
        scale: tuple[float, float] = (1.0, 1.0),
        offset: tuple[float, float] = (0.0, 0.0),
    ) -> Self:
        """Place outlines at `coordinate * scale + offset` and repair them.

        An invalid outline is repaired by `shapely.make_valid(method="structure", keep_collapsed=False)`: an area that
        a stroke encloses twice is inside.

        Raises:
            TruncatedError: A coordinate is not finite.
            UnsupportedFormatError: Outlines cross themselves too often to be repaired.
        """
        built, outline = outlines.polygons(scale, offset)
        is_invalid = ~shapely.is_valid(built)
        require_repairable(outlines.path, built[is_invalid], outline[is_invalid], outlines.labels)
        before = shapely.area(built[is_invalid])
        built[is_invalid] = shapely.make_valid(built[is_invalid], method="structure", keep_collapsed=False)
        after = shapely.area(built[is_invalid])
        polygons, part_of = polygon_parts(built)
        outline = outline[part_of]
        labels = tuple(sorted(set(outlines.labels)))
        index_of = {label: index for index, label in enumerate(labels)}
        label_index = np.array([index_of[label] for label in outlines.labels], dtype=np.int32)
        ignored = Counter(outlines.ignored)
        if without := len(outlines.labels) - len(np.unique(outline)):
            ignored[NO_AREA] += without
        return cls(
            outlines.path,
            labels,
            label_index[outline],
            polygons,
            np.array(outlines.layers, dtype=np.int32)[outline],
            np.array(outlines.is_negative, dtype=np.bool_)[outline],
            outline,
            outlines.repaired + int(np.count_nonzero(is_invalid)),
            outlines.area_changed * abs(scale[0] * scale[1]) + float(np.abs(after - before).sum()),
            dict(sorted(ignored.items())),
        )

    @property
    def bounds(self) -> Float64s:
        """Bounding box (minx, miny, maxx, maxy) of all polygons in px; NaN if there are none."""
        bounds: Float64s = shapely.total_bounds(self.polygons) if len(self) else np.full(4, np.nan)
        return bounds


def polygon_parts(geometries: npt.NDArray[np.object_]) -> tuple[npt.NDArray[np.object_], Int64s]:
    """Return the polygons with an area among the parts of each geometry, and the index of the geometry of each."""
    is_polygon = shapely.get_type_id(geometries) == shapely.GeometryType.POLYGON  # parts of these would be copies
    multi, geometry_of = shapely.get_parts(geometries[~is_polygon], return_index=True)
    parts, multi_of = shapely.get_parts(multi, return_index=True)  # a repair may give a collection with multipolygons
    owner = np.concatenate([np.flatnonzero(is_polygon), np.flatnonzero(~is_polygon)[geometry_of[multi_of]]])
    order = np.argsort(owner, kind="stable")
    parts, owner = np.concatenate([geometries[is_polygon], parts])[order], owner[order]
    has_area = (shapely.get_type_id(parts) == shapely.GeometryType.POLYGON) & (shapely.area(parts) > 0)
    return parts[has_area], owner[has_area]
