"""TIFFs of a few bytes, at most some megabytes, whose headers or streams claim gigabytes."""

import zlib
from collections.abc import Callable
from pathlib import Path

import imagecodecs
import numpy as np

from tests.support.handmade import (
    BITS,
    COMPRESSION,
    COUNTS,
    LONG,
    MARK,
    OFFSETS,
    PHOTOMETRIC,
    ROWS,
    SAMPLES,
    SHORT,
    Page,
    write,
)

TILE_WIDTH, TILE_LENGTH, TILE_OFFSETS, TILE_COUNTS = 322, 323, 324, 325
LZW, JPEG, DEFLATE, PACKBITS, JPEG_2000, LERC, PNG, ZSTD, WEBP, JPEG_XL = (
    5, 7, 8, 32773, 34712, 34887, 34933, 50000, 50001, 50002,
)  # fmt: skip
SMALL, LARGE, GIANT = (64, 64), (44_000, 44_000), (4_000_000_000, 4_000_000_000)
"""(rows, columns) of an honest page, of one of 1.9 GB, and of one beyond all."""
RGB = {SAMPLES: (SHORT, [3]), BITS: (SHORT, [8] * 3), PHOTOMETRIC: (SHORT, [2])}


def strip(size: tuple[int, int], codec: int, data: bytes, tags: dict | None = None) -> Page:
    """A page of one strip, sparse without data."""
    sparse = {} if data else {OFFSETS: (LONG, [0])}
    return Page([data], size, {COMPRESSION: (SHORT, [codec]), **sparse, **(tags or {})})


def tile(size: tuple[int, int], side: int, codec: int, data: bytes, tags: dict | None = None) -> Page:
    """A page of one tile, sparse without data."""
    tiled = {TILE_WIDTH: (LONG, [side]), TILE_LENGTH: (LONG, [side]), TILE_COUNTS: (LONG, [len(data)])}
    tiled[TILE_OFFSETS] = (LONG, "offsets" if data else [0])
    return strip(size, codec, data, {**dict.fromkeys((OFFSETS, COUNTS, ROWS), (LONG, [])), **tiled, **(tags or {})})


def deflate_bomb(megabytes: int) -> bytes:
    """Deflate of zeros, a thousandth of their size."""
    stream, zeros = zlib.compressobj(9), bytes(1 << 20)
    return b"".join(stream.compress(zeros) for _ in range(megabytes)) + stream.flush()


def black(side: int) -> np.ndarray:
    return np.zeros((side, side), np.uint8)


LIES: dict[str, Callable[[], list[Page]]] = {
    "wide": lambda: [strip((1, GIANT[1]), 1, b"")],
    "tall": lambda: [strip((GIANT[0], 1), 1, b"")],
    "million-tiles": lambda: [strip((1, 1_024_000_000), 1, b"")],
    "giant": lambda: [strip(GIANT, 1, b"")],
    "giant-in-tiles": lambda: [tile(GIANT, 64, DEFLATE, zlib.compress(bytes(64 * 64)))],
    "stored": lambda: [strip(LARGE, 1, b"x" * 100)],
    "deflate": lambda: [strip(LARGE, DEFLATE, zlib.compress(b"x" * 100))],
    "lzw": lambda: [strip(LARGE, LZW, b"\x80\x00\x01" * 30)],
    "packbits": lambda: [strip(LARGE, PACKBITS, b"\x81a" * 30)],
    "zstd": lambda: [strip(LARGE, ZSTD, imagecodecs.zstd_encode(b"x" * 100))],
    "lerc": lambda: [strip(LARGE, LERC, imagecodecs.lerc_encode(black(64)))],
    "jpeg": lambda: [strip(LARGE, JPEG, imagecodecs.jpeg8_encode(black(64)))],
    "huge-tile": lambda: [tile(SMALL, LARGE[0], LZW, b"\x80\x00\x01" * 30)],
    "sparse-tile": lambda: [tile(LARGE, LARGE[0], DEFLATE, b"")],
    "deflate-bomb": lambda: [strip((32_000, 32_000), DEFLATE, deflate_bomb(1000))],
    "deflate-bomb-in-a-tile": lambda: [tile(SMALL, 32_000, DEFLATE, deflate_bomb(1000))],
    "zstd-bomb": lambda: [strip((32_000, 32_000), ZSTD, imagecodecs.zstd_encode(bytes(1000 << 20)))],
    "samples": lambda: [strip((1000, 1000), 1, b"x" * 100, {SAMPLES: (SHORT, [60_000])})],
    "mask": lambda: [
        strip(SMALL, 1, bytes(64 * 64)),
        tile(SMALL, LARGE[0], LZW, b"\x80\x00\x01" * 30, {MARK: (LONG, [4])}),
    ],
    "png-stream": lambda: [strip(SMALL, PNG, imagecodecs.png_encode(black(30_000)))],
    "webp-stream": lambda: [
        strip(SMALL, WEBP, imagecodecs.webp_encode(np.zeros((16_000, 16_000, 3), np.uint8), lossless=True), RGB)
    ],
    "jpeg-2000-stream": lambda: [strip(SMALL, JPEG_2000, imagecodecs.jpeg2k_encode(black(14_000), codecformat="j2k"))],
    "jpeg-xl-stream": lambda: [strip(SMALL, JPEG_XL, imagecodecs.jpegxl_encode(black(4000)))],
    "jpeg-2000": lambda: [strip((9000, 9000), JPEG_2000, imagecodecs.jpeg2k_encode(black(9000), codecformat="j2k"))],
    "lerc-stream": lambda: [strip(SMALL, LERC, imagecodecs.lerc_encode(black(30_000)))],
}
"""Pages of a file that cannot be measured."""

BULKY: dict[str, Callable[[], list[Page]]] = {
    "many-directories": lambda: [strip(SMALL, 1, bytes(64 * 64)), *[strip((63, 63), 1, bytes(63 * 63))] * 2000],
    "bounded-bomb": lambda: [strip((14_000, 14_000), DEFLATE, deflate_bomb(190))],
    "bounded-bomb-of-colours": lambda: [strip((8000, 8000), DEFLATE, deflate_bomb(190), RGB)],
    "long-streams": lambda: [strip(SMALL, ZSTD, imagecodecs.zstd_encode(bytes(1000 << 20)))],
}
"""Pages of a file that claims as much as it may, or more than is needed, and is measured."""


def write_lie(path: Path, name: str) -> Path:
    return write(path, *(LIES | BULKY)[name]())
