"""One suite for every reader: an array reads back the same from every layout, and gives the same overlaps."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
import shapely

from ratiopath.geometry import Extent, Mpp
from ratiopath.overlays.overlay import TileWindows
from ratiopath.overlays.raster import RasterOverlay
from ratiopath.roi import Roi
from ratiopath.slides import ArrayReader, SlideReader, open_slide
from tests.support import oracles
from tests.support.counting_reader import CountingReader
from tests.support.expressions import overlaps_of, patches_of, tile_table
from tests.support.layouts import LAYOUTS, Raster
from tests.support.pictures import FORMS, fits, jpeg, picture
from tests.support.strategies import KINDS, KINDS_OF, PALETTES

MPP = (0.5, 0.25)
SIZES = ((301, 150), (151, 75), (75, 38))
"""(rows, columns) of the levels: more rows than a band of strips, no multiple of a tile, rounded down and up."""
TILES = ((0, 0), (17, 140), (-9, -9), (130, 290), (500, 0))
ROI = shapely.Point(16, 15.5).buffer(15).difference(shapely.box(10, 10, 13, 20))


@cache
def raster(kind: tuple[str, int, bool]) -> Raster:
    """Areas of one value, noise, and zeros enough for whole chunks to be left out of a sparse file."""
    name, channels, has_alpha = kind
    random = np.random.default_rng(2)
    values = np.array(PALETTES[name]).astype(name)
    levels, alpha = [], []
    for size in SIZES:
        shape = size if channels == 1 else (*size, channels)
        level = random.choice(values, (shape[0] // 9 + 1, shape[1] // 9 + 1, *shape[2:]))
        level = level.repeat(9, axis=0).repeat(9, axis=1)[: size[0], : size[1]]
        level[::5, ::3] = random.choice(values, level[::5, ::3].shape)
        level[: size[0] // 2, size[1] // 2 :] = 0
        opaque = np.where(random.random(size) < 0.8, values.max(), 0).astype(name)
        opaque[: size[0] // 2, size[1] // 2 :] = 0
        levels.append(level)
        alpha.append(opaque)
    mpp = MPP if kind not in KINDS_OF["aperio"] else (0.5, 0.5)
    return Raster(tuple(levels), mpp, tuple(alpha) if has_alpha else None)


def of_levels(rasters: Raster) -> tuple[list[np.ndarray], list[np.ndarray] | None]:
    return list(rasters.levels), rasters.alpha and list(rasters.alpha)


@cache
def expected_overlaps(kind: tuple[str, int, bool], mpp_tile: tuple[float, float]) -> list[dict[str, float]]:
    whole = raster(kind)
    levels, alpha = of_levels(whole)
    return [oracles.overlap(levels, whole.mpp, x, y, mpp_tile, ROI, alpha) for x, y in TILES]


def name_of(kind: tuple[str, int, bool]) -> str:
    return f"{kind[0]}x{kind[1]}{'+alpha' if kind[2] else ''}"


EVERY = [
    pytest.param(layout, kind, id=f"{layout}-{name_of(kind)}") for layout, kinds in KINDS_OF.items() for kind in kinds
]
EACH_WAY = (("bool", 1, False), ("uint8", 1, False), ("uint16", 1, True), ("float32", 1, False), ("uint8", 3, False))
"""One kind of each way of counting."""
COUNTED = [
    pytest.param(layout, kind, id=f"{layout}-{name_of(kind)}")
    for layout, kinds in KINDS_OF.items()
    for kind in kinds
    if kind in EACH_WAY and not LAYOUTS[layout].lossy and LAYOUTS[layout].pyramid != "none"
]
"""Layouts that keep the pixels and all levels."""


@pytest.mark.parametrize(("layout", "kind"), EVERY)
def test_every_level_reads_back_as_it_was_written(layout: str, kind: tuple[str, int, bool], tmp_path: Path) -> None:
    path = tmp_path / "overlay"
    stored = LAYOUTS[layout].write(path, raster(kind))
    levels, alpha = of_levels(stored)
    for number, mpp in enumerate(oracles.level_mpps(levels, stored.mpp)):
        rows, columns = levels[number].shape[:2]
        [(pixels, mask)] = patches_of(tile_table(path, [(0, 0)], mpp), shapely.box(0, 0, columns, rows))
        missing = np.zeros((rows, columns), bool) if alpha is None else alpha[number] == 0
        want = levels[number].copy()
        want[missing] = 0
        np.testing.assert_array_equal(pixels, want, strict=True)
        np.testing.assert_array_equal(mask if mask.ndim == 2 else mask.all(axis=2), missing, strict=True)


@pytest.mark.parametrize(("layout", "kind"), COUNTED)
def test_one_reader_reads_all_levels(layout: str, kind: tuple[str, int, bool], tmp_path: Path) -> None:
    path = tmp_path / "overlay"
    levels, _ = of_levels(LAYOUTS[layout].write(path, raster(kind)))
    with open_slide(str(path)) as reader:
        for number, level in enumerate(levels):
            extent = reader.chunk_extent(number)
            pixels = reader.read_chunk(number, 0, 0).pixels
            np.testing.assert_array_equal(pixels, level[: extent.height, : extent.width], strict=True)


@pytest.mark.parametrize(("layout", "kind"), COUNTED)
def test_every_layout_gives_the_same_overlaps(layout: str, kind: tuple[str, int, bool], tmp_path: Path) -> None:
    path = tmp_path / "overlay"
    LAYOUTS[layout].write(path, raster(kind))
    for mpp_tile in (MPP, (1.0, 0.6), (0.3, 0.25)):
        found = overlaps_of(tile_table(path, TILES, mpp_tile), ROI)
        assert found == [pytest.approx(row, rel=1e-12, abs=0) for row in expected_overlaps(kind, mpp_tile)]


PICTURES = [
    pytest.param(form, kind, id=f"{form}-{name_of(kind)}") for form in FORMS for kind in KINDS if fits(form, kind)
]


@pytest.mark.parametrize(("form", "kind"), PICTURES)
def test_a_picture_reads_back_as_it_was_written(form: str, kind: tuple[str, int, bool], tmp_path: Path) -> None:
    whole = raster(kind)
    (tmp_path / "overlay").write_bytes(picture(form, whole))
    rows, columns = SIZES[0]
    table = tile_table(tmp_path / "overlay", [(0, 0)], MPP)

    [(pixels, mask)] = patches_of(table, shapely.box(0, 0, columns, rows), overlay_mpp=MPP)

    missing = np.zeros((rows, columns), bool) if whole.alpha is None else whole.alpha[0] == 0
    want = whole.levels[0].copy()
    want[missing] = 0
    np.testing.assert_array_equal(pixels, want, strict=True)
    np.testing.assert_array_equal(mask if mask.ndim == 2 else mask.all(axis=2), missing, strict=True)


@pytest.mark.parametrize(("form", "kind"), [one for one in PICTURES if one.values[1] in EACH_WAY])
def test_a_picture_gives_the_overlaps_of_its_pixels(form: str, kind: tuple[str, int, bool], tmp_path: Path) -> None:
    whole = raster(kind)
    (tmp_path / "overlay").write_bytes(picture(form, whole))
    alpha = None if whole.alpha is None else [whole.alpha[0]]
    for mpp in (MPP, (1.0, 0.6)):
        found = overlaps_of(tile_table(tmp_path / "overlay", TILES, mpp), ROI, overlay_mpp=MPP)
        want = [oracles.overlap([whole.levels[0]], MPP, x, y, mpp, ROI, alpha) for x, y in TILES]
        assert found == [pytest.approx(row, rel=1e-12, abs=0) for row in want]


def array_reader(kind: tuple[str, int, bool]) -> ArrayReader:
    whole = raster(kind)
    exists = None if whole.alpha is None else [alpha != 0 for alpha in whole.alpha]
    return ArrayReader(whole.levels, Mpp(*whole.mpp), chunk=Extent(32, 16), exists=exists)


def tile_windows() -> TileWindows:
    x, y = (np.array(axis, np.float64) for axis in zip(*TILES, strict=True))
    return TileWindows(x, y, Mpp(*MPP), Roi(ROI))


@pytest.mark.parametrize("kind", KINDS, ids=name_of)
def test_patches_of_an_array_equal_the_oracle(kind: tuple[str, int, bool]) -> None:
    whole = raster(kind)
    levels, alpha = of_levels(whole)
    want = [oracles.overlay_patch(levels, whole.mpp, x, y, MPP, ROI, alpha) for x, y in TILES]

    patches = RasterOverlay(array_reader(kind)).patches(tile_windows())

    for (pixels, outside), (found, mask) in zip(want, patches, strict=True):
        np.testing.assert_array_equal(found, pixels, strict=True)
        np.testing.assert_array_equal(mask.astype(bool), outside, strict=True)


@pytest.mark.parametrize("kind", KINDS, ids=name_of)
def test_an_array_gives_the_same_overlaps(kind: tuple[str, int, bool]) -> None:
    counts = RasterOverlay(array_reader(kind)).shares(tile_windows())

    found: list[dict[str, float]] = [{} for _ in TILES]
    for row, key, fraction in zip(counts.rows, counts.key_index, counts.fractions, strict=True):
        found[row][counts.keys[key]] = fraction
    assert found == [pytest.approx(row, rel=1e-12, abs=0) for row in expected_overlaps(kind, MPP)]


@pytest.mark.parametrize("count", ["shares", "patches"])
def test_every_chunk_that_a_tile_touches_is_decoded_once(count: str) -> None:
    whole = raster(("uint8", 1, False))
    reader = CountingReader(whole.levels, Mpp(*whole.mpp), chunk=Extent(32, 16))

    getattr(RasterOverlay(reader), count)(tile_windows())

    assert reader.decoded
    assert len(reader.decoded) == len(set(reader.decoded))


@pytest.fixture(params=["array", "tiles", "aperio", "aperio-jpeg2000", "png", "png-interlaced", "jpeg", "npy", "npz"])
def reader(request: pytest.FixtureRequest, tmp_path: Path) -> SlideReader:
    """A reader of each class: arrays, TIFF, Aperio, OpenSlide, pictures."""
    kind = ("uint8", 1 if request.param in ("npy", "npz") else 3, False)
    if request.param == "array":
        return array_reader(kind)
    if request.param == "jpeg" or request.param in FORMS:
        content = jpeg(raster(kind).levels[0]) if request.param == "jpeg" else picture(request.param, raster(kind))
        (tmp_path / "slide").write_bytes(content)
        return open_slide(str(tmp_path / "slide"))
    LAYOUTS[request.param].write(tmp_path / "slide", raster(kind))
    return open_slide(str(tmp_path / "slide"))


def test_after_close_the_metadata_stay(reader: SlideReader) -> None:
    before = metadata(reader)
    reader.close()
    assert metadata(reader) == before


def test_a_reader_is_printed_in_one_line(reader: SlideReader) -> None:
    extent, mpp = reader.pyramid.levels[0].extent, reader.pyramid.mpp
    reader.close()
    printed = repr(reader)
    assert printed.startswith(f"{type(reader).__name__}({reader.path!r}, {extent.width} x {extent.height} px in ")
    assert ("no mpp" in printed) == (mpp is None)
    assert printed.endswith(f"{reader.channels} channel{'s' * (reader.channels > 1)} of uint8)")


def metadata(reader: SlideReader) -> tuple[object, ...]:
    return reader.path, reader.pyramid, reader.dtype, reader.channels, reader.palette, reader.chunk_extent(0)


def test_a_reader_may_be_closed_twice(reader: SlideReader) -> None:
    reader.close()
    reader.close()


def test_chunks_end_with_the_level(reader: SlideReader) -> None:
    extent, chunk = reader.pyramid.levels[0].extent, reader.chunk_extent(0)
    column, row = (extent.width - 1) // chunk.width, (extent.height - 1) // chunk.height
    with reader:
        shape = reader.read_chunk(0, column, row).pixels.shape
    size = (extent.height - row * chunk.height, extent.width - column * chunk.width)
    assert shape == (size if reader.channels == 1 else (*size, 3))
