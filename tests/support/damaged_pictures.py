"""Whole pictures, damaged ones, and the outcome of reading one, judged by other decoders."""

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from ratiopath.errors import SlideError
from ratiopath.slides import open_slide
from tests.support.pictures import PALETTE, RGB_ALPHA, chunk, jpeg, npy, npz, png, whole

_LABELS = (np.add.outer(np.arange(60), np.arange(70)) // 7 % 4).astype(np.uint8)
_NOISE = np.random.default_rng(0).integers(0, 256, (30, 40, 4)).astype(np.uint8)
FORMS: dict[str, Callable[[], bytes]] = {
    "png": lambda: png(_NOISE, 8, RGB_ALPHA, filters=(0, 1, 2, 3, 4)),
    "png-palette": lambda: png(_LABELS, 2, PALETTE, before=chunk(b"tRNS", b"\xff\0")),
    "png-interlaced": lambda: png(_LABELS.astype(np.uint16) * 257, 16, is_interlaced=True),
    "jpeg": lambda: jpeg(_NOISE[..., :3]),
    "jpeg-grey": lambda: jpeg(_LABELS * 60),
    "npy": lambda: npy(_LABELS.astype(">u2")),
    "npz": lambda: npz(_LABELS.astype(np.float32)),
    "npz-columns": lambda: npz(np.asfortranarray(_LABELS)),
}
"""Makers of whole files by name."""
_LARGE = 1 << 24


def mutated(content: bytes, rng: np.random.Generator) -> tuple[str, bytes]:
    """Damage the content in one place and return the kind of damage too."""
    damage = str(rng.choice(["bit", "byte", "cut", "zero", "long", "repeat", "delete", "add"]))
    data = bytearray(content)
    where = int(rng.integers(0, min(len(data), 400 if rng.random() < 0.5 else len(data))))
    if damage == "bit":
        data[where] ^= 1 << int(rng.integers(0, 8))
    elif damage == "byte":
        data[where] = int(rng.integers(0, 256))
    elif damage == "cut":
        del data[where:]
    elif damage == "zero":
        data[where : where + 8] = bytes(8)
    elif damage == "long":
        data[where : where + 4] = struct.pack(">I", int(rng.choice([0xFFFFFFFF, 0x7FFFFFFF, 10**6, 65_537])))
    elif damage == "repeat":
        data[where:where] = data[where : where + int(rng.integers(1, 99))]
    elif damage == "delete":
        del data[where : where + int(rng.integers(1, 9))]
    else:
        data += rng.bytes(int(rng.integers(1, 9)))
    return damage, bytes(data)


def with_checksums(content: bytes) -> bytes:
    """Make the checksums of a damaged PNG right again, so that what they hide is read."""
    found, place = bytearray(content[:8]), 8
    while place + 12 <= len(content):
        end = place + 8 + int.from_bytes(content[place : place + 4], "big")
        if end + 4 > len(content):
            break
        found += content[place:end] + struct.pack(">I", zlib.crc32(content[place + 4 : end]))
        place = end + 4
    return bytes(found + content[place:])


def outcome(path: str, form: str) -> str:
    """Read a file and name the outcome; any error without a name is a finding and raised."""
    try:
        with open_slide(path) as reader:
            extent = reader.pyramid.levels[0].extent
            if extent.width * extent.height > _LARGE:
                reader.read_chunk(0, 0, 0)
                return "read as large"
            pixels, _ = whole(reader)
    except (SlideError, MemoryError) as error:
        return type(error).__name__
    return judged(Path(path).read_bytes(), form, pixels)


def judged(content: bytes, form: str, pixels: np.ndarray) -> str:
    """Compare the pixels of a file that was read with what another decoder finds in it."""
    if form.startswith("npz"):
        [expected] = np.load(io.BytesIO(content), allow_pickle=False).values()
    elif form.startswith("npy"):
        expected = np.load(io.BytesIO(content), allow_pickle=False)
        expected = expected.reshape(pixels.shape)
    else:
        with Image.open(io.BytesIO(content), formats=["png", "jpeg"]) as image:
            is_stored = image.mode in ("L", "RGB", "P", "RGBA", "LA", "I;16", "1")
            expected = np.asarray(image)
        if not is_stored or (image.mode == "L" and form.startswith("png") and pixels.max(initial=0) < 16):
            return "read"  # Pillow expands what it cannot hold
        expected = expected[..., :-1] if image.mode in ("RGBA", "LA") else expected
    return (
        "as another"
        if np.array_equal(expected.squeeze(), pixels.squeeze(), equal_nan=expected.dtype.kind == "f")
        else "otherwise"
    )
