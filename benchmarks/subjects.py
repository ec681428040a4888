"""The subjects measured in this process: the decode floor, the engine, and the peers that are installed.

Each counts the values in every tile of a `Job`. Peers count with `np.bincount`, ten times faster than the `np.unique`
they would reach for, and take whatever mask is uint8 with one channel.
"""

from collections.abc import Callable
from importlib.util import find_spec

import imagecodecs
import numpy as np
import tifffile
from shapely import affinity
from shapely.geometry import mapping

from benchmarks.job import ROIS, SLIDE_MPP, TILE, Job
from ratiopath.counting.value_counts import ValueCounts
from ratiopath.geometry import Mpp
from ratiopath.overlays import TileWindows, open_overlay
from ratiopath.roi import Roi
from ratiopath.slides import open_slide

FLOOR, OURS = "decode floor", "ours, in process"
Subject = Callable[[Job], object]
_DECODERS = {
    tifffile.COMPRESSION.ADOBE_DEFLATE: imagecodecs.deflate_decode,
    tifffile.COMPRESSION.DEFLATE: imagecodecs.deflate_decode,
    tifffile.COMPRESSION.LZW: imagecodecs.lzw_decode,
    tifffile.COMPRESSION.ZSTD: imagecodecs.zstd_decode,
}


def floor(job: Job) -> None:
    """Decode every TIFF tile once, one thread, into one buffer: nothing that reads every tile can be faster."""
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


def ours(job: Job) -> ValueCounts:
    """Count with the engine."""
    x, y = job.x.astype(np.float64), job.y.astype(np.float64)
    with open_overlay(str(job.path)) as mask:
        return mask.shares(TileWindows(x, y, Mpp.of(SLIDE_MPP), Roi(ROIS[job.roi])))


def named(found: ValueCounts) -> list[dict[str, int]]:
    """Convert counts to a dict by name per tile."""
    rows: list[dict[str, int]] = [{} for _ in range(len(found))]
    for row, key, count in zip(found.rows.tolist(), found.key_index.tolist(), found.counts.tolist(), strict=True):
        rows[row][found.keys[key]] = count
    return rows


def tifffile_whole(job: Job) -> np.ndarray:
    """Read the mask into memory by tifffile; slice it per tile."""
    image = tifffile.imread(job.path, key=0)
    return _fetched(job, lambda x, y, width, height: image[y : y + height, x : x + width], image.shape)


def pyvips_regions(job: Job) -> np.ndarray:
    """Fetch a pyvips region per tile: the fastest of the peers, in bounded memory."""
    import pyvips  # noqa: PLC0415 - optional

    image = pyvips.Image.new_from_file(str(job.path))
    region = pyvips.Region.new(image)

    def fetch(left: int, top: int, width: int, height: int) -> np.ndarray:
        return np.frombuffer(region.fetch(left, top, width, height), np.uint8).reshape(height, width)

    return _fetched(job, fetch, (image.height, image.width))


def rasterio_windows(job: Job) -> np.ndarray:
    """Read a rasterio window per tile, with GDAL's block cache below."""
    import rasterio  # noqa: PLC0415 - optional
    from rasterio.windows import Window  # noqa: PLC0415 - optional

    with rasterio.open(job.path) as image:

        def fetch(left: int, top: int, width: int, height: int) -> np.ndarray:
            return image.read(1, window=Window(left, top, width, height))

        return _fetched(job, fetch, image.shape)


def exactextract_polygons(job: Job) -> object:
    """Pass exactextract a polygon per tile; it weights each pixel by its share inside."""
    from exactextract import exact_extract  # noqa: PLC0415 - optional
    from exactextract.raster import NumPyRasterSource  # noqa: PLC0415 - optional

    image = tifffile.imread(job.path, key=0)
    height, width = image.shape
    scale = job.windows()[2].width / TILE
    patch = affinity.scale(ROIS[job.roi], scale, -scale, origin=(0, 0))  # there y counts upwards
    features = [
        {"type": "Feature", "properties": {}, "geometry": mapping(affinity.translate(patch, x, height - y))}
        for x, y in zip((job.x * scale).tolist(), (job.y * scale).tolist(), strict=True)
    ]
    return exact_extract(NumPyRasterSource(image, 0, 0, width, height), features, ["unique", "frac"])


def hs2p_integral(job: Job) -> object:
    """Compute the share that is not 0 by hs2p's integral image over the whole mask."""
    from hs2p.tiling.coverage import compute_tile_coverage  # noqa: PLC0415 - optional

    image = tifffile.imread(job.path, key=0)
    scale = TILE / job.windows()[2].width
    slide = (round(image.shape[1] * scale), round(image.shape[0] * scale))
    candidates = np.stack([job.x, job.y], axis=1)
    return compute_tile_coverage(candidates=candidates, binary_mask=image, tile_size_lv0=TILE, slide_dimensions=slide)


def _fetched(job: Job, fetch: Callable[[int, int, int, int], np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    """Count each tile by itself; (tiles, 256)."""
    left, top, extent, inside = job.windows()
    counts = np.zeros((len(left), 256), dtype=np.int64)
    for tile, (x, y) in enumerate(zip(left.tolist(), top.tolist(), strict=True)):
        width, height = min(extent.width, shape[1] - x), min(extent.height, shape[0] - y)
        if width > 0 and height > 0:
            pixels = fetch(x, y, width, height)
            seen = pixels.ravel() if inside is None else pixels[inside[:height, :width]]
            counts[tile] = np.bincount(seen, minlength=256)
    return counts


PEERS: dict[str, tuple[str, Subject]] = {
    "tifffile, whole": ("tifffile", tifffile_whole),
    "pyvips, regions": ("pyvips", pyvips_regions),
    "rasterio, windows": ("rasterio", rasterio_windows),
    "exactextract, polygons": ("exactextract", exactextract_polygons),
    "hs2p, integral image": ("hs2p", hs2p_integral),
}
"""Peers by name, and the module each needs."""
ONCE = {"exactextract, polygons", "hs2p, integral image"}
"""Slow subjects: one run on a box suffices."""
MAX_PIXELS = 1 << 30


def subjects(job: Job, *, peers: bool) -> dict[str, Subject]:
    """Select the subjects of a job by name; peers only on uint8 masks of one channel that fit into memory."""
    with open_slide(str(job.path)) as mask:
        extent = mask.pyramid.levels[0].extent
        fits = mask.dtype == np.uint8 and mask.channels == 1 and extent.width * extent.height <= MAX_PIXELS
    others = {
        name: subject
        for name, (module, subject) in PEERS.items()
        if peers and fits and find_spec(module) and (job.roi == "box" or name not in ONCE)
    }
    return {FLOOR: floor, OURS: ours, **others}
