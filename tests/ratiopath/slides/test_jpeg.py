"""JPEG streams: with shared tables, in planes, cut short, and of another image."""

import imagecodecs
import numpy as np
import pytest
import tifffile

from ratiopath.errors import TruncatedError
from ratiopath.slides import open_slide
from ratiopath.slides.tiff.aperio import AperioReader
from tests.support.handmade import (
    BITS,
    COMPRESSION,
    PHOTOMETRIC,
    SAMPLES,
    SHORT,
    Page,
    write,
)
from tests.support.streams import COLOURS, SMOOTH, read, restream, stream_of


def split(stream: bytes) -> tuple[bytes, bytes]:
    """JPEG tables and the stream without them, as libtiff stores them."""
    at, tables, rest = 2, b"", b""
    while stream[at + 1] != 0xDA:  # start of scan
        size = 2 + int.from_bytes(stream[at + 2 : at + 4], "big")
        part = stream[at : at + size]
        if stream[at + 1] in (0xDB, 0xC4):  # quantisation, Huffman
            tables += part
        elif stream[at + 1] != 0xE0:
            rest += part
        at += size
    return b"\xff\xd8" + tables + b"\xff\xd9", b"\xff\xd8" + rest + stream[at:]


def test_each_page_of_a_channel_is_decoded_with_its_own_tables(tmp_path) -> None:
    planes = [SMOOTH, 255 - SMOOTH]
    xml = (
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0"><Pixels ID="Pixels:0"'
        ' DimensionOrder="XYCZT" Type="uint8" SizeX="64" SizeY="64" SizeC="2" SizeZ="1" SizeT="1"><Channel/><Channel/>'
        '<TiffData FirstC="0" IFD="0"/><TiffData FirstC="1" IFD="1"/></Pixels></Image></OME>'
    )
    pages, expected = [], []
    for plane, quality in zip(planes, (95, 20), strict=True):
        whole = imagecodecs.jpeg8_encode(plane, level=quality)
        tables, abbreviated = split(whole)
        pages.append(Page([abbreviated], (64, 64), {COMPRESSION: (SHORT, [7]), 347: (7, tables)}))
        expected.append(imagecodecs.jpeg8_decode(whole))
    pages[0].tags[270] = (2, xml.encode() + b"\0")
    np.testing.assert_array_equal(read(write(tmp_path / "a.ome.tiff", *pages)), np.dstack(expected))


def test_planes_of_jpeg_are_read_as_grey_whatever_colour_they_are(tmp_path) -> None:
    segments = [imagecodecs.jpeg8_encode(plane, level=90) for plane in (SMOOTH, SMOOTH // 2, 255 - SMOOTH)]
    page = Page(segments, (64, 64), {COMPRESSION: (SHORT, [7]), 284: (SHORT, [2]), PHOTOMETRIC: (SHORT, [2])})
    page.tags |= {SAMPLES: (SHORT, [3]), BITS: (SHORT, [8, 8, 8])}
    expected = np.dstack([imagecodecs.jpeg8_decode(segment) for segment in segments])
    np.testing.assert_array_equal(read(write(tmp_path / "a.tiff", page)), expected)


def test_a_jpeg_whose_end_is_cut_and_marked_is_an_error(tmp_path) -> None:
    options = {"compression": "jpeg", "photometric": "rgb", "rowsperstrip": 96}
    tifffile.imwrite(tmp_path / "a.tiff", COLOURS, metadata=None, **options)
    data = stream_of(tmp_path / "a.tiff")
    restream(tmp_path / "a.tiff", data[: len(data) // 2] + b"\xff\xd9")
    with pytest.raises(TruncatedError, match="premature end"):
        read(tmp_path / "a.tiff")


@pytest.mark.parametrize(("stored", "samples"), [((8, 8), 3), ((8, 8, 3), 1), ((16, 8), 1), ((8, 16), 1)])
def test_a_jpeg_that_is_no_image_of_its_strip_is_an_error(stored, samples, tmp_path) -> None:
    tags = {COMPRESSION: (SHORT, [7]), SAMPLES: (SHORT, [samples]), BITS: (SHORT, [8] * samples)}
    tags[PHOTOMETRIC] = (SHORT, [2 if samples == 3 else 1])
    page = Page([imagecodecs.jpeg8_encode(np.zeros(stored, np.uint8))], (8, 8), tags)
    with pytest.raises(TruncatedError, match="a JPEG of"):
        read(write(tmp_path / "a.tiff", page))


SCAN = "Aperio Image Library v1\r\n256x256 (64x64) JPEG/RGB Q=70|AppMag = 20|MPP = 0.5"


@pytest.mark.parametrize("damage", ["cut", "zeros"])
def test_a_tile_of_a_scan_that_ends_early_is_an_error(damage, tmp_path) -> None:
    image = np.random.default_rng(0).integers(0, 255, (64, 64, 3)).astype(np.uint8)
    options = {"tile": (64, 64), "compression": "jpeg", "description": SCAN, "metadata": None}
    tifffile.imwrite(tmp_path / "a.svs", image, photometric="rgb", **options)
    data = stream_of(tmp_path / "a.svs")
    half = data[: len(data) // 2]
    restream(tmp_path / "a.svs", half if damage == "cut" else half.ljust(len(data), b"\0"))
    with open_slide(str(tmp_path / "a.svs")) as reader:
        assert isinstance(reader, AperioReader)
        with pytest.raises(TruncatedError):
            reader.read_chunk(0, 0, 0)
