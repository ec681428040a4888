"""The work to measure: tiles of 512 px at 0.5 µm/px over one mask."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import shapely
import tifffile

from ratiopath.geometry import Extent, Mpp
from ratiopath.grid import grid_columns
from ratiopath.plan import OverlayTransform
from ratiopath.roi import Roi
from ratiopath.slides import open_slide

TILE = 512
SLIDE_MPP = 0.5
ROIS = {"box": shapely.box(0, 0, TILE, TILE), "circle": shapely.Point(TILE / 2, TILE / 2).buffer(TILE / 2)}
CHECKED = 200
"""Number of random tiles that are compared with np.unique before anything is timed."""


@dataclass(frozen=True, slots=True)
class Job:
    """Tiles over a mask."""

    path: Path
    """File of the mask."""
    roi: str
    """Name of the region of interest."""
    x: np.ndarray
    """Left edges of the tiles, int64."""
    y: np.ndarray
    """Top edges."""

    @classmethod
    def of(cls, path: Path, roi: str = "box", stride: int = TILE) -> "Job":
        """Lay a grid over a whole mask."""
        with open_slide(str(path)) as mask:
            extent, mpp = mask.pyramid.levels[0].extent, mask.pyramid.mpp
        slide = (int(extent.width * mpp.x / SLIDE_MPP), int(extent.height * mpp.y / SLIDE_MPP))
        x, y = grid_columns(slide, (TILE, TILE), (stride, stride))
        return cls(path, roi, x, y)

    def windows(self) -> tuple[np.ndarray, np.ndarray, Extent, np.ndarray | None]:
        """Compute corners, size and ROI mask in pixels of the mask, as every exact subject has to."""
        roi = Roi(ROIS[self.roi])
        with open_slide(str(self.path)) as mask:
            windows = OverlayTransform.of(mask.pyramid, Mpp.of(SLIDE_MPP), roi).windows(
                self.x.astype(float), self.y.astype(float)
            )
        return windows.x, windows.y, windows.extent, roi.mask(windows.extent)

    def table(self) -> pa.Table:
        """Build the arguments of a Ray expression."""
        rows = len(self.x)
        columns = {"overlay": pa.repeat(str(self.path), rows), "tile_x": self.x, "tile_y": self.y}
        return pa.table({**columns, "mpp": pa.repeat(SLIDE_MPP, rows)})

    def sample(self) -> "Job":
        """Choose some random tiles."""
        chosen = np.random.default_rng(0).permutation(len(self.x))[:CHECKED]
        return Job(self.path, self.roi, self.x[chosen], self.y[chosen])

    def oracle(self) -> list[dict[str, int]]:
        """Count the values of each tile by np.unique on slices of the whole mask."""
        image = tifffile.imread(self.path, key=0)
        left, top, extent, inside = self.windows()
        return [
            _counts(image[y : y + extent.height, x : x + extent.width], inside)
            for x, y in zip(left.tolist(), top.tolist(), strict=True)
        ]


def _counts(pixels: np.ndarray, inside: np.ndarray | None) -> dict[str, int]:
    seen = np.ones(pixels.shape[:2], bool) if inside is None else inside[: pixels.shape[0], : pixels.shape[1]]
    colours = pixels[seen].reshape(np.count_nonzero(seen), 1 if pixels.ndim == 2 else pixels.shape[2])
    values, counts = np.unique(colours, axis=0, return_counts=True)
    names = [str(v[0]) if len(set(v)) == 1 else ",".join(map(str, v)) for v in values.tolist()]
    found: dict[str, int] = {}
    for name, count in zip(names, counts.tolist(), strict=True):
        found[name] = found.get(name, 0) + count
    return found
