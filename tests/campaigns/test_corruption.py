"""Files damaged at random: each ends as a named failure or as what another reader finds in it, in bounded time.

    RATIOPATH_MUTANTS=2000 pytest tests/campaigns        the long form; the check runs a slice

A worker that crashes or hangs fails the test and names the mutant: its kind, and the seed that makes it again.
"""

import multiprocessing
import os
import struct
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import tifffile
from layouts import LAYOUTS, Raster
from shapely import box

from ratiopath.errors import SlideError
from ratiopath.geometry import Extent
from ratiopath.measure import measure_overlaps
from ratiopath.plan import Windows
from ratiopath.roi import Roi
from ratiopath.slides import open_slide
from ratiopath.tiling.tiles import cut_tiles

MUTANTS = int(os.environ.get("RATIOPATH_MUTANTS", "160"))
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
SECONDS_PER_FILE = 20
"""A file of some kB that takes longer hangs, even on a busy machine."""


def original(kind: str, path: Path) -> Path:
    rng = np.random.default_rng(0)
    if kind in ("aperio", "planes", "jpeg"):
        pixels = rng.integers(0, 256, (*SIZE, 3), dtype=np.uint8)
    else:
        pixels = np.kron(rng.integers(0, 4, (12, 16)), np.ones((8, 8))).astype(np.uint8)
    LAYOUTS[kind].write(path, Raster((pixels,), (0.5, 0.5)))
    return path


def mutated(content: bytes, rng: np.random.Generator) -> tuple[str, bytes]:
    """One kind of damage, somewhere."""
    damage = rng.choice(["bit", "byte", "cut", "swap", "long", "zero"])
    data = bytearray(content)
    where = int(rng.integers(0, len(data) - 8))
    if rng.random() < 0.5:  # headers and directories are a small part of a file, and the fragile one
        tags = [
            i for i in range(len(data) - 12) if data[i : i + 2] in (b"\x00\x01", b"\x01\x01", b"\x11\x01", b"\x17\x01")
        ]
        where = min(int(rng.choice(tags)) + int(rng.integers(0, 12)), len(data) - 8) if tags else where
    if damage == "bit":
        data[where] ^= 1 << int(rng.integers(0, 8))
    elif damage == "byte":
        data[where] = int(rng.integers(0, 256))
    elif damage == "cut":
        del data[where:]
    elif damage == "swap":
        data[where : where + 8] = data[where + 4 : where + 8] + data[where : where + 4]
    elif damage == "long":
        data[where : where + 4] = struct.pack("<I", int(rng.choice([0xFFFFFFFF, 0x7FFFFFFF, 10**6, 65_537])))
    else:
        data[where : where + 8] = bytes(8)
    return str(damage), bytes(data)


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
            found = measure_overlaps(reader, np.zeros(1), np.zeros(1), mpp, whole)
            counts = dict(zip(found.keys, found.counts.tolist(), strict=True))
            if reader.channels == 3 and reader.dtype == np.uint8:
                cut_tiles(reader, Windows(0, np.zeros(1, np.int64), np.zeros(1, np.int64), Extent(16, 16)))
    except (SlideError, MemoryError) as error:
        return type(error).__name__
    try:
        expected = tifffile_counts(path)
    except Exception as error:  # noqa: BLE001 - it names no set of errors
        return (
            f"tifffile: {type(error).__name__}"  # such as a byte count of 0: for tifffile an error, here a sparse tile
        )
    return "as tifffile" if counts == expected else f"otherwise: {counts}"


def tifffile_counts(path: str) -> dict[str, int]:
    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages[0]
        pixels = page.asarray()
        if page.axes.startswith("S"):
            pixels = np.moveaxis(pixels, 0, -1)
    pixels = pixels.astype(np.uint8) if pixels.dtype == np.bool_ else pixels
    flat = pixels.reshape(pixels.shape[0] * pixels.shape[1], -1)
    values, counts = np.unique(flat, axis=0, return_counts=True)
    named: Counter[str] = Counter()
    for value, count in zip(values.tolist(), counts.tolist(), strict=True):
        named[str(value[0]) if len(set(value)) == 1 else ",".join(map(str, value))] += count
    return dict(named)


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_file_ends_as_a_named_failure_or_a_right_result(kind, tmp_path):
    content = original(kind, tmp_path / "whole.tiff").read_bytes()
    ends: Counter[str] = Counter()
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        for seed in range(-(-MUTANTS // len(KINDS))):
            damage, damaged = mutated(content, np.random.default_rng((KINDS.index(kind), seed)))
            path = tmp_path / "mutant.tiff"
            path.write_bytes(damaged)
            try:
                end = pool.submit(outcome, str(path)).result(timeout=SECONDS_PER_FILE)
            except Exception as error:  # noqa: BLE001 - whatever came out of the worker
                pytest.fail(f"{kind}, seed {seed} ({damage}): {type(error).__name__}: {error}")
            assert not end.startswith("otherwise"), f"{kind}, seed {seed} ({damage}): {end}"
            ends[end] += 1
    assert sum(ends.values()) == -(-MUTANTS // len(KINDS))
    assert any(end.endswith("Error") for end in ends)
