"""Streams of every codec, cut short, longer than needed or padded: read as libtiff and libjpeg-turbo read them."""

from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from ratiopath.errors import TruncatedError
from ratiopath.slides import open_slide
from tests.support.handmade import (
    BITS,
    COMPRESSION,
    LONG,
    PHOTOMETRIC,
    ROWS,
    SHORT,
    Page,
    write,
)
from tests.support.streams import CLASSES, COLOURS, ENCODERS, read, restream, stream_of

CODECS: dict[str, tuple[np.ndarray, dict]] = {
    "deflate": (CLASSES, {"compression": "deflate"}),
    "zstd": (CLASSES, {"compression": "zstd"}),
    "lzma": (CLASSES, {"compression": "lzma"}),
    "packbits": (CLASSES, {"compression": "packbits"}),
    "lzw": (CLASSES, {"compression": "lzw"}),
    "lzw with predictor": (CLASSES, {"compression": "lzw", "predictor": 2}),
    "webp": (COLOURS, {"compression": "webp", "compressionargs": {"lossless": True}, "photometric": "rgb"}),
    "jpeg2000": (COLOURS, {"compression": "jpeg2000", "photometric": "rgb"}),
    "lerc": (CLASSES, {"compression": "lerc"}),
    "jpegxl": (CLASSES, {"compression": "jpegxl"}),
    "png": (CLASSES, {"compression": "png"}),
    "jpeg": (CLASSES, {"compression": "jpeg"}),
    "jpeg of colours": (COLOURS, {"compression": "jpeg", "photometric": "rgb"}),
    "jpeg of subsampled colours": (
        COLOURS,
        {"compression": "jpeg", "photometric": "ycbcr", "subsampling": (2, 2)},
    ),
    "jpeg of two samples": (
        COLOURS[..., :2],
        {"compression": "jpeg", "photometric": "minisblack", "planarconfig": "contig"},
    ),
}
FAX = {"fax of rows": 2, "fax group 3": 3, "fax group 4": 4}
TILED = {"tile": (96, 128)}


def fax(path: Path, codec: int, image: np.ndarray) -> None:
    """A strip of CCITT, as Pillow's libtiff writes it."""
    names = {2: "tiff_ccitt", 3: "group3", 4: "group4"}
    Image.fromarray(image).save(path, format="TIFF", compression=names[codec], dpi=(25_400, 25_400))


def encoded(codec: str, path: Path, layout: dict) -> np.ndarray:
    """Write a file of one stream; what it holds."""
    if codec in FAX:
        fax(path, FAX[codec], CLASSES > 1)
    else:
        image, options = CODECS[codec]
        tifffile.imwrite(path, image, metadata=None, rowsperstrip=96, **options, **layout)
    return read(path)


