"""Segments that libtiff decodes: a damaged LZW stream, which crashes other decoders, and warnings as errors."""

import logging
from concurrent.futures import ThreadPoolExecutor

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from ratiopath.errors import TruncatedError
from ratiopath.slides import open_slide
from ratiopath.slides.tiff import libtiff

PIXELS = np.random.default_rng(0).integers(0, 4, (48, 40), dtype=np.uint8)


@pytest.fixture
def file(tmp_path) -> str:
    path = tmp_path / "lzw.tiff"
    tifffile.imwrite(path, PIXELS, compression="lzw", rowsperstrip=10, metadata=None)
    return str(path)


def test_each_strip_decompresses_to_its_rows(file) -> None:
    with tifffile.TiffFile(file) as tiff, open(file, "rb") as raw:
        page = tiff.pages.first
        for strip, (offset, size) in enumerate(zip(page.dataoffsets, page.databytecounts, strict=True)):
            raw.seek(offset)
            rows = PIXELS[10 * strip :][:10]
            assert libtiff.decompress(page, (len(rows), 40, 1), raw.read(size)) == rows.tobytes()


def test_a_code_that_is_not_yet_in_the_table_is_refused(file) -> None:
    """The second code of a stream may be 258 at most: 9 bits each, first 256 to clear the table, then a value."""
    codes = "".join(f"{code:09b}" for code in (256, 1, 400, 300, 257)).ljust(48, "0")
    stream = int(codes, 2).to_bytes(6, "big")
    with tifffile.TiffFile(file) as tiff, pytest.raises(imagecodecs.TiffError, match="not yet in table"):
        libtiff.decompress(tiff.pages.first, (10, 40, 1), stream)


def test_a_strip_that_is_too_short_is_a_truncated_image(file) -> None:
    with tifffile.TiffFile(file) as tiff:
        offset = tiff.pages.first.dataoffsets[1]
    with open(file, "r+b") as raw:
        raw.seek(offset)
        raw.write(bytes([0x80, 0x40, 0x40]))  # clear, end
    with open_slide(file) as reader, pytest.raises(TruncatedError, match="Not enough data"):
        reader.read_chunk(0, 0, 0)


@pytest.fixture
def fax(tmp_path) -> tuple[tifffile.TiffPage, bytes]:
    """A page of Group 3 and its only stream."""
    Image.fromarray(PIXELS > 1).save(tmp_path / "fax.tiff", compression="group3")
    with tifffile.TiffFile(tmp_path / "fax.tiff") as tiff:
        page = tiff.pages.first
        [place], [size] = page.dataoffsets, page.databytecounts
        return page, (tmp_path / "fax.tiff").read_bytes()[place : place + size]


def test_a_warning_is_an_error_whatever_the_level_of_the_root_logger(fax) -> None:
    page, stream = fax
    level = logging.getLogger().level
    logging.getLogger().setLevel(logging.CRITICAL)
    try:
        with pytest.raises(imagecodecs.TiffError, match="Premature EOL"):
            libtiff.decode(page, (48, 40, 1), stream[: len(stream) // 2])
    finally:
        logging.getLogger().setLevel(level)


def test_a_warning_is_an_error_of_its_own_thread_only(fax) -> None:
    page, stream = fax

    def is_refused(number: int) -> bool:
        try:
            libtiff.decode(page, (48, 40, 1), stream[: len(stream) // 2] if number % 2 else stream)
        except imagecodecs.TiffError:
            return True
        return False

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(is_refused, range(400))) == [bool(number % 2) for number in range(400)]
