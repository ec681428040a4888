"""PNG of every colour type, depth and filter gives the numbers that are stored."""

import io
import re
import zlib
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ratiopath.geometry import Extent, Mpp
from ratiopath.slides import open_slide, pictures
from ratiopath.slides.pictures.png_rows import PixelFormat, RowStream
from tests.support.pictures import (
    COLOURS,
    FORMATS,
    GREY,
    GREY_ALPHA,
    PALETTE,
    RGB,
    RGB_ALPHA,
    SAMPLES,
    chunk,
    exif,
    png,
    read,
    rows,
    whole,
)

ALPHA = (GREY_ALPHA, RGB_ALPHA)


def noise(colours: int, depth: int, height: int = 37, width: int = 45, seed: int = 0) -> np.ndarray:
    """Random numbers; a fifth of alpha is 0."""
    random = np.random.default_rng(seed)
    found = random.integers(0, 1 << depth, (height, width, SAMPLES[colours])).astype(np.uint16)
    if colours in ALPHA:
        found[..., -1] *= random.random((height, width)) < 0.8
    return found


def expected(samples: np.ndarray, colours: int, depth: int) -> np.ndarray:
    """The pixels of stored samples: without alpha, one channel as a plane, in the type that holds them."""
    pixels = samples[..., :-1] if colours in ALPHA else samples
    dtype = bool if (colours, depth) == (GREY, 1) else np.uint16 if depth == 16 else np.uint8
    return (pixels[..., 0] if pixels.shape[2] == 1 else pixels).astype(dtype)


@pytest.mark.parametrize("filters", [(0,), (0, 1, 2, 3, 4), (4, 3, 2, 1)], ids=str)
@pytest.mark.parametrize("is_interlaced", [False, True], ids=["plain", "adam7"])
@pytest.mark.parametrize(("colours", "depth"), FORMATS)
def test_numbers_are_those_that_are_stored(colours, depth, is_interlaced, filters, tmp_path) -> None:
    samples = noise(colours, depth)

    pixels, exists = read(tmp_path / "a", png(samples, depth, colours, filters=filters, is_interlaced=is_interlaced))

    np.testing.assert_array_equal(pixels, expected(samples, colours, depth), strict=True)
    np.testing.assert_array_equal(exists, samples[..., -1] != 0 if colours in ALPHA else np.ones(pixels.shape[:2]))


@given(
    form=st.sampled_from(FORMATS),
    height=st.integers(1, 20),
    width=st.integers(1, 20),
    filters=st.lists(st.integers(0, 4), min_size=1, max_size=5),
    piece=st.integers(1, 40),
    band=st.integers(1, 7),
)
def test_rows_of_any_size_filter_and_piece_are_those_stored(form, height, width, filters, piece, band) -> None:
    samples = noise(*form, height, width)
    stream = zlib.compress(rows(samples, form[1], tuple(filters)))
    parts = iter([stream[start : start + piece] for start in range(0, len(stream), piece)])

    bands = list(PixelFormat(SAMPLES[form[0]], form[1]).bands(RowStream(parts), width, height, band))

    assert {len(one) for one in bands[:-1]} <= {band}
    np.testing.assert_array_equal(np.concatenate(bands), samples)


@pytest.mark.parametrize("is_interlaced", [False, True], ids=["plain", "adam7"])
@pytest.mark.parametrize("filters", [(0,), (4, 2)], ids=str)
def test_bands_may_be_read_in_any_order(filters, is_interlaced, tmp_path) -> None:
    samples = noise(GREY, 8, 1100, 30)
    (tmp_path / "a").write_bytes(png(samples, filters=filters, is_interlaced=is_interlaced))
    with open_slide(str(tmp_path / "a")) as reader:
        assert reader.chunk_extent(0) == Extent(30, 512)
        for row in (2, 0, 1, 2, 2, 0):
            found = reader.read_chunk(0, 0, row).pixels
            np.testing.assert_array_equal(found, samples[row * 512 : (row + 1) * 512, :, 0])


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGB", "RGBA", "I;16"])
def test_what_pillow_writes_is_what_pillow_reads(mode, tmp_path) -> None:
    random = np.random.default_rng(1)
    shape = (90, 70) if len(mode) < 2 or mode == "I;16" else (90, 70, len(mode))
    dtype, most = (np.uint16, 1 << 16) if mode == "I;16" else (bool, 2) if mode == "1" else (np.uint8, 200)
    array = random.integers(0, most, shape).astype(dtype)
    image = Image.fromarray(array)
    if mode == "P":
        image.putpalette(list(range(200)) * 3, "RGB")
    image.save(tmp_path / "a.png")

    pixels, exists = read(tmp_path / "a", (tmp_path / "a.png").read_bytes())

    want = array[..., :-1] if mode.endswith("A") else array
    np.testing.assert_array_equal(pixels, want[..., 0] if mode == "LA" else want, strict=True)
    np.testing.assert_array_equal(exists, array[..., -1] != 0 if mode.endswith("A") else np.ones((90, 70)))


