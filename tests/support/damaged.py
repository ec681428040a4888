"""Whole files of each layout, and the outcome of reading a damaged one."""

import logging
import re
from collections import Counter
from pathlib import Path

import imagecodecs
import numpy as np
import tifffile
from PIL import Image
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
    "jpeg-strips",
    "aperio",
    "aperio-jpeg2000",
    "packbits",
    "group3",
    "group4",
)
SIZE = (96, 128)
_FAX = ("group3", "group4")
_CCITT = frozenset({2, 3, 4})
_HIDDEN = re.compile(r"JPEG|Premature|mismatch|code word|Not enough|Read error", re.IGNORECASE)
"""Words of the warnings of libtiff and libjpeg-turbo about a damaged stream, in contrast to those about tags."""


def original(kind: str, path: Path, size: tuple[int, int] = SIZE) -> Path:
    rng = np.random.default_rng(0)
    if kind in _FAX:
        bits = rng.integers(0, 2, (size[0] // 8, size[1] // 8)).repeat(8, 0).repeat(8, 1)
        Image.fromarray(bits.astype(bool)).save(path, format="TIFF", compression=kind, dpi=(50_800, 50_800))
        return path
    if kind in ("aperio", "aperio-jpeg2000", "planes", "jpeg", "jpeg-strips"):
        pixels = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
    else:
        pixels = np.kron(rng.integers(0, 4, (size[0] // 8, size[1] // 8)), np.ones((8, 8))).astype(np.uint8)
    LAYOUTS[kind].write(path, Raster((pixels,), (0.5, 0.5)))
    return path


def outcome(path: str) -> str:
    """Read a file and name the outcome; to be called in its own process."""
    try:
        with open_slide(path) as reader:
            level = reader.pyramid.levels[0].extent
            if max(level.width, level.height) > 1 << 14:
                return "read as large"  # by its header; reading its pixels would take too long
            mpp = reader.pyramid.mpp
            if mpp is None:
                return "MissingMppError"  # as the alignment with a tile would raise
            whole = Roi(box(0, 0, level.width, level.height))
            found = RasterOverlay(reader).shares(TileWindows(np.zeros(1), np.zeros(1), mpp, whole))
            counts = dict(zip(found.keys, found.counts.tolist(), strict=True))
            if reader.channels == 3 and reader.dtype == np.uint8:
                cut_tiles(reader, Windows(0, np.zeros(1, np.int64), np.zeros(1, np.int64), Extent(16, 16)))
    except (SlideError, MemoryError) as error:
        return type(error).__name__
    return judged(path, counts, is_scan=isinstance(reader, AperioReader | OpenSlideReader))


def judged(path: str, counts: dict[str, int], *, is_scan: bool) -> str:
    """Name the outcome of a file that was read by what other readers find in it."""
    if hidden := hidden_damage(path):
        return f"otherwise: read, although {hidden}"
    if tifffile_misreads(path):
        return "read"
    try:
        expected = tifffile_counts(path, is_scan=is_scan)
    except Exception as error:  # noqa: BLE001 - tifffile documents no set of errors
        return f"tifffile: {type(error).__name__}"  # such as a byte count of 0, which is a sparse tile here
    return "as tifffile" if counts == expected else f"otherwise: {counts}"


def hidden_damage(path: str) -> str | None:
    """Return what libtiff or libjpeg-turbo say of a damaged stream of CCITT or JPEG; None without such words."""
    with tifffile.TiffFile(path) as tiff:
        page = next((page for page in tiff.pages if page.subfiletype == 0), tiff.pages.first)
        if page.compression not in {*_CCITT, tifffile.COMPRESSION.JPEG}:
            return None
    said: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: said.append(record.getMessage())
    logging.getLogger("imagecodecs").addHandler(handler)
    try:
        imagecodecs.tiff_decode(Path(path).read_bytes(), index=page.index, verbose=1)
    except Exception as error:  # noqa: BLE001 - libtiff refuses more than damage, such as tags it does not know
        said.append(str(error))
    finally:
        logging.getLogger("imagecodecs").removeHandler(handler)
    return next((words for words in said if _HIDDEN.search(words)), None)


def tifffile_misreads(path: str) -> bool:
    """Return True if tifffile is no oracle for a damaged file of this kind.

    It decodes LZW with imagecodecs, which reads out of bounds in a damaged stream. For a sparse tile with an offset it
    takes the bytes of a later tile.
    """
    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages.first
        has_place = any(place and not size for place, size in zip(page.dataoffsets, page.databytecounts, strict=False))
        return has_place or page.compression == tifffile.COMPRESSION.LZW


def tifffile_counts(path: str, *, is_scan: bool) -> dict[str, int]:
    """Count values with tifffile, without the tiles that a scanner left out, since they hold no pixels."""
    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages[0]
        pixels = page.asarray() if page.compression not in _CCITT else libtiff_pixels(path)
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


def libtiff_pixels(path: str) -> np.ndarray:
    """Decode the first page by libtiff, since tifffile's decoder of CCITT hides damage."""
    pixels: np.ndarray = imagecodecs.tiff_decode(Path(path).read_bytes())
    return pixels
