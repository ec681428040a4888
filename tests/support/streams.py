"""Streams of pixels in TIFF files: images, encoders, and files with another stream in place of their own."""

from pathlib import Path

import imagecodecs
import numpy as np
import tifffile

from ratiopath.slides import open_slide

CLASSES = np.random.default_rng(0).integers(0, 4, (12, 16)).repeat(8, 0).repeat(8, 1).astype(np.uint8)
COLOURS = np.dstack([CLASSES * 20, CLASSES * 50, np.add.outer(np.arange(96), np.arange(128)).astype(np.uint8)])
SMOOTH = (np.add.outer(np.arange(64), np.arange(64)) * 2).astype(np.uint8)


def read(path: Path | str, level: int = 0) -> np.ndarray:
    """All pixels of a level."""
    with open_slide(str(path)) as reader:
        extent, chunk = reader.pyramid.levels[level].extent, reader.chunk_extent(level)
        rows = [
            [reader.read_chunk(level, column, row).pixels for column in range(-(-extent.width // chunk.width))]
            for row in range(-(-extent.height // chunk.height))
        ]
    return np.concatenate([np.concatenate(row, 1) for row in rows], 0)


def stream(path: Path) -> tuple[int, int]:
    """Place and length of the only stream of a file."""
    with tifffile.TiffFile(path) as tiff:
        [place], [length] = tiff.pages.first.dataoffsets, tiff.pages.first.databytecounts
    return place, length


def restream(path: Path, data: bytes) -> None:
    """Put another stream at the end of a file and point at it."""
    whole = path.read_bytes()
    with tifffile.TiffFile(path, mode="r+") as tiff:
        kind = "Tile" if tiff.pages.first.is_tiled else "Strip"
        tiff.pages.first.tags[f"{kind}Offsets"].overwrite((len(whole),))
        tiff.pages.first.tags[f"{kind}ByteCounts"].overwrite((len(data),))
    place = path.stat().st_size
    assert place == len(whole)
    with path.open("ab") as file:
        file.write(data)


def stream_of(path: Path) -> bytes:
    place, length = stream(path)
    return path.read_bytes()[place : place + length]


def packbits(data: bytes) -> bytes:
    return bytes(imagecodecs.packbits_encode(np.frombuffer(data, np.uint8).reshape(-1, 32)))


ENCODERS = {
    1: bytes,
    5: imagecodecs.lzw_encode,
    8: imagecodecs.zlib_encode,
    32773: packbits,
    32946: imagecodecs.zlib_encode,
    34925: imagecodecs.lzma_encode,
    50000: imagecodecs.zstd_encode,
}