@pytest.mark.parametrize("samples", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_what_imagecodecs_writes_reads_back(samples, dtype, tmp_path) -> None:
    smooth = np.cumsum(np.random.default_rng(2).integers(0, 3, (80, 60, samples)), axis=0).astype(dtype)
    smooth[..., -1] += 1
    content = imagecodecs.png_encode(smooth[..., 0] if samples == 1 else smooth, level=9)

    pixels, _ = read(tmp_path / "a", content)

    want = smooth[..., :-1] if samples in (2, 4) else smooth
    np.testing.assert_array_equal(pixels, want[..., 0] if want.shape[2] == 1 else want, strict=True)


def test_a_palette_is_kept_for_pictures_and_indices_beyond_it_are_values(tmp_path) -> None:
    content = png(np.array([[0, 1], [2, 200]]), 8, PALETTE, before=chunk(b"PLTE", COLOURS[:9]))
    (tmp_path / "a").write_bytes(content)
    with open_slide(str(tmp_path / "a")) as reader:
        assert whole(reader)[0].tolist() == [[0, 1], [2, 200]]
        assert reader.palette.shape == (256, 3)
        assert reader.palette[[0, 2, 3]].tolist() == [[1, 2, 3], [7, 8, 9], [0, 0, 0]]


def test_an_index_that_is_transparent_does_not_exist(tmp_path) -> None:
    content = png(
        np.arange(6).reshape(2, 3), 4, PALETTE, before=chunk(b"PLTE", COLOURS[:18]) + chunk(b"tRNS", b"\xff\0\1")
    )
    pixels, exists = read(tmp_path / "a", content)
    assert pixels.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert exists.tolist() == [[True, False, True], [True, True, True]]


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_a_grey_that_is_transparent_does_not_exist(depth, tmp_path) -> None:
    samples = noise(GREY, depth)
    key = int(samples[3, 3, 0])
    transparent = chunk(b"tRNS", (key | 0x8000 if depth < 16 else key).to_bytes(2, "big"))
    _, exists = read(tmp_path / "a", png(samples, depth, before=transparent))
    np.testing.assert_array_equal(exists, samples[..., 0] != key)


@pytest.mark.parametrize("depth", [8, 16])
def test_a_colour_that_is_transparent_does_not_exist(depth, tmp_path) -> None:
    samples = noise(RGB, depth) % 2
    _, exists = read(tmp_path / "a", png(samples, depth, RGB, before=chunk(b"tRNS", b"\0\0\0\1\0\0")))
    np.testing.assert_array_equal(exists, (samples != [0, 1, 0]).any(axis=2))
    assert 0 < exists.sum() < exists.size


def test_density_gamma_and_text_change_nothing(tmp_path) -> None:
    density = chunk(b"pHYs", (20_000).to_bytes(4, "big") * 2 + b"\1")
    content = png(
        noise(GREY, 8), before=density + chunk(b"gAMA", b"\0\0\1\0") + chunk(b"sBIT", b"\5"), behind=chunk(b"tEXt")
    )
    pixels, _ = read(tmp_path / "a", content)
    np.testing.assert_array_equal(pixels, noise(GREY, 8)[..., 0])
    with open_slide(str(tmp_path / "a")) as reader:
        assert reader.pyramid.mpp is None
    with open_slide(str(tmp_path / "a"), Mpp(2, 4)) as reader:
        assert reader.pyramid.mpp == Mpp(2, 4)


@pytest.mark.parametrize("order", ["<", ">"])
def test_an_upright_picture_is_read(order, tmp_path) -> None:
    assert read(tmp_path / "a", png(noise(GREY, 8), behind=chunk(b"eXIf", exif(1, order))))[0].any()


def test_a_stream_that_is_longer_than_needed_is_read(tmp_path) -> None:
    """Rows below the last, as for every codec of TIFF."""
    samples = noise(GREY, 8)
    content = png(samples).replace((37).to_bytes(4, "big") + b"\x08\0", (30).to_bytes(4, "big") + b"\x08\0")
    head = content[12:29]
    content = content.replace(content[8:33], chunk(head[:4], head[4:]))
    pixels, _ = read(tmp_path / "a", content)
    np.testing.assert_array_equal(pixels, samples[:30, :, 0])


def test_a_single_frame_of_an_animation_is_a_picture(tmp_path) -> None:
    content = png(noise(GREY, 8), before=chunk(b"acTL", b"\0\0\0\1\0\0\0\0") + chunk(b"fcTL", bytes(26)))
    assert read(tmp_path / "a", content)[0].any()


def test_the_guard_of_pillow_is_not_touched(tmp_path) -> None:
    before = Image.MAX_IMAGE_PIXELS
    (tmp_path / "a").write_bytes(png(noise(GREY, 8)))
    open_slide(str(tmp_path / "a")).close()
    assert before == Image.MAX_IMAGE_PIXELS
    sources = Path(pictures.__file__).parent.glob("*.py")
    assert not any(re.search(r"\bPIL\b", source.read_text(encoding="utf-8")) for source in sources)


def test_an_optimised_png_reads_as_by_pillow(tmp_path) -> None:
    file = io.BytesIO()
    gradient = np.add.outer(np.arange(600), np.arange(700)).astype(np.uint8)
    Image.fromarray(gradient).save(file, "PNG", optimize=True)
    pixels, _ = read(tmp_path / "a", file.getvalue())
    np.testing.assert_array_equal(pixels, gradient)
