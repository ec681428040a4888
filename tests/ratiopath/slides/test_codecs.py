"""Streams of every codec, cut short, longer than needed or padded: read as libtiff and libjpeg-turbo read them."""

import warnings
from contextlib import suppress
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from ratiopath.errors import InvalidMppError, MissingMppError, SlideError, TruncatedError, UnsupportedImageError
from ratiopath.geometry import Mpp
from ratiopath.slides import open_slide
from ratiopath.slides.openslide_reader import OpenSlideReader
from ratiopath.slides.tiff.aperio import AperioReader
from ratiopath.slides.tiff.reader import TiffReader
from tests.support.handmade import (
    BITS,
    BYTE,
    COMPRESSION,
    COUNTS,
    DOUBLE,
    FLOAT,
    LENGTH,
    LONG,
    LONG8,
    NODATA,
    OFFSETS,
    PHOTOMETRIC,
    PREDICTOR,
    ROWS,
    SAMPLES,
    SBYTE,
    SHORT,
    SLONG,
    SSHORT,
    WIDTH,
    X_RESOLUTION,
    Y_RESOLUTION,
    Page,
    page_of,
    write,
)

CLASSES = np.random.default_rng(0).integers(0, 4, (12, 16)).repeat(8, 0).repeat(8, 1).astype(np.uint8)
COLOURS = np.dstack([CLASSES * 20, CLASSES * 50, np.add.outer(np.arange(96), np.arange(128)).astype(np.uint8)])


