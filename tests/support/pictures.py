"""PNGs of every colour type, depth and filter, written from the standard, and other pictures."""

import io
import struct
import zipfile
import zlib
from pathlib import Path

import imagecodecs
import numpy as np
import simplejpeg

from ratiopath.slides import SlideReader, open_slide
from tests.support.layouts import Raster

MAGIC = b"\x89PNG\r\n\x1a\n"
GREY, RGB, PALETTE, GREY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6
SAMPLES = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGB_ALPHA: 4}
FORMATS = [(GREY, 1), (GREY, 2), (GREY, 4), (PALETTE, 1), (PALETTE, 2), (PALETTE, 4), (PALETTE, 8)]
FORMATS += [(colours, depth) for colours in (GREY, RGB, GREY_ALPHA, RGB_ALPHA) for depth in (8, 16)]
"""Colour types and depths of the standard."""
ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
COLOURS = bytes(range(1, 256)) * 4


def chunk(kind: bytes, content: bytes = b"") -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def header(width: int, height: int, depth: int = 8, colours: int = GREY, interlace: int = 0) -> bytes:
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colours, 0, 0, interlace))


def rows(samples: np.ndarray, depth: int, filters: tuple[int, ...] = (0,)) -> bytes:
    """Filter and pack rows of shape (height, width, samples); the filters take turns."""
    height, width, number = samples.shape
    flat = samples.reshape(height, width * number).astype(np.uint16)
    if depth == 16:
        packed = flat.astype(">u2").view(np.uint8)
    else:
        bits = flat[..., None] >> np.arange(depth)[::-1] & 1
        packed = np.packbits(bits.reshape(height, -1).astype(np.uint8), axis=1)
    return _filtered(packed.astype(np.int64), max(1, number * depth // 8), filters)


def _filtered(packed: np.ndarray, pixel: int, filters: tuple[int, ...]) -> bytes:
    """Filter by the formulas of the standard: a is the byte of the pixel before, b the one above, c that before b."""
    done = []
    for number, row in enumerate(packed):
        above = packed[number - 1] if number else np.zeros_like(row)
        a, c = (np.concatenate([np.zeros(pixel, np.int64), line])[: len(line)] for line in (row, above))
        p = a + above - c
        pa, pb, pc = abs(p - a), abs(p - above), abs(p - c)
        paeth = np.where((pa <= pb) & (pa <= pc), a, np.where(pb <= pc, above, c))
        kind = filters[number % len(filters)]
        predicted = (np.zeros_like(row), a, above, (a + above) // 2, paeth)[kind]
        done.append(bytes([kind]) + ((row - predicted) % 256).astype(np.uint8).tobytes())
    return b"".join(done)


def png(
    samples: np.ndarray,
    depth: int = 8,
    colours: int = GREY,
    *,
    filters: tuple[int, ...] = (0,),
    is_interlaced: bool = False,
    before: bytes = b"",
    behind: bytes = b"",
    piece: int = 1 << 20,
) -> bytes:
    """Write a PNG.

    Args:
        samples: Numbers to store, shape (height, width) or (height, width, samples), alpha included.
        depth: Bits of a number.
        colours: Colour type.
        filters: Filters of the rows, which take turns.
        is_interlaced: True for Adam7.
        before: Chunks before the rows.
        behind: Chunks behind the rows.
        piece: Size of the IDAT chunks.
    """
    samples = samples.reshape(*samples.shape[:2], -1)
    passes = ADAM7 if is_interlaced else ((0, 0, 1, 1),)
    parts = [samples[y::dy, x::dx] for x, y, dx, dy in passes]
    stream = zlib.compress(b"".join(rows(part, depth, filters) for part in parts if part.size))
    data = b"".join(chunk(b"IDAT", stream[i : i + piece]) for i in range(0, len(stream), piece))
    palette = chunk(b"PLTE", COLOURS[: 3 << depth]) if colours == PALETTE and b"PLTE" not in before else b""
    head = header(samples.shape[1], samples.shape[0], depth, colours, int(is_interlaced))
    return MAGIC + head + palette + before + data + behind + chunk(b"IEND")


def whole(reader: SlideReader) -> tuple[np.ndarray, np.ndarray]:
    """Read all chunks of a picture: its pixels, and the mask of those that exist."""
    extent, part = reader.pyramid.levels[0].extent, reader.chunk_extent(0)
    columns, bands = -(-extent.width // part.width), -(-extent.height // part.height)
    chunks = [[reader.read_chunk(0, column, row) for column in range(columns)] for row in range(bands)]
    pixels = np.concatenate([np.concatenate([one.pixels for one in row], 1) for row in chunks], 0)
    exists = [
        [np.ones(one.pixels.shape[:2], bool) if one.exists is None else one.exists for one in row] for row in chunks
    ]
    return pixels, np.concatenate([np.concatenate(row, 1) for row in exists], 0)


def read(path: Path, content: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Write a picture and read it: its pixels, and the mask of those that exist."""
    path.write_bytes(content)
    with open_slide(str(path)) as reader:
        return whole(reader)


def exif(orientation: int, order: str = "<") -> bytes:
    """An Exif block with a resolution unit and an orientation."""
    entries = struct.pack(order + "HHIHH", 0x0128, 3, 1, 2, 0) + struct.pack(
        order + "HHIHH", 0x0112, 3, 1, orientation, 0
    )
    start = b"II*\0" if order == "<" else b"MM\0*"
    return start + struct.pack(order + "IH", 8, 2) + entries + bytes(4)


def jpeg(pixels: np.ndarray, segment: bytes = b"", kind: int = 0xE1) -> bytes:
    """A JPEG with a segment after its beginning."""
    pixels = pixels if pixels.ndim == 3 else pixels[..., None]
    whole = simplejpeg.encode_jpeg(np.ascontiguousarray(pixels), colorspace="GRAY" if pixels.shape[2] == 1 else "RGB")
    extra = bytes([0xFF, kind]) + struct.pack(">H", 2 + len(segment)) + segment if segment else b""
    return whole[:2] + extra + whole[2:]


def cmyk() -> bytes:
    encoded: bytes = imagecodecs.jpeg8_encode(np.zeros((16, 16, 4), np.uint8), colorspace="CMYK", outcolorspace="CMYK")
    return encoded


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=False)
    return file.getvalue()


def npz(*arrays: np.ndarray, is_compressed: bool = True) -> bytes:
    file = io.BytesIO()
    (np.savez_compressed if is_compressed else np.savez)(file, *arrays)
    return file.getvalue()


def npy_header(shape: object, descr: str = "'|u1'", order: str = "False") -> bytes:
    """The beginning of an NPY of any header."""
    text = f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}".encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


def archive(content: bytes, kind: int = zipfile.ZIP_DEFLATED, name: str = "arr_0.npy") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", kind) as written:
        written.writestr(name, content)
    return file.getvalue()


FORMS = ("png", "png-filtered", "png-interlaced", "npy", "npy-columns", "npy-big-endian", "npz", "npz-columns")
"""Lossless pictures that a raster may be written as."""


def fits(form: str, kind: tuple[str, int, bool]) -> bool:
    """Return True if a picture can hold the dtype and channels, with or without alpha."""
    dtype, channels, has_alpha = kind
    if not form.startswith("png"):
        return channels == 1 and not has_alpha
    return (dtype in ("uint8", "uint16") and channels in (1, 3)) or kind == ("bool", 1, False)


def picture(form: str, raster: Raster) -> bytes:
    """Write the finest level of a raster as a picture."""
    samples = raster.samples()[0]
    if form.startswith("png"):
        depth = {"b": 1}.get(raster.dtype.kind, 8 * raster.dtype.itemsize)
        colours = {(1, False): GREY, (3, False): RGB, (1, True): GREY_ALPHA, (3, True): RGB_ALPHA}
        filters = (0, 1, 2, 3, 4) if form == "png-filtered" else (0,)
        kind = colours[raster.channels, raster.alpha is not None]
        return png(samples, depth, kind, filters=filters, is_interlaced=form == "png-interlaced", piece=1000)
    samples = samples.astype(samples.dtype.newbyteorder(">")) if form == "npy-big-endian" else samples
    samples = np.asfortranarray(samples) if form.endswith("columns") else samples
    return (npz if form.startswith("npz") else npy)(samples)
