"""The picture of a slide: where its tiles are, what is read for it, and what is drawn."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from PIL import Image

from flows.config.model import Overlay
from flows.reports.previews import layers as look
from flows.reports.previews.contact_sheet import CELL, contact_sheet, data_uri
from flows.reports.previews.drawing import (
    GLASS,
    INK,
    KEPT,
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
from flows.reports.previews.scene import NOWHERE, Canvas, Sampled, Scene
from flows.reports.tile_areas import TileAreas
from ratiopath.geometry import Extent
from ratiopath.roi import Roi
from tests.support.layouts import LAYOUTS, Raster

REAL = Path(__file__).parents[4] / "shared/data/CMU-1-Small-Region.svs"
MASK = Overlay(path="{stem}", classes={"a": [1], "b": [2, 3]})


def canvas_of(
    extent: tuple[int, int], tile: int, stride: int, side: int, last: Any = "keep", mpp: float | None = 0.5
) -> Canvas:
    sizes = {"tile_extent": (tile, tile), "stride": (stride, stride), "extent": extent, "mpp": (mpp, mpp)}
    slide = {f"{name}_{axis}": size for name, pair in sizes.items() for axis, size in zip("xy", pair, strict=True)}
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

    sampled = Sampled(canvas)
    tile_y, tile_x = (grid.ravel() for grid in np.meshgrid(ys, xs, indexing="ij"))
    half = len(tile_x) // 2
    for part in (slice(half, None), slice(half)):
        sampled.add(tile_x[part], tile_y[part], values.ravel()[part])

    shown = sampled.on_canvas()
    expected = [[value_at(x, y) for x in range(canvas.extent.width)] for y in range(canvas.extent.height)]
    np.testing.assert_array_equal(shown, np.array(expected, dtype=np.float32))
    np.testing.assert_array_equal(canvas.tiles == NOWHERE, np.isnan(shown))
    assert max(canvas.extent.width, canvas.extent.height) == side


def test_a_slide_of_unequal_resolutions_is_shown_in_its_true_proportions() -> None:
    slide = {"extent_x": 100, "extent_y": 100, "tile_extent_x": 10, "tile_extent_y": 10, "stride_x": 10, "stride_y": 10}
    slide |= {"mpp_x": 1.0, "mpp_y": 0.25}
    canvas = Canvas.of(slide, TileAreas.of(slide, "keep", Roi(shapely.box(0, 0, 10, 10))), 80)
    assert (canvas.extent, canvas.mpp.x, canvas.mpp.y) == (Extent(80, 20), 1.25, 1.25)
    assert canvas.tile_px == 2


def write(path: Path, levels: list[np.ndarray], mpp: float = 0.5, layout: str = "deflate") -> str:
    LAYOUTS[layout].write(path, Raster(tuple(levels), (mpp, mpp)))
    return str(path)


def plain(height: int, width: int, value: int) -> np.ndarray:
    return np.full((height, width, 3), value, np.uint8)


def test_the_thumbnail_is_of_the_level_closest_in_size_but_never_of_the_finest(tmp_path) -> None:
    levels = [plain(512, 1024, 10), plain(256, 512, 20), plain(128, 256, 30), plain(64, 128, 40)]
    path = write(tmp_path / "a.tiff", levels)
    seen = {side: int(look.thumbnail(path, Extent(side, side // 2)).mean()) for side in (2000, 1000, 500, 250, 100, 10)}
    assert seen == {2000: 20, 1000: 20, 500: 20, 250: 30, 100: 40, 10: 40}
    assert look.thumbnail(path, Extent(100, 50)).shape == (50, 100, 3)


def test_a_slide_without_a_small_level_has_no_thumbnail(tmp_path, monkeypatch) -> None:
    assert look.thumbnail(write(tmp_path / "one.tiff", [plain(64, 64, 10)]), Extent(32, 32)) is None
    two = write(tmp_path / "two.tiff", [plain(64, 64, 10), plain(32, 32, 10)])
    monkeypatch.setattr(look, "MAX_PIXELS", 32 * 32 - 1)
    assert look.thumbnail(two, Extent(32, 32)) is None


@pytest.mark.skipif(not REAL.exists(), reason="the real slide is not beside the project")
def test_a_scan_of_one_level_is_shown_by_the_thumbnail_that_its_scanner_made() -> None:
    found = look.thumbnail(str(REAL), Extent(222, 297))
    assert found.shape == (297, 222, 3)
    assert found.std() > 10


def test_outlines_are_where_classes_meet(tmp_path) -> None:
    labels = np.zeros((24, 32), np.uint8)
    labels[:, 8:16], labels[:, 16:24], labels[:, 24:] = 1, 2, 3
    path = write(tmp_path / "m.tiff", [labels], mpp=1.0)
    canvas = canvas_of((64, 48), 16, 16, 64)
    lines = np.zeros((48, 64), bool)
    lines[:, [15, 16, 31, 32]] = True  # 2 and 3 are one class
    np.testing.assert_array_equal(look.outline(path, MASK, canvas), lines)
    without = look.outline(path, Overlay(path="{stem}"), canvas)
    np.testing.assert_array_equal(np.flatnonzero(without.any(axis=0)), [15, 16])


def test_an_overlay_that_ends_early_or_is_sparse_has_an_outline_there(tmp_path) -> None:
    path = write(tmp_path / "m.tiff", [np.ones((24, 16), np.uint8)], mpp=1.0)
    found = look.outline(path, MASK, canvas_of((64, 48), 16, 16, 64))
    np.testing.assert_array_equal(np.flatnonzero(found.any(axis=0)), [31, 32])


def test_an_outline_of_colours_is_of_their_names(tmp_path) -> None:
    colours = np.zeros((24, 32, 3), np.uint8)
    colours[:12] = (255, 0, 0)
    path = write(tmp_path / "m.tiff", [colours], mpp=1.0)
    found = look.outline(path, Overlay(path="{stem}", classes={"red": ["255,0,0"]}), canvas_of((64, 48), 16, 16, 64))
    np.testing.assert_array_equal(np.flatnonzero(found.any(axis=1)), [23, 24])


def test_an_overlay_that_is_too_large_or_cannot_be_placed_is_not_read(tmp_path, monkeypatch) -> None:
    path = write(tmp_path / "m.tiff", [np.ones((24, 32), np.uint8)], mpp=1.0)
    assert look.outline(path, MASK, canvas_of((64, 48), 16, 16, 64, mpp=None)) is None
    monkeypatch.setattr(look, "MAX_PIXELS", 24 * 32 - 1)
    assert look.outline(path, MASK, canvas_of((64, 48), 16, 16, 64)) is None


@pytest.mark.parametrize(
    ("most", "length"), [(1, 1), (1.9, 1), (2, 2), (4.99, 2), (7, 5), (0.03, 0.02), (0.0099, 0.005), (123, 100)]
)
def test_a_scale_bar_has_a_length_that_is_easily_said(most, length) -> None:
    assert nice_length(most) == pytest.approx(length)


def test_inner_edges_are_one_pixel_inside_an_area() -> None:
    areas = np.array([[1, 1, 1, 2, 2], [1, 1, 1, 2, 2], [1, 1, 1, NOWHERE, NOWHERE]])
    inside = areas != NOWHERE
    expected = np.array([[1, 1, 1, 1, 1], [1, 0, 1, 1, 1], [1, 1, 1, 0, 0]], dtype=bool)
    np.testing.assert_array_equal(inner_edges(areas, inside), expected)


def scene(**changes: Any) -> Scene:
    """Two tiles of 100 px side by side: the left is full and kept, the right not known; an outline at y = 50."""
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


def test_a_panel_shows_coverage_unknown_tiles_outlines_and_what_is_kept() -> None:
    shown = panel(draw_scene(scene()))
    full = viridis(np.float32([1]))[0]
    np.testing.assert_array_equal(shown[20, 20], (200 + (full - 200) * SHADE).round())
    np.testing.assert_array_equal(shown[20, 150], (200 + (np.array(UNKNOWN) - 200) * SHADE).round())
    np.testing.assert_array_equal(shown[50, 20], OVERLAYS[0])
    for y, x in ((0, 50), (99, 50), (30, 0), (30, 99), (30, 98)):
        np.testing.assert_array_equal(shown[y, x], KEPT)
    assert not (shown[:, 100:] == KEPT).all(axis=-1).any()


def test_a_tile_without_a_class_is_shown_as_it_is() -> None:
    shown = panel(
        draw_scene(scene(shares={"tissue": np.zeros((100, 200), np.float32)}, is_kept=np.zeros((100, 200), bool)))
    )
    np.testing.assert_array_equal(shown[20, 20], [200, 200, 200])


def test_tiny_tiles_are_outlined_together() -> None:
    canvas = canvas_of((2000, 1000), 20, 20, 200)
    shown = panel(draw_scene(scene(canvas=canvas)))
    is_kept = (shown == KEPT).all(axis=-1)
    assert is_kept[:, [0, 99]].all()
    assert not is_kept[1:-1, 1:99].any()


def test_a_class_has_the_outline_of_its_own_overlay() -> None:
    other = np.zeros((100, 200), bool)
    other[70] = True
    shares = {name: np.ones((100, 200), np.float32) for name in ("tissue", "tumor")}
    two = scene(
        outlines={"mask": scene().outlines["mask"], "areas": other},
        overlay_of={"tissue": "mask", "tumor": "areas"},
        shares=shares,
        is_kept=np.zeros((100, 200), bool),
    )
    image = draw_scene(two)
    for number, (line, colour, others) in enumerate(((50, OVERLAYS[0], 70), (70, OVERLAYS[1], 50))):
        shown = panel(image, number)
        np.testing.assert_array_equal(shown[line, 20], colour)
        assert tuple(shown[others, 20]) not in OVERLAYS


def test_the_scale_bar_is_as_long_as_it_says() -> None:
    image = np.asarray(draw_scene(scene()))  # 0.5 µm per pixel: 200 px are 0.1 mm, 40 px are 0.02 mm
    is_ink = (image[TITLE + 100 + MARGIN :, MARGIN:] == INK).all(axis=-1)
    assert is_ink.argmin(axis=1).max() == 40


def test_what_is_not_there_is_said_and_not_made_up() -> None:
    bare = draw_scene(scene(thumbnail=None, outlines={"mask": None}, shares={}, overlay_of={}))
    np.testing.assert_array_equal(panel(bare)[20, 150], GLASS)
    assert bare.height > draw_scene(scene()).height  # a line more in the legend


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


def test_a_sheet_holds_every_picture_under_its_name() -> None:
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (9, 9, 9)]
    pictures = [("é" * 200, Image.new("RGB", (800, 400), colour)) for colour in colours]
    sheet = contact_sheet(pictures)
    assert {colour for _, colour in sheet.getcolors(1 << 24)} >= set(colours)
    assert CELL < sheet.height < sheet.width < 4 * CELL
    assert data_uri(sheet).startswith("data:image/jpeg;base64,")
