"""Absurd headers: a named error, in bounded time and memory."""

import resource
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="bounds a process's memory as Linux does")

MEMORY = 3 << 30
"""Address space of the process that opens the file; Python with its image libraries takes 1 GB of it."""
SECONDS = 60
READ = """
import sys
from ratiopath.errors import SlideError
from ratiopath.slides import open_slide
for path in sys.argv[1:]:
    try:
        with open_slide(path) as reader:
            print(len(reader.pyramid.levels), reader.read_chunk(0, 0, 0).pixels.shape)
    except SlideError as error:
        print(type(error).__name__, error)
"""
SHORT, LONG, SIGNED = 3, 4, 9
WIDTH, HEIGHT, OFFSETS, COUNTS, SUBIFDS = 256, 257, 324, 325, 330


def tiff(path: Path, tile: bytes = b"", following: int = 0, **changed: tuple[int, int, int]) -> Path:
    """A TIFF of one page of 64 x 64 px in one Deflate tile; tags, as t256=(type, count, value), may lie."""
    tags = {
        WIDTH: (LONG, 1, 64),
        HEIGHT: (LONG, 1, 64),
        258: (SHORT, 1, 8),
        259: (SHORT, 1, 8),  # Deflate
        262: (SHORT, 1, 1),
        277: (SHORT, 1, 1),
        322: (LONG, 1, 64),
        323: (LONG, 1, 64),
        OFFSETS: (LONG, 1, 1024),
        COUNTS: (LONG, 1, len(tile)),
    }
    tags |= {int(name[1:]): tag for name, tag in changed.items()}
    entries = b"".join(struct.pack("<HHII", code, *tag) for code, tag in sorted(tags.items()))
    head = struct.pack("<2sHIH", b"II", 42, 8, len(tags)) + entries + struct.pack("<I", following)
    path.write_bytes(head.ljust(1024, b"\0") + tile)
    return path


def deflate_bomb() -> bytes:
    """4 MB that hold 4 GB."""
    deflate, zeros = zlib.compressobj(9), bytes(1 << 24)
    return b"".join(deflate.compress(zeros) for _ in range(256)) + deflate.flush()


NAMED = {"TruncatedError", "UnsupportedImageError"}
LIES = {
    "none": ({}, {"1"}),
    "a million pixels a side": ({"t256": (LONG, 1, 10**6), "t257": (LONG, 1, 10**6)}, NAMED),
    "four billion offsets": ({"t324": (LONG, 0xFFFFFFFF, 1024)}, NAMED),
    "four billion counts": ({"t325": (LONG, 0xFFFFFFFF, 1024)}, NAMED),
    "a count of 4 GB": ({"t325": (LONG, 1, 0xFFFFFFFF)}, NAMED),
    "a negative count": ({"t325": (SIGNED, 1, 0xFFFFFFFF)}, NAMED),
    "a negative offset": ({"t324": (SIGNED, 1, 0xFFFFFF00)}, NAMED),
    "a tile of 2^62 px": ({"t322": (LONG, 1, 1 << 31), "t323": (LONG, 1, 1 << 31)}, NAMED),
    "no width": ({"t256": (LONG, 1, 0)}, NAMED),
    "a negative width": ({"t256": (SIGNED, 1, 0xFFFFFFC0)}, NAMED),
    "no samples": ({"t277": (SHORT, 1, 0)}, NAMED),
    "no bits": ({"t258": (SHORT, 1, 0)}, NAMED),
    "a page that follows itself": ({"following": 8}, {"1", *NAMED}),
    "a page below itself": ({"t330": (LONG, 1, 8)}, {"1", "2", *NAMED}),
    "four billion pages below": ({"t330": (LONG, 0xFFFFFFFF, 8)}, {"1", *NAMED}),
    "a bomb": ({"tile": deflate_bomb()}, {"1", "TruncatedError"}),
}
"""The fault of each file, and the outcomes allowed: a number of levels, or an error."""


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory) -> dict[str, str]:
    """The outcome of reading each file, all in one process of bounded memory and time."""
    folder = tmp_path_factory.mktemp("absurd")
    paths = [
        str(tiff(folder / f"{name}.tiff", **{"tile": zlib.compress(bytes(64 * 64)), **lie}))
        for name, (lie, _) in LIES.items()
    ]
    ended = subprocess.run(
        [sys.executable, "-c", READ, *paths],
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY)),
    )
    assert ended.returncode == 0, ended.stderr
    return dict(zip(LIES, ended.stdout.splitlines(), strict=True))


@pytest.mark.parametrize("name", LIES)
def test_an_absurd_header_is_a_named_error_in_bounded_time_and_memory(outcomes, name) -> None:
    end = outcomes[name].partition(" ")[0]
    assert end in LIES[name][1], outcomes[name]
    assert end not in NAMED or f"/{name}.tiff'" in outcomes[name]
