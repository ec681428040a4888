"""What is measured: the same tiles over the same mask, counted by us, by peers, and the floor under all.

Each subject is a function of a `Job`; it returns counts per tile as (tiles, 256) or None where it only decodes. Peers
count with `np.bincount`, ten times faster than the `np.unique` they would reach for.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import imagecodecs
import numpy as np
import pyarrow as pa
import ray.data
import shapely
import tifffile
from ray.data.expressions import col

from ratiopath.coverage import Overlaps
from ratiopath.geometry import Extent, Mpp
from ratiopath.grid import grid_columns
from ratiopath.roi import Roi
from ratiopath.slides import open_slide
from ratiopath.tiling import tile_overlay_overlap
from ratiopath.tiling.measure import measure_overlaps

TILE = 512
SLIDE_MPP = 0.5
_DECODERS = {
    tifffile.COMPRESSION.ADOBE_DEFLATE: imagecodecs.deflate_decode,
    tifffile.COMPRESSION.DEFLATE: imagecodecs.deflate_decode,
    tifffile.COMPRESSION.LZW: imagecodecs.lzw_decode,
    tifffile.COMPRESSION.ZSTD: imagecodecs.zstd_decode,
}


@dataclass(frozen=True, slots=True)
class Job:
    """Tiles of 512 px at 0.5 µm/px over one mask."""

    path: Path
    """The mask."""
    roi: shapely.Geometry
    """In pixels of the tile."""
    x: np.ndarray
    """Left edges of the tiles, int64."""
    y: np.ndarray
    """Top edges."""

    @classmethod
    def of(cls, path: Path, roi: shapely.Geometry, stride: int, limit: int | None = None) -> "Job":
        """The grid over a whole mask, or its first tiles."""
        with open_slide(str(path)) as mask:
            extent, mpp = mask.pyramid.levels[0].extent, mask.pyramid.mpp
        slide = (int(extent.width * mpp.x / SLIDE_MPP), int(extent.height * mpp.y / SLIDE_MPP))
        x, y = grid_columns(slide, (TILE, TILE), (stride, stride))
        return cls(path, roi, x[:limit], y[:limit])

    def windows(self) -> tuple[np.ndarray, np.ndarray, Extent, np.ndarray | None]:
        """Corners, size and ROI mask in pixels of the mask, as every peer that counts exactly must work them out."""
        with open_slide(str(self.path)) as mask:
            scale = SLIDE_MPP / mask.pyramid.mpp.x
        size = max(1, int(TILE * scale + 0.5))
        extent = Extent(size, size)
        x, y = (np.floor(axis * scale + 0.5).astype(np.int64) for axis in (self.x, self.y))
        return x, y, extent, Roi(self.roi).mask(extent)

    def table(self) -> pa.Table:
        """The tiles as a Ray expression takes them."""
        rows = len(self.x)
        return pa.table(
            {
                "overlay": pa.repeat(str(self.path), rows),
                "tile_x": self.x,
                "tile_y": self.y,
                "mpp": pa.repeat(SLIDE_MPP, rows),
            }
        )


def floor(job: Job) -> None:
    """Decode every TIFF tile once, one thread, into one buffer: nothing that reads the mask can be faster."""
    with tifffile.TiffFile(job.path) as tiff:
        page, file = tiff.pages.first, tiff.filehandle
        buffer = np.empty(page.tilewidth * page.tilelength * page.dtype.itemsize, dtype=np.uint8)
        decode = _DECODERS.get(page.compression)
        for offset, size in zip(page.dataoffsets, page.databytecounts, strict=True):
            file.seek(offset)
            encoded = file.read(size)
            if decode is None:
                imagecodecs.jpeg8_decode(encoded, tables=page.jpegtables)
            else:
                decode(encoded, out=buffer)


def ours(job: Job) -> Overlaps:
    """The engine in this process."""
    with open_slide(str(job.path)) as mask:
        x, y = job.x.astype(np.float64), job.y.astype(np.float64)
        return measure_overlaps(mask, x, y, Mpp.of(SLIDE_MPP), Roi(job.roi))


def ours_through_ray(job: Job, rows_per_block: int = 16_384) -> None:
    """The column expression on a dataset of blocks in the order of the grid."""
    table = job.table()
    blocks = [table.slice(start, rows_per_block) for start in range(0, table.num_rows, rows_per_block)]
    overlap = tile_overlay_overlap(job.roi, col("overlay"), col("tile_x"), col("tile_y"), col("mpp"), col("mpp"))
    ray.data.from_arrow(blocks).with_column("overlap", overlap, num_cpus=1).materialize()


def tifffile_whole(job: Job) -> np.ndarray:
    """The mask read into memory by tifffile; a slice per tile."""
    return _sliced(job, tifffile.imread(job.path, key=0))


def pyvips_regions(job: Job) -> np.ndarray:
    """A pyvips region per tile: the fastest of the peers, in bounded memory."""
    import pyvips  # noqa: PLC0415 - optional

    image = pyvips.Image.new_from_file(str(job.path))
    region = pyvips.Region.new(image)

    def fetch(left: int, top: int, width: int, height: int) -> np.ndarray:
        return np.frombuffer(region.fetch(left, top, width, height), np.uint8).reshape(height, width)

    return _fetched(job, fetch, (image.height, image.width))


def rasterio_windows(job: Job) -> np.ndarray:
    """A rasterio window per tile, GDAL's block cache below."""
    import rasterio  # noqa: PLC0415 - optional
    from rasterio.windows import Window  # noqa: PLC0415 - optional

    with rasterio.open(job.path) as image:

        def fetch(left: int, top: int, width: int, height: int) -> np.ndarray:
            return image.read(1, window=Window(left, top, width, height))

        return _fetched(job, fetch, image.shape)


def _sliced(job: Job, image: np.ndarray) -> np.ndarray:
    return _fetched(job, lambda x, y, width, height: image[y : y + height, x : x + width], image.shape)


def _fetched(job: Job, fetch: Callable[[int, int, int, int], np.ndarray], shape: tuple[int, int]) -> np.ndarray:
    """Count each tile by itself."""
    left, top, extent, inside = job.windows()
    counts = np.zeros((len(left), 256), dtype=np.int64)
    for tile, (x, y) in enumerate(zip(left.tolist(), top.tolist(), strict=True)):
        width, height = min(extent.width, shape[1] - x), min(extent.height, shape[0] - y)
        if width > 0 and height > 0:
            pixels = fetch(x, y, width, height)
            counts[tile] = np.bincount(
                pixels.ravel() if inside is None else pixels[inside[:height, :width]], minlength=256
            )
    return counts


def available() -> dict[str, Callable[[Job], object]]:
    """The subjects that can run here, by name."""
    subjects: dict[str, Callable[[Job], object]] = {
        "decode floor": floor,
        "ours, in process": ours,
        "ours, through Ray": ours_through_ray,
        "tifffile, whole": tifffile_whole,
    }
    if find_spec("pyvips"):
        subjects["pyvips, regions"] = pyvips_regions
    if find_spec("rasterio"):
        subjects["rasterio, windows"] = rasterio_windows
    return subjects
