"""The area rule against the centre rule and against exactextract, on tiles that begin inside pixels."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.util import find_spec

import numpy as np
import shapely
import tifffile
from shapely import affinity
from shapely.geometry import mapping

from benchmarks.job import ROIS, SLIDE_MPP, Job
from ratiopath.counting.shares import Shares
from ratiopath.geometry import Mpp
from ratiopath.overlays import OverlaySettings, TileWindows, open_overlay
from ratiopath.roi import Roi

AREA, CENTRE, EXACTEXTRACT = "area rule", "centre rule", "exactextract"
SHIFT = np.array([1.3, 2.7])
"""Distance of the tiles from the grid along x and y, in pixels of the slide."""
CLIPPED = 3
"""Tiles that are compared with clipping every pixel."""
TOLERANCE = {"clipping": 1e-9, EXACTEXTRACT: 1e-6}
"""Largest difference of a share; exactextract weighs pixels in float32."""


@dataclass(frozen=True, slots=True)
class AreaJob:
    """Tiles over a mask, at fractions of its pixels."""

    job: Job
    """The tiles, without their shift."""
    stretch: float = 1.0
    """Distance between tiles, in distances of the grid."""

    @property
    def corners(self) -> tuple[np.ndarray, np.ndarray]:
        """Corners of the tiles in pixels of the slide."""
        return self.job.x * self.stretch + SHIFT[0], self.job.y * self.stretch + SHIFT[1]

    def ours(self, counting: str) -> Shares:
        """Measure by one of the rules."""
        with open_overlay(str(self.job.path), OverlaySettings(counting=counting)) as mask:
            return mask.shares(TileWindows(*self.corners, Mpp.of(SLIDE_MPP), Roi(ROIS[self.job.roi])))

    def image(self) -> np.ndarray:
        """Read the whole mask."""
        return tifffile.imread(self.job.path, key=0)

    def placed(self) -> list[shapely.Geometry]:
        """Place the ROI at every tile, in pixels of the mask."""
        with open_overlay(str(self.job.path)) as mask:
            scale = SLIDE_MPP / mask.mpp.x
        roi = affinity.scale(ROIS[self.job.roi], scale, scale, origin=(0, 0))
        x, y = (corner * scale for corner in self.corners)
        return [affinity.translate(roi, *at) for at in zip(x.tolist(), y.tolist(), strict=True)]

    def exactextract(self) -> list[dict[str, float]]:
        """Pass exactextract a polygon per tile: shares by value."""
        from exactextract import exact_extract  # noqa: PLC0415 - optional
        from exactextract.raster import NumPyRasterSource  # noqa: PLC0415 - optional

        image = self.image()
        height, width = image.shape
        upwards = [affinity.affine_transform(one, [1, 0, 0, -1, 0, height]) for one in self.placed()]
        features = [{"type": "Feature", "properties": {}, "geometry": mapping(one)} for one in upwards]
        source = NumPyRasterSource(image, 0, 0, width, height)
        found = [row["properties"] for row in exact_extract(source, features, ["unique", "frac"])]
        return [dict(zip(map(str, row["unique"]), row["frac"], strict=True)) for row in found]

    def clipped(self) -> list[dict[str, float]]:
        """Clip every pixel of a few tiles by shapely: shares by value."""
        image, rows = self.image(), []
        for roi in self.placed():
            minx, miny, maxx, maxy = roi.bounds
            rows_at, columns_at = np.arange(int(miny), int(maxy) + 1), np.arange(int(minx), int(maxx) + 1)
            rows_at, columns_at = rows_at[rows_at < image.shape[0]], columns_at[columns_at < image.shape[1]]
            y, x = (axis.ravel() for axis in np.meshgrid(rows_at, columns_at, indexing="ij"))
            area = shapely.area(shapely.intersection(shapely.box(x, y, x + 1, y + 1), roi))
            sums = np.bincount(image[y, x], weights=area)
            rows.append({str(value): sums[value] / sums.sum() for value in np.flatnonzero(sums)})
        return rows

    def subset(self, tiles: int) -> "AreaJob":
        """Choose some random tiles."""
        sample = self.job.sample()
        return replace(self, job=replace(sample, x=sample.x[:tiles], y=sample.y[:tiles]))


def subjects(job: AreaJob) -> dict[str, Callable[[], object]]:
    """Return what is timed, by name; exactextract if it is installed."""
    peers = {EXACTEXTRACT: job.exactextract} if find_spec("exactextract") else {}
    return {CENTRE: lambda: job.ours("centre"), AREA: lambda: job.ours("area"), **peers}


def difference(job: AreaJob) -> str | None:
    """Compare some tiles with clipping and with exactextract; describe the first difference."""
    for who, tiles in (("clipping", CLIPPED), (EXACTEXTRACT, job.subset(1 << 30).job.x.size)):
        if who == EXACTEXTRACT and not find_spec("exactextract"):
            continue
        some = job.subset(tiles)
        others = some.clipped() if who == "clipping" else some.exactextract()
        for tile, (found, other) in enumerate(zip(_named(some.ours("area")), others, strict=True)):
            for value in found.keys() | other.keys():
                if abs(found.get(value, 0) - other.get(value, 0)) > TOLERANCE[who]:
                    return f"tile {tile} has {found}, {who} says {other}"
    return None


def _named(found: Shares) -> list[dict[str, float]]:
    rows: list[dict[str, float]] = [{} for _ in range(len(found))]
    for row, key, share in zip(found.rows.tolist(), found.key_index.tolist(), found.fractions.tolist(), strict=True):
        rows[row][found.keys[key]] = share
    return rows
