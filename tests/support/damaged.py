"""Files that are written whole and then damaged, and what each ends as."""

from collections import Counter
from pathlib import Path

import numpy as np
import tifffile
from shapely import box

from ratiopath.errors import SlideError
from ratiopath.geometry import Extent
from ratiopath.overlays.overlay import TileWindows
from ratiopath.overlays.raster import RasterOverlay
from ratiopath.plan import Windows
from ratiopath.roi import Roi
from ratiopath.slides import open_slide
from ratiopath.slides.openslide_reader import OpenSlideReader
from ratiopath.slides.tiff.aperio import AperioReader
from ratiopath.slides.windows import cut_tiles
from tests.support.layouts import LAYOUTS, Raster

KINDS = (
    "tiles",
    "strips-of-7",
    "big-endian-strips-lzw",
    "bigtiff",
    "ome",
    "planes",
    "sparse",
    "jpeg",
    "aperio",
    "packbits",
)
SIZE = (96, 128)


def original(kind: str, path: Path, size: tuple[int, int] = SIZE) -> Path:
    rng = np.random.default_rng(0)
    if kind in ("aperio", "planes", "jpeg"):
        pixels = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
    else:
        pixels = np.kron(rng.integers(0, 4, (size[0] // 8, size[1] // 8)), np.ones((8, 8))).astype(np.uint8)
    LAYOUTS[kind].write(path, Raster((pixels,), (0.5, 0.5)))
    return path


def outcome(path: str) -> str:
    """What a file ends as; runs in a process of its own."""
    try:
        with open_slide(path) as reader:
            level = reader.pyramid.levels[0].extent
            if max(level.width, level.height) > 1 << 14:
                return "read as large"  # the header says so, and no pixel of it is asked for
            mpp = reader.pyramid.mpp
            if mpp is None:
                return "MissingMppError"  # what laying it over a tile would raise
            whole = Roi(box(0, 0, level.width, level.height))
            found = RasterOverlay(reader).shares(TileWindows(np.zeros(1), np.zeros(1), mpp, whole))
            counts = dict(zip(found.keys, found.counts.tolist(), strict=True))
            if reader.channels == 3 and reader.dtype == np.uint8:
                cut_tiles(reader, Windows(0, np.zeros(1, np.int64), np.zeros(1, np.int64), Extent(16, 16)))
    except (SlideError, MemoryError) as error:
        return type(error).__name__
    if tifffile_misreads(path):
        return "read"
    try:
        expected = tifffile_counts(path, is_scan=isinstance(reader, AperioReader | OpenSlideReader))
    except Exception as error:  # noqa: BLE001 - it names no set of errors
        return (
            f"tifffile: {type(error).__name__}"  # such as a byte count of 0: for tifffile an error, here a sparse tile
        )
    return "as tifffile" if counts == expected else f"otherwise: {counts}"


def tifffile_misreads(path: str) -> bool:
    """Whether a file is one that tifffile cannot judge when it is damaged.

    LZW it decodes with imagecodecs, which follows damage out of its own memory. Where a sparse tile has a place it
    takes the bytes of a later tile from there.
    """
    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages.first
        has_place = any(place and not size for place, size in zip(page.dataoffsets, page.databytecounts, strict=False))
        return has_place or page.compression == tifffile.COMPRESSION.LZW


def tifffile_counts(path: str, *, is_scan: bool) -> dict[str, int]:
    """What tifffile finds, but for the tiles that a scanner left out: they hold nothing."""
    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages[0]
        pixels = page.asarray()
        pixels = np.moveaxis(pixels, 0, -1) if page.axes.startswith("S") else pixels
        exists = np.ones(pixels.shape[:2], bool)
        if is_scan and page.is_tiled:
            columns = -(-page.imagewidth // page.tilewidth)
            for index in np.flatnonzero(np.equal(page.databytecounts, 0)):
                top, left = index // columns * page.tilelength, index % columns * page.tilewidth
                exists[top : top + page.tilelength, left : left + page.tilewidth] = False
    pixels = pixels.astype(np.uint8) if pixels.dtype == np.bool_ else pixels
    flat = pixels[exists].reshape(exists.sum(), -1)
    values, counts = np.unique(flat, axis=0, return_counts=True)
    named: Counter[str] = Counter()
    for value, count in zip(values.tolist(), counts.tolist(), strict=True):
        named[str(value[0]) if len(set(value)) == 1 else ",".join(map(str, value))] += count
    return dict(named)