def read(path: Path | str, level: int = 0) -> np.ndarray:
    """All pixels of a level."""
    with open_slide(str(path)) as reader:
        extent, chunk = reader.pyramid.levels[level].extent, reader.chunk_extent(level)
        rows = [
            [reader.read_chunk(level, column, row).pixels for column in range(-(-extent.width // chunk.width))]
            for row in range(-(-extent.height // chunk.height))
        ]
    return np.concatenate([np.concatenate(row, 1) for row in rows], 0)


# Streams that end early, and streams that go on

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


# JPEG


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


SMOOTH = (np.add.outer(np.arange(64), np.arange(64)) * 2).astype(np.uint8)


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
    encoded("jpeg of colours", tmp_path / "a.tiff", {})
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


# Predictors, colours


@pytest.mark.parametrize("codec", [1, 32773])
@pytest.mark.parametrize("predictor", [2, 3, 5])
def test_a_predictor_beside_a_codec_without_one_is_ignored(codec, predictor, tmp_path) -> None:
    image = np.zeros((16, 32), np.uint8)
    image[:, 16:] = 5
    tags = {COMPRESSION: (SHORT, [codec]), PREDICTOR: (SHORT, [predictor])}
    page = Page([bytes(ENCODERS[codec](image.tobytes()))], (16, 32), tags)
    np.testing.assert_array_equal(read(write(tmp_path / "a.tiff", page)), image)


@pytest.mark.parametrize("codec", [5, 8, 34925, 50000])
@pytest.mark.parametrize(("predictor", "bits"), [(2, 1), (2, 2), (2, 4), (2, 12), (3, 8), (3, 16), (7, 8)])
def test_a_predictor_that_libtiff_does_not_know_is_refused_by_its_name(predictor, bits, codec, tmp_path) -> None:
    tags = {COMPRESSION: (SHORT, [codec]), PREDICTOR: (SHORT, [predictor]), BITS: (SHORT, [bits])}
    page = Page([bytes(ENCODERS[codec](bytes(16 * 32 * bits // 8)))], (16, 32), tags)
    with pytest.raises(UnsupportedImageError, match="predictor"):
        read(write(tmp_path / "a.tiff", page))


@pytest.mark.parametrize("codec", [1, 5, 8, 50000])
@pytest.mark.parametrize("subsampling", [(1, 1), (2, 1), (2, 2)])
def test_ycbcr_colours_without_jpeg_are_refused_by_their_name(codec, subsampling, tmp_path) -> None:
    tags = {SAMPLES: (SHORT, [3]), BITS: (SHORT, [8] * 3), PHOTOMETRIC: (SHORT, [6]), 530: (SHORT, list(subsampling))}
    page = Page([bytes(ENCODERS[codec](bytes(8 * 8 * 3)))], (8, 8), tags | {COMPRESSION: (SHORT, [codec])})
    with pytest.raises(UnsupportedImageError, match="YCbCr"):
        read(write(tmp_path / "a.tiff", page))


def test_jpeg_xr_is_refused_since_its_decoder_hides_damage(tmp_path) -> None:
    tifffile.imwrite(tmp_path / "a.tiff", CLASSES, compression="jpegxr", metadata=None)
    with pytest.raises(UnsupportedImageError, match="JPEG XR"):
        read(tmp_path / "a.tiff")


WEBP_SAMPLES = [(1, [], 1), (2, [2], 1), (5, [0, 0], 1), (3, [], 2)]
"""Samples per pixel, kinds of extra samples and planar configuration that WebP cannot hold."""


@pytest.mark.parametrize(("samples", "extra", "planar"), WEBP_SAMPLES)
def test_webp_without_pixels_of_samples_that_it_cannot_hold_is_refused(samples, extra, planar, tmp_path) -> None:
    """GDAL leaves such a file sparse, so no decoder ever sees that there is nothing to decode."""
    tags = {COMPRESSION: (SHORT, [50001]), SAMPLES: (SHORT, [samples]), BITS: (SHORT, [8] * samples)}
    tags |= {338: (SHORT, extra), 284: (SHORT, [planar]), OFFSETS: (LONG, [0]), COUNTS: (LONG, [0])}
    path = write(tmp_path / "a.tiff", Page([b""], (16, 16), tags))
    with pytest.raises(
        UnsupportedImageError, match=rf"is WebP of {samples} (interleaved|separate) uint8 sample\(s\); hint"
    ):
        open_slide(str(path))


def test_webp_of_grey_and_alpha_as_gdal_leaves_it_is_refused(tmp_path) -> None:
    rasterio = pytest.importorskip("rasterio", reason="GDAL comes with the dependency group bench")
    path = tmp_path / "a.tiff"
    profile = {"driver": "GTiff", "width": 64, "height": 64, "count": 2, "dtype": "uint8", "compress": "webp"}
    with (
        warnings.catch_warnings(),
        suppress(rasterio.errors.RasterioIOError),
    ):  # its error comes while it closes, if ever
        warnings.simplefilter("ignore")  # no georeference
        with rasterio.open(path, "w", **profile, alpha="yes") as file:
            file.write(np.full((2, 64, 64), 255, np.uint8))
    with pytest.raises(UnsupportedImageError, match="is WebP of 2 interleaved uint8"):
        open_slide(str(path))


@pytest.mark.parametrize("tag", [(LONG, [0]), (SHORT, [0]), (SLONG, [-1]), (SSHORT, [-1]), (SLONG, [-5])])
def test_strips_of_no_rows_are_refused_for_what_they_are(tag, tmp_path) -> None:
    path = write(tmp_path / "a.tiff", page_of(CLASSES, t278=tag))
    with pytest.raises(UnsupportedImageError, match=rf"has strips of {tag[1][0]} rows \(RowsPerStrip\)"):
        open_slide(str(path))


@pytest.mark.parametrize("tag", [(LONG, [2**32 - 1]), (SHORT, [2**16 - 1]), (LONG, [])])
def test_more_rows_per_strip_than_there_are_mean_one_strip(tag, tmp_path) -> None:
    np.testing.assert_array_equal(read(write(tmp_path / "a.tiff", page_of(CLASSES, t278=tag))), CLASSES)


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


# Types of tags

INTEGERS = (BYTE, SHORT, LONG, SBYTE, SSHORT, SLONG, LONG8)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("kind", INTEGERS)
@pytest.mark.parametrize("code", [WIDTH, LENGTH, BITS, COMPRESSION, PHOTOMETRIC, SAMPLES, ROWS, COUNTS])
def test_a_tag_may_be_of_any_integer_type(code, kind, order, tmp_path) -> None:
    image = np.arange(64, dtype=np.uint8).reshape(8, 8)
    value = {WIDTH: 8, LENGTH: 8, BITS: 8, COMPRESSION: 1, PHOTOMETRIC: 1, SAMPLES: 1, ROWS: 8, COUNTS: 64}[code]
    path = write(tmp_path / "a.tiff", page_of(image, **{f"t{code}": (kind, [value])}), order=order)
    np.testing.assert_array_equal(read(path), image)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("kind", [BYTE, SHORT, LONG, SLONG, LONG8])
@pytest.mark.parametrize("strips", [1, 2, 4, 8])
def test_a_list_of_places_may_be_of_any_integer_type(strips, kind, order, tmp_path) -> None:
    image = np.arange(64, dtype=np.uint8).reshape(8, 8)
    segments = [part.tobytes() for part in np.split(image, strips)]
    tags = {ROWS: (LONG, [8 // strips]), COUNTS: (kind, [64 // strips] * strips), OFFSETS: (kind, "offsets")}
    np.testing.assert_array_equal(read(write(tmp_path / "a.tiff", Page(segments, (8, 8), tags), order=order)), image)


@pytest.mark.parametrize("kind", [SHORT, LONG, FLOAT, DOUBLE, LONG8, SLONG])
def test_a_resolution_may_be_of_any_numeric_type(kind, tmp_path) -> None:
    tags = {f"t{code}": (kind, [20_000]) for code in (X_RESOLUTION, Y_RESOLUTION)}
    with open_slide(str(write(tmp_path / "a.tiff", page_of(SMOOTH, **tags)))) as reader:
        assert reader.pyramid.mpp == Mpp(0.5, 0.5)


@pytest.mark.parametrize("values", [b"abc\0", [1.0, 2.0, 3.0], [float("nan")]])
def test_a_resolution_that_is_no_number_is_no_damage(values, tmp_path) -> None:
    kind = 2 if isinstance(values, bytes) else FLOAT
    tags = {f"t{code}": (kind, values) for code in (X_RESOLUTION, Y_RESOLUTION)}
    try:
        with open_slide(str(write(tmp_path / "a.tiff", page_of(SMOOTH, **tags)))) as reader:
            assert reader.pyramid.mpp is None
    except SlideError as error:
        assert isinstance(error, InvalidMppError | MissingMppError)  # noqa: PT017 - either may be said


def test_one_uncompressed_strip_needs_no_byte_count(tmp_path) -> None:
    np.testing.assert_array_equal(read(write(tmp_path / "a.tiff", page_of(SMOOTH, t279=(LONG, [])))), SMOOTH)


@pytest.mark.parametrize("tag", [(FLOAT, [64.0]), (2, b"64\0"), (LONG, [64, 64])], ids=["float", "text", "two"])
def test_a_width_that_is_no_integer_is_refused_for_what_it_is(tag, tmp_path) -> None:
    with pytest.raises(UnsupportedImageError, match="unexpected type or number of values"):
        read(write(tmp_path / "a.tiff", page_of(SMOOTH, t256=tag)))


# Sparse pixels and their fill value


def sparse(path: Path, dtype: str, text: bytes) -> Path:
    """A scan with the last two of four tiles left out."""
    tifffile.imwrite(
        path,
        np.ones((64, 64), dtype),
        tile=(32, 32),
        photometric="minisblack",
        metadata=None,
        extratags=[(NODATA, 2, len(text), text, True)],
    )
    with tifffile.TiffFile(path, mode="r+") as tiff:
        for name in ("TileOffsets", "TileByteCounts"):
            tag = tiff.pages.first.tags[name]
            tag.overwrite((*tag.value[:2], 0, 0))
    return path


FILLS = {
    "uint8": {"7": 7, " 7 ": 7, "255": 255, "256": 255, "-1": 0, "65535.0": 255, "2.55e2": 255, "2.5": 3, "254.6": 255,
              "nan": 0, "inf": 255, "7abc": 7, "abc": 0, "3,5": 4, "1e400": 255, "+5": 5, "": 0},
    "int8": {"-1": -1, "-9999": -128, "255": 127, "-2.5": -3},
    "uint16": {"65535.0": 65535, "1.5e3": 1500, "-9999": 0, "65536": 65535},
    "int16": {"-9999": -9999, "-32768.0": -32768, "1e6": 32767},
    "int32": {"-2147483648": -2147483648, "1e39": 2147483647},
    "uint32": {"4294967295": 4294967295, "-1": 0},
    "int64": {"9007199254740993": 9007199254740993, "-9223372036854775808": -9223372036854775808, "2.55e2": 2},
    "uint64": {"18446744073709551615": 18446744073709551615, "2.5": 2},
    "float32": {"-3.4028234663852886e+38": np.finfo(np.float32).min, "nan": np.nan, "1e39": np.inf, "3,5": 3.5,
                "-inf": -np.inf, "7abc": 7, "0.1": np.float32(0.1)},
    "float64": {"-3.4028234663852886e+38": -3.4028234663852886e+38, "1e39": 1e39, "NaN": np.nan, "-9999": -9999, "": 0},
}  # fmt: skip
"""GDAL_NODATA and the value that GDAL gives to a tile that is left out."""


@pytest.mark.parametrize(("dtype", "text"), [(dtype, text) for dtype in FILLS for text in FILLS[dtype]])
def test_a_sparse_tile_holds_the_fill_value_as_gdal_reads_it(dtype, text, tmp_path) -> None:
    found = read(sparse(tmp_path / "a.tiff", dtype, text.encode() + b"\0"))
    expected = np.ones((64, 64), dtype)
    expected[32:] = FILLS[dtype][text]
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("layout", [{"tile": (32, 32)}, {"rowsperstrip": 32}])
def test_a_byte_count_of_zero_with_a_place_is_damage(layout, tmp_path) -> None:
    path = tmp_path / "a.tiff"
    tifffile.imwrite(path, CLASSES, metadata=None, **layout)
    with tifffile.TiffFile(path, mode="r+") as tiff:
        tag = tiff.pages.first.tags[325 if "tile" in layout else 279]
        tag.overwrite((*tag.value[:-1], 0))
    with pytest.raises(TruncatedError):
        read(path)


# Words of a vendor

DESCRIPTIONS = {
    "Aperio": {"description": "Aperio Image Library v1\r\n256x256 (64x64) RAW|AppMag = 20|MPP = 1.0"},
    "Trestle": {"description": "Background Color=FFFFFF;OverlapsXY= 0 0;Objective=20", "software": "MedScan"},
    "Ventana": {
        "description": "level=0 mag=20 quality=95",
        "extratags": [
            (700, 1, None, b"<EncodeInfo Ver='2'><iScan Magnification='20' ScanRes='0.5'/></EncodeInfo>", True)
        ],
    },
    "Philips": {
        "description": "<?xml version='1.0'?><DataObject ObjectType='DPUfsImport'></DataObject>",
        "software": "Philips DP v1.0",
    },
    "Leica": {
        "description": "<?xml version='1.0'?><scn xmlns='http://www.leica-microsystems.com/scn/2010/10/01'>"
        "<collection sizeX='10' sizeY='10'><image><pixels sizeX='256' sizeY='256'/></image></collection></scn>"
    },
    "no vendor": {"description": "a slide, a scan, an image"},
}
LABELS = np.zeros((256, 256), np.uint16)
LABELS[:, 128:], LABELS[128:, :64] = 300, 1000
MASKS: dict[str, tuple[np.ndarray, dict]] = {
    "16 bits": (LABELS, {"photometric": "minisblack"}),
    "8 bits": ((LABELS // 100).astype(np.uint8), {"photometric": "minisblack"}),
    "white is zero": ((LABELS // 100).astype(np.uint8), {"photometric": "miniswhite"}),
    "1 bit": (LABELS > 0, {"photometric": "minisblack"}),
    "floats": ((LABELS / 7).astype(np.float32), {"photometric": "minisblack"}),
    "a palette": (
        (LABELS // 100).astype(np.uint8),
        {"photometric": "palette", "colormap": np.zeros((3, 256), np.uint16)},
    ),
    "colours": (np.dstack([LABELS // 100] * 3).astype(np.uint8), {"photometric": "rgb"}),
    "16-bit colours": (np.dstack([LABELS] * 3), {"photometric": "rgb"}),
}


@pytest.mark.parametrize("codec", [None, "lzw", "deflate"])
@pytest.mark.parametrize("kind", MASKS)
@pytest.mark.parametrize("vendor", DESCRIPTIONS)
def test_a_mask_keeps_its_numbers_whatever_its_description_says(vendor, kind, codec, tmp_path) -> None:
    image, options = MASKS[kind]
    tifffile.imwrite(
        tmp_path / "a.tiff", image, tile=(64, 64), compression=codec, metadata=None, **options, **DESCRIPTIONS[vendor]
    )
    with open_slide(str(tmp_path / "a.tiff")) as reader:
        assert not isinstance(reader, OpenSlideReader | AperioReader)
        assert isinstance(reader, TiffReader)
    np.testing.assert_array_equal(read(tmp_path / "a.tiff"), image, strict=True)
