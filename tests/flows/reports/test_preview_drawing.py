"""The picture of a slide: its canvas, the layers read for it, and the drawing."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from PIL import Image

from flows.config.model import Overlay
from flows.records.slides import Slide
from flows.reports.previews import layers
from flows.reports.previews.contact_sheet import CELL, data_uri, draw_contact_sheet
from flows.reports.previews.drawing import (
    GLASS,
    INK,
    KEPT,
    LINE,
    MARGIN,
    MAX_PANELS,
    OVERLAYS,
    SHADE,
    TITLE,
    UNKNOWN,
    draw_scene,
    inner_edges,
    nice_length,
    viridis,
)
from flows.reports.previews.scene import NOWHERE, Canvas, SampledValues, Scene
from flows.reports.tile_areas import TileAreas
from ratiopath.geometry import Extent, Mpp
from ratiopath.roi import Roi
from ratiopath.slides.frame import read_frame
from tests.support.layouts import LAYOUTS, Raster
from tests.support.study import write_slide

REAL = Path(__file__).parents[4] / "shared/data/CMU-1-Small-Region.svs"
HALF_UM = Mpp(0.5, 0.5)
MASK = Overlay(path="{stem}", classes={"a": [1], "b": [2, 3]})


def slide_of(extent: tuple[int, int], tile: int, stride: int, mpp: Mpp | None = HALF_UM) -> Slide:
    sizes = Extent(*extent), Extent(tile, tile), Extent(stride, stride)
    return Slide("a", "/a.tiff", *sizes, mpp, 0, 1, Extent(*extent), mpp)


def canvas_of(
    extent: tuple[int, int],
    tile: int,
    stride: int,
    side: int,
    last: Any = "keep",
    mpp: Mpp | None = HALF_UM,
) -> Canvas:
    slide = slide_of(extent, tile, stride, mpp)
    return Canvas.of(slide, TileAreas.of(slide, last, Roi(shapely.box(0, 0, tile, tile))), side)


@pytest.mark.parametrize(
    ("extent", "tile", "stride", "side", "last"),
    [
        ((64, 48), 16, 16, 32, "keep"),
        ((64, 48), 16, 16, 200, "keep"),
        ((70, 50), 16, 16, 33, "keep"),
        ((70, 50), 16, 16, 33, "drop"),
        ((70, 50), 16, 16, 33, "shift"),
        ((70, 50), 16, 7, 51, "keep"),
        ((70, 50), 16, 25, 51, "keep"),
        ((1000, 50), 3, 5, 40, "keep"),
        ((5, 5), 16, 16, 10, "drop"),
        ((3, 2000), 16, 16, 100, "keep"),
    ],
)
def test_each_pixel_shows_the_last_tile_over_its_centre(extent, tile, stride, side, last) -> None:
    canvas = canvas_of(extent, tile, stride, side, last)
    xs, ys = canvas.cells.xs, canvas.cells.ys
    values = np.random.default_rng(0).random((len(ys), len(xs)))

    def value_at(x: int, y: int) -> float:
        centre = (x + 0.5) * extent[0] / canvas.extent.width, (y + 0.5) * extent[1] / canvas.extent.height
        found = [
            [number for number, start in enumerate(origins) if start <= at < start + tile]
            for origins, at in zip((xs, ys), centre, strict=True)
        ]
        return values[found[1][-1], found[0][-1]] if all(found) else np.nan

    sampled = SampledValues(canvas)
    tile_y, tile_x = (grid.ravel() for grid in np.meshgrid(ys, xs, indexing="ij"))
    half = len(tile_x) // 2
    for part in (slice(half, None), slice(half)):
        sampled.add(tile_x[part], tile_y[part], values.ravel()[part])

    shown = sampled.on_canvas()
    expected = [[value_at(x, y) for x in range(canvas.extent.width)] for y in range(canvas.extent.height)]
    np.testing.assert_array_equal(shown, np.array(expected, dtype=np.float32))
    np.testing.assert_array_equal(canvas.tiles == NOWHERE, np.isnan(shown))


@pytest.mark.parametrize("extent", [(64, 48), (1000, 50), (3, 2000), (5, 5)])
def test_the_longer_side_of_a_canvas_is_the_one_asked_for(extent) -> None:
    canvas = canvas_of(extent, 16, 16, 40)
    assert max(canvas.extent.width, canvas.extent.height) == 40


@pytest.fixture
def anisotropic_canvas() -> Canvas:
    """100 x 100 px at 1 x 0.25 µm/px, so a quarter as high as wide."""
    return canvas_of((100, 100), 10, 10, 80, mpp=Mpp(1.0, 0.25))


def test_a_slide_of_unequal_resolutions_has_its_true_proportions(anisotropic_canvas) -> None:
    assert anisotropic_canvas.extent == Extent(80, 20)


def test_a_canvas_has_the_same_resolution_along_both_axes(anisotropic_canvas) -> None:
    assert (anisotropic_canvas.mpp.x, anisotropic_canvas.mpp.y) == (1.25, 1.25)


def test_the_shorter_side_of_a_tile_is_measured_on_the_canvas(anisotropic_canvas) -> None:
    assert anisotropic_canvas.tile_px == 2


def write(path: Path, levels: list[np.ndarray], mpp: float = 0.5, layout: str = "deflate") -> str:
    LAYOUTS[layout].write(path, Raster(tuple(levels), (mpp, mpp)))
    return str(path)


def plain(height: int, width: int, value: int) -> np.ndarray:
    return np.full((height, width, 3), value, np.uint8)


@pytest.mark.parametrize(("side", "expected"), [(2000, 20), (1000, 20), (500, 20), (250, 30), (100, 40), (10, 40)])
def test_the_thumbnail_is_the_level_closest_in_size_except_the_finest(tmp_path, side, expected) -> None:
    levels = [plain(512, 1024, 10), plain(256, 512, 20), plain(128, 256, 30), plain(64, 128, 40)]
    found = layers.read_thumbnail(write(tmp_path / "a.tiff", levels), Extent(side, side // 2))
    np.testing.assert_array_equal(found, plain(side // 2, side, expected))


def test_a_slide_of_one_level_has_no_thumbnail(tmp_path) -> None:
    assert layers.read_thumbnail(write(tmp_path / "one.tiff", [plain(64, 64, 10)]), Extent(32, 32)) is None


def test_a_level_that_is_too_large_is_not_read(tmp_path, monkeypatch) -> None:
    path = write(tmp_path / "two.tiff", [plain(64, 64, 10), plain(32, 32, 10)])
    monkeypatch.setattr(layers, "MAX_PIXELS", 32 * 32 - 1)
    assert layers.read_thumbnail(path, Extent(32, 32)) is None


@pytest.mark.skipif(not REAL.exists(), reason="the real slide is not beside the project")
def test_the_thumbnail_of_a_scan_of_one_level_is_that_of_its_scanner() -> None:
    found = layers.read_thumbnail(str(REAL), Extent(222, 297))
    assert found.shape == (297, 222, 3)
    assert found.std() > 10


def write_stripes(folder: Path) -> str:
    """Stripes of 0, 1, 2 and 3, each 8 px wide at 1 µm/px."""
    labels = np.repeat(np.uint8([[0, 1, 2, 3]]), 8, axis=1).repeat(24, axis=0)
    return write(folder / "m.tiff", [labels], mpp=1.0)


def outline(path: str, overlay: Overlay = MASK, mpp: Mpp | None = HALF_UM) -> np.ndarray | None:
    canvas = canvas_of((64, 48), 16, 16, 64, mpp=mpp)
    slide = write_slide(Path(path).with_name("slide.tiff"))
    frame = None if mpp is None else read_frame(str(slide)).with_mpp_of(0, mpp)
    return layers.read_outline(path, overlay, canvas, frame)


def test_outlines_are_where_classes_meet(tmp_path) -> None:
    expected = np.zeros((48, 64), bool)
    expected[:, [15, 16, 31, 32]] = True  # 2 and 3 are one class
    found = outline(write_stripes(tmp_path))
    np.testing.assert_array_equal(found, expected)


def test_an_overlay_without_classes_has_an_outline_where_zero_ends(tmp_path) -> None:
    found = outline(write_stripes(tmp_path), Overlay(path="{stem}"))
    np.testing.assert_array_equal(np.flatnonzero(found.any(axis=0)), [15, 16])


def test_an_overlay_that_ends_early_has_an_outline_there(tmp_path) -> None:
    path = write(tmp_path / "m.tiff", [np.ones((24, 16), np.uint8)], mpp=1.0)
    found = outline(path)
    np.testing.assert_array_equal(np.flatnonzero(found.any(axis=0)), [31, 32])


def test_outlines_of_a_colour_overlay_follow_its_classes(tmp_path) -> None:
    colours = np.zeros((24, 32, 3), np.uint8)
    colours[:12] = (255, 0, 0)
    path = write(tmp_path / "m.tiff", [colours], mpp=1.0)
    found = outline(path, Overlay(path="{stem}", classes={"red": ["255,0,0"]}))
    np.testing.assert_array_equal(np.flatnonzero(found.any(axis=1)), [23, 24])


def test_outlines_of_a_range_are_where_it_ends(tmp_path) -> None:
    found = outline(write_stripes(tmp_path), Overlay(path="{stem}", classes={"low": ["0..1"], "high": [">2"]}))
    np.testing.assert_array_equal(np.flatnonzero(found.any(axis=0)), [31, 32, 47, 48])


def test_an_overlay_over_a_slide_without_resolution_is_not_read(tmp_path) -> None:
    path = write(tmp_path / "m.tiff", [np.ones((24, 32), np.uint8)], mpp=1.0)
    assert outline(path, mpp=None) is None


def test_an_overlay_that_is_too_large_is_not_read(tmp_path, monkeypatch) -> None:
    path = write(tmp_path / "m.tiff", [np.ones((24, 32), np.uint8)], mpp=1.0)
    monkeypatch.setattr(layers, "MAX_PIXELS", 24 * 32 - 1)
    assert outline(path) is None


@pytest.mark.parametrize(
    ("limit", "length"), [(1, 1), (1.9, 1), (2, 2), (4.99, 2), (7, 5), (0.03, 0.02), (0.0099, 0.005), (123, 100)]
)
def test_a_scale_bar_has_a_round_length(limit, length) -> None:
    assert nice_length(limit) == pytest.approx(length)


def test_inner_edges_are_one_pixel_inside_an_area() -> None:
    areas = np.array([[1, 1, 1, 2, 2], [1, 1, 1, 2, 2], [1, 1, 1, NOWHERE, NOWHERE]])
    inside = areas != NOWHERE
    expected = np.array([[1, 1, 1, 1, 1], [1, 0, 1, 1, 1], [1, 1, 1, 0, 0]], dtype=bool)
    np.testing.assert_array_equal(inner_edges(areas, inside), expected)


def scene(**changes: Any) -> Scene:
    """Two tiles of 100 px side by side: the left covered and kept, the right unknown; an outline at y = 50."""
    canvas = canvas_of((200, 100), 100, 100, 200)
    shares = np.full((100, 200), np.nan, np.float32)
    shares[:, :100] = 1
    marked = np.zeros((100, 200), bool)
    marked[50] = True
    given = Scene(
        canvas=canvas,
        thumbnail=np.full((100, 200, 3), 200, np.uint8),
        outlines={"mask": marked},
        overlay_of={"tissue": "mask"},
        shares={"tissue": shares},
        is_kept=shares == 1,
        tiles=2,
        kept=1,
    )
    return replace(given, **changes)


def panel(image: Image.Image, number: int = 0) -> np.ndarray:
    """The pixels of one of at most two panels."""
    left = MARGIN + number * (200 + MARGIN)
    return np.asarray(image)[TITLE : TITLE + 100, left : left + 200]


def test_a_covered_tile_is_shaded_in_the_colour_of_its_share() -> None:
    expected = (200 + (viridis(np.float32([1]))[0] - 200) * SHADE).round()
    np.testing.assert_array_equal(panel(draw_scene(scene()))[20, 20], expected)


def test_an_unknown_tile_is_shaded_grey() -> None:
    expected = (200 + (np.array(UNKNOWN) - 200) * SHADE).round()
    np.testing.assert_array_equal(panel(draw_scene(scene()))[20, 150], expected)


def test_the_outline_of_an_overlay_is_drawn_over_its_tiles() -> None:
    np.testing.assert_array_equal(panel(draw_scene(scene()))[50, 20], OVERLAYS[0])


@pytest.mark.parametrize(("y", "x"), [(0, 50), (99, 50), (30, 0), (30, 99), (30, 98)])
def test_a_kept_tile_has_a_frame(y, x) -> None:
    np.testing.assert_array_equal(panel(draw_scene(scene()))[y, x], KEPT)


def test_a_tile_that_is_not_kept_has_no_frame() -> None:
    assert not (panel(draw_scene(scene()))[:, 100:] == KEPT).all(axis=-1).any()


def test_a_tile_without_coverage_is_not_shaded() -> None:
    shown = panel(
        draw_scene(scene(shares={"tissue": np.zeros((100, 200), np.float32)}, is_kept=np.zeros((100, 200), bool)))
    )
    np.testing.assert_array_equal(shown[20, 20], [200, 200, 200])


def test_tiny_kept_tiles_share_one_frame() -> None:
    shown = panel(draw_scene(scene(canvas=canvas_of((2000, 1000), 20, 20, 200))))
    expected = np.zeros((100, 200), bool)
    expected[:, [0, 99]] = expected[[0, 99], :100] = True
    np.testing.assert_array_equal((shown == KEPT).all(axis=-1), expected)


@pytest.mark.parametrize(("number", "own", "colour", "other"), [(0, 50, OVERLAYS[0], 70), (1, 70, OVERLAYS[1], 50)])
def test_a_panel_has_only_the_outline_of_the_overlay_of_its_class(number, own, colour, other) -> None:
    areas = np.zeros((100, 200), bool)
    areas[70] = True
    two = scene(
        outlines={"mask": scene().outlines["mask"], "areas": areas},
        overlay_of={"tissue": "mask", "tumor": "areas"},
        shares={name: np.ones((100, 200), np.float32) for name in ("tissue", "tumor")},
        is_kept=np.zeros((100, 200), bool),
    )
    shown = panel(draw_scene(two), number)
    np.testing.assert_array_equal(shown[own, 20], colour)
    assert tuple(shown[other, 20]) not in OVERLAYS


def test_the_scale_bar_is_as_long_as_its_label() -> None:
    image = np.asarray(draw_scene(scene()))  # 0.5 µm per pixel: 200 px are 0.1 mm, 40 px are 0.02 mm
    is_ink = (image[TITLE + 100 + MARGIN :, MARGIN:] == INK).all(axis=-1)
    assert is_ink.argmin(axis=1).max() == 40


def test_a_slide_without_a_small_level_is_plain_grey() -> None:
    bare = draw_scene(scene(thumbnail=None, outlines={"mask": None}, shares={}, overlay_of={}))
    np.testing.assert_array_equal(panel(bare)[20, 150], GLASS)


def test_missing_layers_are_named_in_a_further_line_of_the_legend() -> None:
    bare = draw_scene(scene(thumbnail=None, outlines={"mask": None}, shares={}, overlay_of={}))
    assert bare.height == draw_scene(scene()).height + LINE


@pytest.mark.parametrize("extent", [(1, 2000), (2000, 1), (1, 1)])
def test_a_slide_of_any_proportions_is_drawn(extent) -> None:
    canvas = canvas_of(extent, 16, 16, 200)
    shape = canvas.extent.height, canvas.extent.width
    nothing = np.zeros(shape, bool)
    image = draw_scene(
        Scene(canvas, None, {"m": nothing}, {"c": "m"}, {"c": np.zeros(shape, np.float32)}, nothing, 1, 0)
    )
    assert image.width > canvas.extent.width
    assert image.height > canvas.extent.height


def test_many_classes_make_a_picture_of_bounded_size() -> None:
    shares = {f"c{number}": np.ones((100, 200), np.float32) for number in range(40)}
    many = draw_scene(scene(shares=shares, overlay_of={}))
    nine = draw_scene(scene(shares=dict(list(shares.items())[:MAX_PANELS]), overlay_of={}))
    assert many.size == nine.size


COLOURS = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (9, 9, 9)]


@pytest.fixture
def sheet() -> Image.Image:
    return draw_contact_sheet([("é" * 200, Image.new("RGB", (800, 400), colour)) for colour in COLOURS])


def test_a_contact_sheet_holds_every_picture(sheet) -> None:
    assert {colour for _, colour in sheet.getcolors(1 << 24)} >= set(COLOURS)


def test_a_contact_sheet_of_four_pictures_has_two_rows_of_at_most_three(sheet) -> None:
    assert CELL < sheet.height < sheet.width < 4 * CELL


def test_a_contact_sheet_becomes_a_data_uri(sheet) -> None:
    assert data_uri(sheet).startswith("data:image/jpeg;base64,")
