"""Files with a property that no layout of the table has, and the choice of the reader by content."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import openslide
import pytest
import shapely
import tifffile

from ratiopath.arrow.tile_batch import TileBatch
from ratiopath.errors import InvalidMppError, ParameterError, TruncatedError, UnsupportedImageError
from ratiopath.geometry import Mpp
from ratiopath.slides import open_slide
from tests.support import oracles
from tests.support.bad_files import CENTIMETRE, SVS, described, ome_in_two_files, plain_stack, retagged
from tests.support.expressions import overlaps_of, patches_of, tile_table
from tests.support.layouts import LAYOUTS, Layout, Raster


def noise(rows: int, columns: int, channels: int = 1, seed: int = 0) -> np.ndarray:
    shape = (rows, columns) if channels == 1 else (rows, columns, channels)
    return np.random.default_rng(seed).integers(0, 9, shape).astype(np.uint8)


def whole(path: Path, level: np.ndarray, mpp: tuple[float, float] = (0.5, 0.5)) -> tuple[np.ndarray, np.ndarray]:
    """The patch of a tile as large as a level."""
    [patch] = patches_of(tile_table(path, [(0, 0)], mpp), shapely.box(0, 0, level.shape[1], level.shape[0]))
    return patch


@pytest.mark.parametrize("name", ["mask", "mask.png", "mask.svs", "mask.mrxs", "mask.ome.tiff", "maska.tiff.jpg"])
@pytest.mark.parametrize("layout", ["tiles", "ome", "aperio", "aperio-jpeg2000"])
def test_the_content_picks_the_reader_not_the_name(layout: str, name: str, tmp_path: Path) -> None:
    stored = LAYOUTS[layout].write(tmp_path / name, Raster((noise(40, 50, 3),), (0.5, 0.5)))
    pixels, mask = whole(tmp_path / name, stored.levels[0])
    np.testing.assert_array_equal(pixels, stored.levels[0], strict=True)
    assert not mask.any()


def test_the_same_pixels_give_the_same_answer_through_openslide_and_natively(tmp_path: Path) -> None:
    """The pixels of an Aperio slide in a plain TIFF, which OpenSlide does not know as a vendor's."""
    small = noise(25, 30, 3)
    aperio = LAYOUTS["aperio-jpeg2000"].write(
        tmp_path / "slide.svs", Raster((small.repeat(8, 0).repeat(8, 1),), (0.5, 0.5))
    )
    plain = replace(LAYOUTS["jpeg2000"], tile=(32, 32), unit="INCH").write(tmp_path / "plain.tiff", aperio)
    assert openslide.OpenSlide.detect_format(tmp_path / "slide.svs") == "aperio"
    assert openslide.OpenSlide.detect_format(tmp_path / "plain.tiff") in (None, "generic-tiff")
    roi = shapely.Point(40, 40).buffer(30)
    for stored, name in ((aperio, "slide.svs"), (plain, "plain.tiff")):
        table = tile_table(tmp_path / name, [(0, 0), (100, 120), (230, 150)], (0.5, 0.5))
        found = overlaps_of(table, roi)
        tiles = zip(table["tile_x"].to_pylist(), table["tile_y"].to_pylist(), strict=True)
        want = [oracles.overlap(list(stored.levels), (0.5, 0.5), x, y, (0.5, 0.5), roi) for x, y in tiles]
        assert found == [pytest.approx(row, rel=1e-12) for row in want]


