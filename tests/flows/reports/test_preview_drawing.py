"""The picture of a slide: its canvas, the layers read for it, and the drawing."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from flows.config.model import Overlay
from flows.reports.previews.colours import (
    GLASS,
    GREYS,
    HALO,
    INK,
    KEPT,
    OUTLINE,
    PALETTE,
    STEPS,
    TABLE,
    UNKNOWN,
    with_palette,
)
from flows.reports.previews.contact_sheet import CELL, data_uri, draw_contact_sheet
from flows.reports.previews.drawing import Sheet, draw_scene, inner_edges, panel_side
from flows.reports.previews.legend import LINE, MARGIN, nice_length
from flows.reports.previews.scene import NOWHERE, Canvas, Panel, SampledValues, Scene
from ratiopath.geometry import Extent, Mpp
from tests.support.previews import canvas_of

MASK = Overlay(path="{stem}", classes={"a": [1], "b": [2, 3]})


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
    """Two tiles of 100 px side by side: the left covered and kept, the right unknown; the class ends at y = 50."""
    canvas = canvas_of((200, 100), 100, 100, 200)
    shares = np.full((100, 200), np.nan, np.float32)
    shares[:, :100] = 1
    area = np.zeros((100, 200), bool)
    area[50:] = True
    given = Scene(
        name="a.tiff",
        canvas=canvas,
        thumbnail=np.full((100, 200, 3), 255, np.uint8),
        panels={"tissue": Panel(shares, area, 1.0)},
        is_kept=shares == 1,
        tiles=2,
        kept=1,
    )
    return replace(given, **changes)


NOTHING_KEPT = np.zeros((100, 200), bool)


def covered(share: float, area: np.ndarray | None = None) -> Panel:
    """A panel whose tiles all have one share."""
    return Panel(np.full((100, 200), share, np.float32), area, share)


def panel(image: Image.Image, number: int = 0, drawn: Scene | None = None) -> np.ndarray:
    """The pixels of one panel."""
    x, y = Sheet.of(drawn or scene()).corner(number)
    return np.asarray(image)[y : y + 100, x : x + 200]


def test_a_covered_tile_has_the_colour_of_its_step_over_the_slide() -> None:
    np.testing.assert_array_equal(panel(draw_scene(scene()))[20, 20], TABLE[STEPS, GREYS - 1])


def test_an_unknown_tile_has_a_colour_of_its_own() -> None:
    np.testing.assert_array_equal(panel(draw_scene(scene()))[20, 150], TABLE[UNKNOWN, GREYS - 1])


def test_a_tile_without_coverage_shows_the_slide_in_grey() -> None:
    pink = np.full((100, 200, 3), (226, 160, 196), np.uint8)
    bare = scene(panels={"tissue": covered(0)}, thumbnail=pink, is_kept=NOTHING_KEPT)
    np.testing.assert_array_equal(panel(draw_scene(bare))[20, 20], TABLE[0, 4])


def test_the_legend_shows_each_step_over_each_grey() -> None:
    image = np.asarray(draw_scene(scene()))
    legend = image[Sheet.of(scene()).corner(0)[1] + 100 :].reshape(-1, 3)
    present = {tuple(colour) for colour in np.unique(legend, axis=0)}
    assert {tuple(colour) for colour in TABLE[: STEPS + 1, :GREYS].reshape(-1, 3)} <= present


@pytest.mark.parametrize(("y", "colour"), [(49, HALO), (50, OUTLINE)])
def test_the_outline_of_a_class_is_black_inside_and_white_outside(y, colour) -> None:
    np.testing.assert_array_equal(panel(draw_scene(scene()))[y, 20], colour)


@pytest.mark.parametrize(("y", "x"), [(0, 50), (99, 50), (30, 0), (30, 99), (30, 98)])
def test_a_kept_tile_has_a_frame(y, x) -> None:
    np.testing.assert_array_equal(panel(draw_scene(scene()))[y, x], KEPT)


def test_a_tile_that_is_not_kept_has_no_frame() -> None:
    assert not (panel(draw_scene(scene()))[:, 100:] == KEPT).all(axis=-1).any()


def test_tiny_kept_tiles_share_one_frame() -> None:
    shown = panel(draw_scene(scene(canvas=canvas_of((2000, 1000), 20, 20, 200))))
    expected = np.zeros((100, 200), bool)
    expected[:, [0, 99]] = expected[[0, 99], :100] = True
    np.testing.assert_array_equal((shown == KEPT).all(axis=-1), expected)


@pytest.mark.parametrize(("number", "own", "other"), [(0, 50, 70), (1, 70, 50)])
def test_a_panel_has_only_the_outline_of_its_class(number, own, other) -> None:
    areas = [np.repeat(np.arange(100) >= start, 200).reshape(100, 200) for start in (50, 70)]
    panels = {name: covered(1, area) for name, area in zip(("tissue", "tumor"), areas, strict=True)}
    two = scene(panels=panels, is_kept=NOTHING_KEPT)
    shown = panel(draw_scene(two), number, two)
    np.testing.assert_array_equal(shown[own, 20], OUTLINE)
    np.testing.assert_array_equal(shown[other, 20], TABLE[STEPS, GREYS - 1])


def test_the_scale_bar_is_as_long_as_its_label() -> None:
    image = np.asarray(draw_scene(scene()))  # 0.5 µm per pixel: 200 px are 0.1 mm, 40 px are 0.02 mm
    legend = Sheet.of(scene()).corner(0)[1] + 100 + MARGIN
    is_ink = (image[legend : legend + LINE, MARGIN:] == INK).all(axis=-1)
    assert is_ink.argmin(axis=1).max() == 40


def title(drawn: Scene) -> np.ndarray:
    """The pixels above the first panel."""
    return np.asarray(draw_scene(drawn))[: Sheet.of(drawn).corner(0)[1]]


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "b.tiff"},
        {"panels": {"tumor": scene().panels["tissue"]}},
        {"panels": {"tissue": replace(scene().panels["tissue"], of_tiles=0.5)}},
        {"panels": {"tissue": replace(scene().panels["tissue"], of_tissue=0.5)}},
        {"panels": {"tissue": replace(scene().panels["tissue"], area=None)}},
        {"hidden": 3},
    ],
)
def test_the_titles_tell_slides_classes_and_shares_apart(changes) -> None:
    assert not np.array_equal(title(scene()), title(scene(**changes)))


def test_a_name_that_changes_direction_is_drawn_with_its_escape() -> None:
    np.testing.assert_array_equal(title(scene(name="a\u202eb.svs")), title(scene(name=r"a\u202eb.svs")))


def test_a_slide_without_a_small_level_is_plain_grey() -> None:
    bare = scene(thumbnail=None, panels={})
    np.testing.assert_array_equal(panel(draw_scene(bare))[20, 150], TABLE[0, GLASS])


@pytest.mark.parametrize("extent", [(1, 2000), (2000, 1), (1, 1)])
def test_a_slide_of_any_proportions_is_drawn(extent) -> None:
    canvas = canvas_of(extent, 16, 16, 200)
    shape = canvas.extent.height, canvas.extent.width
    nothing = np.zeros(shape, bool)
    panels = {"c": Panel(np.zeros(shape, np.float32), nothing, 0.0)}
    image = draw_scene(Scene("a", canvas, None, panels, nothing, 1, 0))
    assert image.width > canvas.extent.width
    assert image.height > canvas.extent.height


@pytest.mark.parametrize("panels", [1, 2, 4, 9])
def test_a_picture_has_at_most_two_thousand_pixels_along_a_side(panels) -> None:
    canvas = canvas_of((9000, 9000), 3000, 3000, panel_side(panels))
    nothing = np.zeros((canvas.extent.height, canvas.extent.width), bool)
    shares = np.zeros(nothing.shape, np.float32)
    drawn = Scene("a", canvas, None, {f"c{n}": Panel(shares, nothing, 0.0) for n in range(panels)}, nothing, 9, 0)
    assert 1700 < max(draw_scene(drawn).size) <= 2000


def test_a_picture_keeps_its_colours_in_the_palette() -> None:
    image = draw_scene(scene())
    stored = with_palette(image).convert("RGB")
    np.testing.assert_array_equal(panel(stored), panel(image))


def test_the_palette_has_every_colour_of_a_tile() -> None:
    assert len(PALETTE) <= 256
    assert {tuple(colour) for colour in TABLE.reshape(-1, 3)} <= {tuple(colour) for colour in PALETTE}


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
