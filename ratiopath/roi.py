"""The region of interest: a polygon relative to the tile, rasterised on a patch's pixel grid."""

import math
import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

from ratiopath.errors import RoiError
from ratiopath.geometry import Extent


@dataclass(frozen=True, slots=True)
class Roi:
    """A (multi)polygon in tile space relative to the tile: (0, 0) is the tile's top-left corner.

    It may be smaller or larger than the tile, have holes and negative or fractional coordinates.
    """

    polygon: BaseGeometry
    """A valid, non-empty shapely Polygon or MultiPolygon with finite coordinates and an area > 0, in tile pixels."""

    def __post_init__(self) -> None:
        hint = "pass a shapely Polygon or MultiPolygon in pixels of the tile, such as shapely.box(0, 0, 512, 512)"
        if not isinstance(self.polygon, shapely.Polygon | shapely.MultiPolygon):
            raise RoiError(f"invalid ROI: {type(self.polygon).__name__} is not a polygon; hint: {hint}")
        if self.polygon.is_empty:
            raise RoiError(f"invalid ROI: {self.polygon.wkt}; hint: {hint}")
        if not all(math.isfinite(bound) for bound in self.polygon.bounds):
            raise RoiError(f"invalid ROI: coordinates are not finite, bounds {self.polygon.bounds}; hint: {hint}")
        if not self.polygon.is_valid:
            reason = re.sub(r"\[(\S+) (\S+)\]$", r" at (\1, \2)", shapely.is_valid_reason(self.polygon))
            raise RoiError(f"invalid ROI: {reason[0].lower()}{reason[1:]}; hint: repair it with shapely.make_valid")
        if self.polygon.area <= 0:
            raise RoiError(f"invalid ROI: {self.polygon.wkt} has no area; hint: {hint}")

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Bounding box (minx, miny, maxx, maxy) in pixels of the tile."""
        minx, miny, maxx, maxy = self.polygon.bounds
        return minx, miny, maxx, maxy

    @property
    def is_box(self) -> bool:
        """True if the polygon is its bounding box."""
        return bool(self.polygon.equals(shapely.box(*self.bounds)))

    def mask(self, patch: Extent) -> npt.NDArray[np.bool_] | None:
        """Rasterise the polygon on a patch that spans its bounding box (docs/decisions/0001-mapping.md).

        Pixel (row i, column j) is inside iff its centre, mapped linearly back on the bounding box, lies in the
        polygon, border included.

        Args:
            patch: Size of the patch in overlay pixels.

        Returns:
            bool of shape (height, width), true inside; None if all pixels are inside, as for every box.
        """
        minx, miny, maxx, maxy = self.bounds
        if self.is_box:
            return None
        x = minx + (np.arange(patch.width) + 0.5) * (maxx - minx) / patch.width
        y = miny + (np.arange(patch.height) + 0.5) * (maxy - miny) / patch.height
        shapely.prepare(self.polygon)
        inside = np.empty((patch.height, patch.width), dtype=np.bool_)
        for row, y_centre in enumerate(y):  # a row at a time bounds the memory of the broadcast coordinates
            inside[row] = shapely.intersects_xy(self.polygon, x, y_centre)
        return None if inside.all() else inside