@pytest.mark.parametrize("eighths", range(1, 8))
@pytest.mark.parametrize("codec", [*CODECS, *FAX])
def test_a_stream_that_is_cut_short_is_an_error(codec, eighths, tmp_path) -> None:
    encoded(codec, tmp_path / "a.tiff", {})
    data = stream_of(tmp_path / "a.tiff")
    restream(tmp_path / "a.tiff", data[: len(data) * eighths // 8])
    with pytest.raises(TruncatedError):
        read(tmp_path / "a.tiff")


@pytest.mark.parametrize("eighths", range(1, 8))
@pytest.mark.parametrize("codec", [*CODECS, "fax of rows", "fax group 3"])
def test_a_stream_that_ends_in_zeros_is_an_error_or_lost_no_pixel(codec, eighths, tmp_path) -> None:
    whole = encoded(codec, tmp_path / "a.tiff", {})
    data = stream_of(tmp_path / "a.tiff")
    restream(tmp_path / "a.tiff", data[: len(data) * eighths // 8].ljust(len(data), b"\0"))
    try:
        found = read(tmp_path / "a.tiff")
    except TruncatedError:
        return
    np.testing.assert_array_equal(found, whole)


@pytest.mark.parametrize("layout", [{}, TILED], ids=["strip", "tile"])
@pytest.mark.parametrize("codec", CODECS)
def test_a_stream_that_is_longer_than_needed_is_none(codec, layout, tmp_path) -> None:
    whole = encoded(codec, tmp_path / "a.tiff", layout)
    restream(tmp_path / "a.tiff", stream_of(tmp_path / "a.tiff") + b"\0" * 100)
    np.testing.assert_array_equal(read(tmp_path / "a.tiff"), whole)


@pytest.mark.parametrize("codec", ENCODERS)
@pytest.mark.parametrize("rows", [16, 3])
def test_a_last_strip_may_be_padded_to_the_rows_of_the_others(codec, rows, tmp_path) -> None:
    image = np.random.default_rng(0).integers(0, 4, (20, 32)).astype(np.uint8)
    strips = -(-20 // rows)
    padded = np.vstack([image, np.full((strips * rows - 20, 32), 7, np.uint8)])
    segments = [bytes(ENCODERS[codec](padded[row : row + rows].tobytes())) for row in range(0, len(padded), rows)]
    page = Page(segments, (20, 32), {ROWS: (LONG, [rows]), COMPRESSION: (SHORT, [codec])})
    np.testing.assert_array_equal(read(write(tmp_path / "a.tiff", page)), image)


@pytest.mark.parametrize("rows", [16, 8])
def test_a_last_jpeg_strip_may_be_padded_too(rows, tmp_path) -> None:
    image = np.add.outer(np.arange(20), np.arange(32)).astype(np.uint8)
    padded = np.vstack([image, np.zeros((-20 % rows, 32), np.uint8)])
    segments = [imagecodecs.jpeg8_encode(padded[row : row + rows], level=95) for row in range(0, len(padded), rows)]
    page = Page(segments, (20, 32), {ROWS: (LONG, [rows]), COMPRESSION: (SHORT, [7])})
    expected = np.vstack([imagecodecs.jpeg8_decode(segment) for segment in segments])[:20]
    np.testing.assert_array_equal(read(write(tmp_path / "a.tiff", page)), expected)


# CCITT

WHITE = {0: "00110101", 3: "1000", 5: "1100", 7: "1111"}
BLACK = {0: "0000110111", 4: "011", 6: "0010", 2: "11"}
HORIZONTAL, PASS, V0 = "001", "0001", "1"


def bits(text: str) -> bytes:
    size = -(-len(text) // 8)
    return int(text.ljust(8 * size, "0"), 2).to_bytes(size, "big")


def test_group_4_rows_with_empty_runs_are_as_libtiff_reads_them(tmp_path) -> None:
    """The first pair of runs of row 0 is empty; row 1 passes it."""
    rows = [
        HORIZONTAL + WHITE[0] + BLACK[0] + HORIZONTAL + WHITE[5] + BLACK[6] + V0,
        PASS + HORIZONTAL + WHITE[3] + BLACK[4] + PASS + V0,
    ]
    page = Page([bits("".join(rows) + "000000000001" * 2)], (2, 32))
    page.tags = {BITS: (SHORT, [1]), COMPRESSION: (SHORT, [4]), PHOTOMETRIC: (SHORT, [0])}
    expected = np.zeros((2, 32), bool)
    expected[0, 5:11] = expected[1, 3:7] = True
    np.testing.assert_array_equal(read(write(tmp_path / "a.tiff", page)), expected)


@pytest.mark.parametrize("options", [0, 1, 4, 5])
@pytest.mark.parametrize("fill_order", [1, 2])
def test_group_3_is_read_with_its_options_and_its_order_of_bits(options, fill_order, tmp_path) -> None:
    image = np.random.default_rng(1).integers(0, 2, (24, 6)).repeat(7, 1).astype(bool)
    plain = tmp_path / "plain.tiff"
    tags = {292: options, 266: fill_order}
    Image.fromarray(image).save(plain, format="TIFF", compression="group3", tiffinfo=tags, dpi=(25_400, 25_400))
    expected = imagecodecs.tiff_decode(plain.read_bytes()) != 0
    np.testing.assert_array_equal(read(plain), expected)


def test_lerc_with_its_alpha_as_a_mask_is_read(tmp_path) -> None:
    rasterio = pytest.importorskip("rasterio", reason="GDAL comes with the dependency group bench")
    colours, alpha = np.moveaxis(COLOURS, 2, 0), np.where(CLASSES > 1, 255, 0).astype(np.uint8)
    options = {"driver": "GTiff", "width": 128, "height": 96, "count": 4, "dtype": "uint8", "compress": "lerc"}
    with (
        pytest.warns(rasterio.errors.NotGeoreferencedWarning),
        rasterio.open(tmp_path / "a.tiff", "w", alpha="yes", interleave="pixel", photometric="rgb", **options) as file,
    ):
        file.write(np.concatenate([colours, alpha[None]]))
    with open_slide(str(tmp_path / "a.tiff")) as reader:
        chunk = reader.read_chunk(0, 0, 0)
    assert chunk.exists is not None
    np.testing.assert_array_equal(chunk.exists, alpha > 0)
    np.testing.assert_array_equal(chunk.pixels[chunk.exists], COLOURS[alpha > 0])