@pytest.mark.parametrize("layout", ["aperio", "aperio-jpeg2000"])
@pytest.mark.parametrize("size", [(64, 2101), (2101, 64), (64, 4203)])
def test_lower_levels_keep_every_pixel_where_no_whole_number_divides_the_first(
    size: tuple[int, int], layout: str, tmp_path: Path
) -> None:
    """OpenSlide places regions in level-0 pixels: a downsample that is no whole number must not shift or blur."""
    levels = [noise(size[0] // factor, size[1] // factor, 3, seed=factor) * 20 for factor in (1, 2, 4)]
    stored = LAYOUTS[layout].write(tmp_path / "slide.svs", Raster(tuple(levels), (0.5, 0.5)))
    for number, mpp in enumerate(oracles.level_mpps(list(stored.levels), stored.mpp)):
        pixels, _ = whole(tmp_path / "slide.svs", stored.levels[number], mpp)
        np.testing.assert_array_equal(pixels, stored.levels[number], strict=True)


@pytest.mark.parametrize("layout", ["aperio", "aperio-jpeg2000"])
def test_a_tile_the_scanner_left_out_does_not_exist(layout: str, tmp_path: Path) -> None:
    level = noise(64, 96, 3) + 1
    level[:32, 32:64] = 0
    stored = replace(LAYOUTS[layout], sparse=True).write(tmp_path / "slide.svs", Raster((level,), (0.5, 0.5)))
    missing = np.zeros((64, 96), bool)
    missing[:32, 32:64] = True
    pixels, mask = whole(tmp_path / "slide.svs", level)
    np.testing.assert_array_equal(mask[..., 0], missing)
    np.testing.assert_array_equal(pixels[~missing], stored.levels[0][~missing])
    np.testing.assert_array_equal(pixels[missing], 0)


@pytest.mark.parametrize("bits", [2, 4])
def test_palette_indices_of_less_than_a_byte_are_the_values(bits: int, tmp_path: Path) -> None:
    """tifffile writes no such samples, so the packed bytes are written and the tags changed."""
    per_byte = 8 // bits
    level = np.random.default_rng(1).integers(0, 2**bits, (20, 32)).astype(np.uint8)
    shifts = np.arange(per_byte)[::-1] * bits
    packed = (level.reshape(20, -1, per_byte) << shifts).sum(axis=2).astype(np.uint8)
    path = tmp_path / "palette.tiff"
    colormap = np.zeros((3, 256), np.uint16)
    tifffile.imwrite(path, packed, photometric="palette", colormap=colormap, rowsperstrip=7, **CENTIMETRE)
    with tifffile.TiffFile(path, mode="r+") as tiff:
        tags = tiff.pages[0].tags
        tags["ImageWidth"].overwrite(level.shape[1])
        tags["BitsPerSample"].overwrite(bits)
        tags["ColorMap"].overwrite(tags["ColorMap"].value[:, : 2**bits].ravel())
    pixels, _ = whole(path, level)
    np.testing.assert_array_equal(pixels, level, strict=True)


def test_associated_alpha_of_zero_does_not_exist_either(tmp_path: Path) -> None:
    level, alpha = noise(20, 30, 3) + 1, (noise(20, 30) > 4) * np.uint8(255)
    level[alpha == 0] = 0
    samples = np.dstack([level, alpha])
    tifffile.imwrite(tmp_path / "a.tiff", samples, photometric="rgb", extrasamples=["assocalpha"], **CENTIMETRE)
    pixels, mask = whole(tmp_path / "a.tiff", level)
    np.testing.assert_array_equal(pixels, level, strict=True)
    np.testing.assert_array_equal(mask[..., 1], alpha == 0)


def test_a_half_transparent_pixel_exists(tmp_path: Path) -> None:
    level, alpha = noise(20, 30), (noise(20, 30, seed=3)).astype(np.uint8)
    LAYOUTS["tiles"].write(tmp_path / "a.tiff", Raster((level,), (0.5, 0.5), (alpha,)))
    pixels, mask = whole(tmp_path / "a.tiff", level)
    np.testing.assert_array_equal(pixels[alpha > 0], level[alpha > 0])
    np.testing.assert_array_equal(mask, alpha == 0)


@pytest.mark.parametrize(("axes", "shape"), [("YX", (40, 50)), ("YXS", (40, 50, 3)), ("CYX", (4, 40, 50))])
def test_ome_tiff_as_tifffile_writes_it(axes: str, shape: tuple[int, ...], tmp_path: Path) -> None:
    random = np.random.default_rng(4)
    small = tuple(n // 2 if axis in "YX" else n for axis, n in zip(axes, shape, strict=True))
    levels = [random.integers(0, 5, size).astype(np.uint16) for size in (shape, small)]
    sizes = {"PhysicalSizeX": 500, "PhysicalSizeXUnit": "nm", "PhysicalSizeY": 0.00025, "PhysicalSizeYUnit": "mm"}
    photometric = "rgb" if axes == "YXS" else "minisblack"
    with tifffile.TiffWriter(tmp_path / "a.ome.tiff", ome=True) as writer:
        common = {"photometric": photometric, "tile": (16, 16), "compression": "zlib"}
        writer.write(levels[0], subifds=1, metadata={"axes": axes, **sizes}, **common)
        writer.write(levels[1], subfiletype=1, **common)
    for level, mpp in zip(levels, ((0.5, 0.25), (1.0, 0.5)), strict=True):
        want = np.moveaxis(level, 0, 2) if axes == "CYX" else level
        pixels, mask = whole(tmp_path / "a.ome.tiff", want, mpp)
        np.testing.assert_array_equal(pixels, want, strict=True)
        assert not mask.any()


def test_where_tags_and_ome_disagree_ome_wins_and_a_warning_says_so(tmp_path: Path) -> None:
    level = noise(40, 50)
    Layout(container="ome", pyramid="none", unit="µm").write(tmp_path / "a.ome.tiff", Raster((level,), (0.5, 0.5)))
    with tifffile.TiffFile(tmp_path / "a.ome.tiff") as tiff:
        description = tiff.pages[0].description.encode()
    tags = {"resolution": (10_000, 10_000), "resolutionunit": "CENTIMETER", "metadata": None}
    tifffile.imwrite(tmp_path / "b.ome.tiff", level, description=description, **tags)
    with pytest.warns(UserWarning, match=r"resolutions in '.*b.ome.tiff' disagree: .*; OME is used"):
        pixels, _ = whole(tmp_path / "b.ome.tiff", level, (0.5, 0.5))
    np.testing.assert_array_equal(pixels, level)


def test_resolution_tags_of_lower_levels_are_not_trusted(tmp_path: Path) -> None:
    """The second level claims a wrong mpp: by its size, a tile at 1 µm/px belongs to it none the less."""
    levels = [noise(40, 60), noise(20, 30, seed=1)]
    with tifffile.TiffWriter(tmp_path / "a.tiff") as writer:
        for number, level in enumerate(levels):
            tags = {"resolution": (20_000 / 16**number,) * 2, "resolutionunit": "CENTIMETER", "metadata": None}
            writer.write(level, subfiletype=number, **tags)
    pixels, _ = whole(tmp_path / "a.tiff", levels[1], (1.0, 1.0))
    np.testing.assert_array_equal(pixels, levels[1], strict=True)


@pytest.mark.parametrize("mark", [0, 1])
def test_pages_are_levels_in_any_order_and_an_unmarked_label_is_not(mark: int, tmp_path: Path) -> None:
    """A small level, a label and a large level come before the level that fits."""
    sizes = {0: (320, 400), 1: (32, 40), 2: (30, 60), 3: (160, 200), 5: (80, 100)}
    with tifffile.TiffWriter(tmp_path / "a.tiff") as writer:
        for value, size in sizes.items():
            is_marked = mark and value not in (0, 2)
            writer.write(np.full(size, value, np.uint8), subfiletype=int(is_marked), **CENTIMETRE)

    with open_slide(str(tmp_path / "a.tiff")) as reader:
        assert [level.extent.width for level in reader.pyramid.levels] == [400, 200, 100, 40]
    for mpp, value in ((0.5, 0), (1.0, 3), (2.0, 5), (4.0, 1), (5.0, 1)):
        pixels, _ = whole(tmp_path / "a.tiff", np.zeros((4, 4)), (mpp, mpp))
        np.testing.assert_array_equal(pixels, value)


def test_a_marked_level_may_be_scaled_otherwise_along_each_axis(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tiff") as writer:
        for mark, size in ((0, (1000, 1300)), (1, (250, 1300)), (1, (500, 1300)), (1, (250, 325))):
            writer.write(np.zeros(size, np.uint8), subfiletype=mark, **CENTIMETRE)
    with open_slide(str(tmp_path / "a.tiff")) as reader:
        found = [(level.extent.width, level.extent.height) for level in reader.pyramid.levels]
    assert found == [(1300, 1000), (1300, 500), (1300, 250), (325, 250)]


def test_labels_and_macro_images_are_not_levels_though_marked_as_reduced(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tiff") as writer:
        for mark, size in ((0, (1024, 1280)), (1, (256, 320)), (1, (64, 80))):
            writer.write(np.zeros(size, np.uint8), subfiletype=mark, tile=(128, 128), **CENTIMETRE)
        writer.write(np.zeros((387, 463), np.uint8), subfiletype=1, **CENTIMETRE)
        writer.write(np.zeros((120, 400), np.uint8), subfiletype=9, tile=(64, 64), **CENTIMETRE)
        writer.write(np.zeros((512, 640), np.complex64), subfiletype=1, **CENTIMETRE)
    with open_slide(str(tmp_path / "a.tiff")) as reader:
        assert [level.extent.width for level in reader.pyramid.levels] == [1280, 320, 80]


def test_a_file_replaced_in_place_is_read_anew(tmp_path: Path) -> None:
    for seed in (1, 2):
        level = noise(30, 30, seed=seed)
        stored = LAYOUTS["deflate"].write(tmp_path / f"{seed}.tiff", Raster((level,), (0.5, 0.5)))
        shutil.copy(tmp_path / f"{seed}.tiff", tmp_path / "mask.tiff")
        pixels, _ = whole(tmp_path / "mask.tiff", level)
        np.testing.assert_array_equal(pixels, stored.levels[0], strict=True)


@pytest.mark.parametrize("layout", ["aperio", "aperio-jpeg2000"])
def test_a_tile_left_out_of_a_lower_level_is_filled_as_openslide_fills_it(layout: str, tmp_path: Path) -> None:
    levels = [noise(128, 128, 3) + 1, noise(64, 64, 3) + 1]
    levels[1][:32, :32] = 0
    replace(LAYOUTS[layout], sparse=True).write(tmp_path / "slide.svs", Raster(tuple(levels), (0.5, 0.5)))

    pixels, mask = whole(tmp_path / "slide.svs", levels[1], (1.0, 1.0))

    with openslide.OpenSlide(tmp_path / "slide.svs") as slide:
        rgba = np.asarray(slide.read_region((0, 0), 1, (64, 64)))
    np.testing.assert_array_equal(pixels, rgba[..., :3] * (rgba[..., 3:] > 0))
    np.testing.assert_array_equal(mask[..., 0], rgba[..., 3] == 0)


def test_an_ome_tiff_whose_planes_lie_in_other_files_is_refused(tmp_path: Path) -> None:
    ome_in_two_files(tmp_path / "m.ome.tif")
    with pytest.raises(UnsupportedImageError, match="1 of its planes in companion files"):
        open_slide(str(tmp_path / "m.ome.tif"))


def test_a_stack_of_plain_pages_is_refused_rather_than_read_in_part(tmp_path: Path) -> None:
    plain_stack(tmp_path / "stack.tiff")
    with pytest.raises(UnsupportedImageError, match="5 planes of 64 x 64 px"):
        open_slide(str(tmp_path / "stack.tiff"))


def test_samples_that_are_neither_interleaved_nor_in_planes_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "overlay"
    retagged(noise(32, 32, 3), options={"photometric": "rgb"}, PlanarConfiguration=65_535)(path)
    with pytest.raises(UnsupportedImageError, match="unknown planar configuration"):
        open_slide(str(path))


def test_complex_samples_are_refused(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "overlay", np.ones((8, 8), np.complex64), photometric="minisblack", **CENTIMETRE)
    with pytest.raises(UnsupportedImageError, match="samples of type complex64"):
        open_slide(str(tmp_path / "overlay"))


def test_an_unknown_codec_is_unsupported_not_damaged(tmp_path: Path) -> None:
    retagged(Compression=12_345)(tmp_path / "overlay")
    with pytest.raises(UnsupportedImageError, match="unsupported compression"):
        open_slide(str(tmp_path / "overlay"))


@pytest.mark.parametrize(("channels", "samples"), [(1, 0), (2, 1)])
def test_pixels_without_a_sample_are_refused(tmp_path: Path, channels: int, samples: int) -> None:
    path = tmp_path / "overlay"
    pixels = noise(32, 32, channels).reshape(32, 32, *(() if channels == 1 else (channels,)))
    options = {} if channels == 1 else {"planarconfig": "contig", "extrasamples": ["unassalpha"]}
    retagged(pixels, options=options, SamplesPerPixel=samples)(path)
    with pytest.raises(UnsupportedImageError, match=f"no samples besides alpha .{samples} in all"):
        open_slide(str(path))


@pytest.mark.parametrize("layout", ["tiles", "aperio"])
def test_a_tile_without_a_place_is_damaged_not_sparse(layout: str, tmp_path: Path) -> None:
    path = tmp_path / "overlay"
    LAYOUTS[layout].write(path, Raster((noise(64, 64, 3),), (0.5, 0.5)))
    with tifffile.TiffFile(path, mode="r+b") as tiff:
        offsets = tiff.pages[0].tags["TileOffsets"]
        offsets.overwrite((0, *offsets.value[1:]))
    with pytest.raises(TruncatedError, match=r"1 of \d+ segments of page 0 begin inside the header"):
        open_slide(str(path))


def test_an_aperio_slide_may_write_its_mpp_with_a_decimal_comma(tmp_path: Path) -> None:
    described(SVS, "MPP = 0.5", "MPP = 0,5", channels=3)(tmp_path / "a.svs")

    with open_slide(str(tmp_path / "a.svs")) as slide, openslide.OpenSlide(tmp_path / "a.svs") as same:
        assert slide.pyramid.mpp == Mpp(0.5, 0.5)
        assert float(same.properties["openslide.mpp-x"]) == 0.5


def test_resolutions_that_cannot_both_be_true_are_refused(tmp_path: Path) -> None:
    LAYOUTS["tiles"].write(tmp_path / "mask.tiff", Raster((noise(64, 64, 1),), (0.0002, 0.0002)))

    with pytest.raises(InvalidMppError, match=r"more than 268,435,456 px; hint: correct the wrong resolution"):
        overlaps_of(tile_table(tmp_path / "mask.tiff", [(0, 0)], (0.5, 0.5)), shapely.Point(256, 256).buffer(200))


def test_a_coordinate_that_is_not_finite_is_refused(tmp_path: Path) -> None:
    LAYOUTS["tiles"].write(tmp_path / "mask.tiff", Raster((noise(64, 64, 1),), (0.5, 0.5)))

    with pytest.raises(ParameterError, match="tile_x is NaN or infinite in 1 of 1 rows"):
        TileBatch.of([str(tmp_path / "mask.tiff")], "overlay_path", tile_x=[float("nan")], tile_y=[0.0])


def test_a_header_that_declares_an_absurd_strip_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "absurd.tiff"
    tifffile.imwrite(path, noise(16, 16), compression="deflate", **CENTIMETRE)
    with tifffile.TiffFile(path, mode="r+") as tiff:
        for name in ("ImageWidth", "ImageLength", "RowsPerStrip"):
            tiff.pages[0].tags[name].overwrite(100_000)
    assert path.stat().st_size < 1000
    with (
        open_slide(str(path)) as reader,
        pytest.raises(UnsupportedImageError, match=r"too large tiles or strips .*10,000,000,000 bytes"),
    ):
        reader.read_chunk(0, 0, 0)
