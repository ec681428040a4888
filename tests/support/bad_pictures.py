"""Damaged and unsupported PNGs, JPEGs and arrays, one for each reason, and the call that refuses it."""

import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ratiopath.slides import open_slide
from tests.support.pictures import (
    GREY_ALPHA,
    MAGIC,
    PALETTE,
    archive,
    chunk,
    cmyk,
    exif,
    header,
    jpeg,
    npy,
    npy_header,
    npz,
    png,
    rows,
)

MASK = (np.add.outer(np.arange(40), np.arange(50)) // 9 % 4).astype(np.uint8)
PNG, JPEG = png(MASK), jpeg(MASK)
END = chunk(b"IEND")
IMAGE = chunk(b"IDAT", zlib.compress(rows(MASK[..., None], 8)))
LARGE = (1 << 16) - 1


def holding(content: bytes) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        path.write_bytes(content)

    return make


def read(path: str) -> object:
    """Read the last chunk, for which the whole picture has to be decoded."""
    with open_slide(path) as reader:
        extent, part = reader.pyramid.levels[0].extent, reader.chunk_extent(0)
        return reader.read_chunk(0, (extent.width - 1) // part.width, (extent.height - 1) // part.height)


def of_rows(stream: bytes, height: int = 40) -> bytes:
    """A PNG of a stream that need not be one of the right rows."""
    return MAGIC + header(50, height) + chunk(b"IDAT", stream) + END


def flipped(content: bytes, place: int) -> bytes:
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


def frame(width: int, height: int, kind: int = 0xC0, bits: int = 8, components: int = 1) -> bytes:
    """A JPEG that ends with its first scan."""
    body = struct.pack(">BHHB", bits, height, width, components) + bytes([1, 0x11, 0]) * components
    return b"\xff\xd8\xff" + bytes([kind]) + struct.pack(">H", 2 + len(body)) + body + b"\xff\xda\0\x08" + bytes(6)


def encrypted() -> bytes:
    content = archive(npy(MASK))
    return content.replace(b"PK\x01\x02\x14\x03\x14\0\0\0", b"PK\x01\x02\x14\x03\x14\0\1\0")


STORED = zlib.compress(rows(MASK[..., None], 8))
CONTENTS: dict[str, bytes] = {
    "magic.png": MAGIC,
    "no-header.png": MAGIC + IMAGE + END,
    "cut.png": PNG[:-20],
    "without-end.png": PNG[: -len(END)],
    "trailing.png": PNG + bytes(7),
    "no-rows.png": MAGIC + header(50, 40) + END,
    "header-checksum.png": flipped(PNG, 20),
    "rows-checksum.png": flipped(PNG, len(PNG) - 30),
    "interrupted.png": MAGIC + header(50, 40) + IMAGE + chunk(b"tEXt") + IMAGE + END,
    "two-palettes.png": png(MASK, 8, PALETTE, before=chunk(b"PLTE", bytes(12)) * 2),
    "no-standard.png": png(MASK, before=chunk(b"CgBI", bytes(4))),
    "depth.png": MAGIC + header(50, 40, 3) + IMAGE + END,
    "no-pixel.png": MAGIC + header(0, 40) + IMAGE + END,
    "giant.png": MAGIC + header((1 << 31) - 1, 1) + IMAGE + END,
    "wide.png": MAGIC + header(1_000_001, 1) + IMAGE + END,
    "tall.png": MAGIC + header(1, (1 << 31) - 1) + IMAGE + END,
    "large-interlaced.png": MAGIC + header(LARGE, LARGE, interlace=1) + IMAGE + END,
    "animation.png": png(MASK, before=chunk(b"acTL", b"\0\0\0\2\0\0\0\0")),
    "turned.png": png(MASK, behind=chunk(b"eXIf", exif(6))),
    "no-palette.png": png(MASK, 8, PALETTE, before=chunk(b"PLTE")),
    "transparent.png": png(np.stack([MASK, MASK], axis=2), 8, GREY_ALPHA, before=chunk(b"tRNS", b"\0\1")),
    "short-rows.png": of_rows(zlib.compress(bytes(51 * 39))),
    "half-stream.png": of_rows(STORED[:-12]),
    "no-checksum.png": of_rows(STORED[:-4]),
    "wrong-checksum.png": of_rows(flipped(STORED, len(STORED) - 1)),
    "no-stream.png": of_rows(b"not deflated"),
    "filter.png": of_rows(zlib.compress(b"\x05" * 51 * 40)),
    "start.jpg": b"\xff\xd8\xff\xe0",
    "cut.jpg": JPEG[:-20],
    "no-frame.jpg": b"\xff\xd8\xff\xff\x01\xff\xda\0\x08" + bytes(6),
    "lossless.jpg": frame(50, 40, 0xC3),
    "twelve-bits.jpg": frame(50, 40, 0xC1, 12),
    "two-components.jpg": frame(50, 40, components=2),
    "cmyk.jpg": cmyk(),
    "lying.jpg": frame(44_000, 44_000),
    "no-height.jpg": frame(50, 0),
    "large.jpg": frame(LARGE, LARGE) + bytes(1 << 21),
    "scans.jpg": JPEG[:-2] + b"\xff\xda" * 500 + JPEG[-2:],
    "turned.jpg": jpeg(MASK, b"Exif\0\0" + exif(3, ">")),
    "odd-turn.jpg": jpeg(MASK, b"Exif\0\0" + exif(0)),
    "several.jpg": jpeg(MASK, b"MPF\0" + bytes(20), 0xE2),
    "version.npy": npy(MASK).replace(b"\x93NUMPY\x01", b"\x93NUMPY\x03"),
    "signs.npy": npy_header("-" * 9000 + "1"),
    "no-header.npy": b"\x93NUMPY\x01\0\x10\0" + b" " * 16,
    "colours.npy": npy(np.zeros((4, 5, 3), np.uint8)),
    "objects.npy": npy_header("(4, 5)", "'|O'") + bytes(160),
    "empty.npy": npy(np.zeros((0, 5), np.uint8)),
    "either-way.npy": npy(np.zeros((1, 5, 1), np.uint8)),
    "complex.npy": npy(np.zeros((4, 5), np.complex64)),
    "lying.npy": npy_header((1 << 40, 1 << 20)) + bytes(100),
    "two-arrays.npy": npy(MASK) + npy(MASK),
    "two.npz": npz(MASK, MASK),
    "encrypted.npz": encrypted(),
    "other.npz": archive(npy(MASK), zipfile.ZIP_LZMA),
    "lying.npz": archive(npy_header((40_000, 50_000)) + bytes(100)),
    "large.npz": archive(npy_header((LARGE, LARGE), order="True") + bytes(100)),
    "cut.npz": npz(MASK)[:-40],
    "damaged.npz": flipped(npz(MASK, is_compressed=False), 400),
}
"""Contents of files by name."""
BAD_PICTURES = {name: (holding(content), read) for name, content in CONTENTS.items()}
