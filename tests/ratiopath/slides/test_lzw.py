"""Damaged LZW streams: imagecodecs' own decoder crashes on some of them, or gives what was in memory before."""

import imagecodecs
import numpy as np
import pytest
import tifffile

from ratiopath.errors import TruncatedError
from ratiopath.slides import open_slide
from ratiopath.slides.tiff.lzw import lzw_bytes

PIXELS = np.random.default_rng(0).integers(0, 4, (48, 40), dtype=np.uint8)


@pytest.fixture
def file(tmp_path) -> str:
    path = tmp_path / "lzw.tiff"
    tifffile.imwrite(path, PIXELS, compression="lzw", rowsperstrip=10, metadata=None)
    return str(path)


def test_each_strip_decodes_to_its_rows(file) -> None:
    with tifffile.TiffFile(file) as tiff, open(file, "rb") as raw:
        page = tiff.pages.first
        for strip, (offset, size) in enumerate(zip(page.dataoffsets, page.databytecounts, strict=True)):
            raw.seek(offset)
            assert lzw_bytes(page, strip, raw.read(size)) == PIXELS[10 * strip :][:10].tobytes()


def test_a_code_that_is_not_yet_in_the_table_is_refused(file) -> None:
    """The second code of a stream may be 258 at most: 9 bits each, first 256 to clear the table, then a value."""
    codes = "".join(f"{code:09b}" for code in (256, 1, 400, 300, 257)).ljust(48, "0")
    stream = int(codes, 2).to_bytes(6, "big")
    with tifffile.TiffFile(file) as tiff, pytest.raises(imagecodecs.TiffError, match="not yet in table"):
        lzw_bytes(tiff.pages.first, 0, stream)


def test_a_strip_that_is_too_short_is_a_truncated_image(file) -> None:
    with tifffile.TiffFile(file) as tiff:
        offset = tiff.pages.first.dataoffsets[1]
    with open(file, "r+b") as raw:
        raw.seek(offset)
        raw.write(bytes([0x80, 0x40, 0x40]))  # clear, end
    with open_slide(file) as reader, pytest.raises(TruncatedError, match="Not enough data"):
        reader.read_chunk(0, 0, 0)
