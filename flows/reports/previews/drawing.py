"""Drawing of a scene: a panel per class between the slide's name and a legend. Pure; Pillow draws letters and lines."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from flows.reports.previews.colours import (
    GLASS,
    HALO,
    INK,
    KEPT,
    LINE_GREY,
    OUTLINE,
    PAPER,
    Rgb,
    composite,
    greys_of,
)
from flows.reports.previews.legend import LINE, MARGIN, Entry, legend_of, wrap
from flows.reports.previews.scene import NOWHERE, Bools, Panel, Scene
from flows.reports.previews.tile_shares import Layout
from flows.reports.shown_text import escaped

HEAD, TITLE, MIN_PANEL, MIN_WIDTH = 34, 44, 280, 640
"""Height of the slide's name and of a panel's title, and width of the narrowest panel and picture, in px."""
LONG_PX = 2000
"""Longer side of a picture in px."""
FINE, COARSE = 6, 14
"""Sides of a tile in px: kept tiles smaller than FINE share one frame, those of at least COARSE have a thick one."""
_LARGE, _FONT = ImageFont.load_default(18), ImageFont.load_default(15)


@dataclass(frozen=True, slots=True)
class Sheet:
    """Places of the panels in a picture, in px."""

    columns: int
    """Panels per row."""
    width: int
    """Width of the picture."""
    cell: tuple[int, int]
    """Width and height of a panel with its title and the gap to the next."""

    @classmethod
    def of(cls, scene: Scene) -> "Sheet":
        """Arrange the panels of a scene in a square, or in fewer rows."""
        columns = _column_count(len(scene.panels))
        extent = scene.canvas.extent
        cell = max(MIN_PANEL, extent.width) + MARGIN, extent.height + TITLE
        return cls(columns, max(MIN_WIDTH, columns * cell[0] + MARGIN), cell)

    def legend_y(self, panels: int) -> int:
        """Return the top edge of the legend below some panels."""
        return HEAD + -(-max(1, panels) // self.columns) * self.cell[1] + MARGIN

    def corner(self, number: int) -> tuple[int, int]:
        """Return the left upper corner of a panel's pixels."""
        row, column = divmod(number, self.columns)
        return MARGIN + column * self.cell[0], HEAD + row * self.cell[1] + TITLE


def layout_of(scene: Scene) -> Layout:
    """Return the places of the panels in the picture of a scene."""
    sheet = Sheet.of(scene)
    lines = 1 + max(line for _, _, line in wrap(legend_of(scene), sheet.width))
    height = sheet.legend_y(len(scene.panels)) + LINE * lines + MARGIN
    return Layout(sheet.width, height, tuple(sheet.corner(number) for number in range(len(scene.panels))))


def panel_side(panels: int) -> int:
    """Return the longest side of a panel in px with which a picture has at most LONG_PX, but for a long legend."""
    return (LONG_PX - HEAD - 2 * MARGIN - 3 * LINE) // _column_count(panels) - TITLE


def _column_count(panels: int) -> int:
    return max(1, math.ceil(math.sqrt(panels)))


def draw_scene(scene: Scene) -> Image.Image:
    """Draw a scene.

    Returns:
        An RGB image. Each panel shows the slide in greys, the tiles in the colour of their coverage of the class where
        it is above 0 or unknown, the outline of the class alone, and frames around the kept tiles.
    """
    sheet, layout = Sheet.of(scene), layout_of(scene)
    image = Image.new("RGB", (layout.width, layout.height), PAPER)
    draw = ImageDraw.Draw(image)
    draw.text((MARGIN, HEAD / 2), shortened(escaped(scene.name), sheet.width - 2 * MARGIN, _LARGE), INK, _LARGE, "lm")
    greys = np.full(scene.is_kept.shape, GLASS, np.uint8) if scene.thumbnail is None else greys_of(scene.thumbnail)
    panels: list[tuple[str, Panel | None]] = [*scene.panels.items()] or [("no classes", None)]
    for number, (name, panel) in enumerate(panels):
        x, y = sheet.corner(number)
        for line, text in enumerate(_title(scene, name, panel)):
            draw.text((x, y - TITLE + 12 + 19 * line), shortened(text, sheet.cell[0] - MARGIN, _FONT), INK, _FONT, "lm")
        image.paste(Image.fromarray(_pixels(scene, panel, greys)), (x, y))
    for entry, x, line in wrap(legend_of(scene), sheet.width):
        _draw_entry(draw, entry, x, sheet.legend_y(len(scene.panels)) + line * LINE)
    return image


def _draw_entry(draw: ImageDraw.ImageDraw, entry: Entry, x: int, y: int) -> None:
    entry.paint(draw, x, y + LINE / 2)
    draw.text((x + entry.sample + 6, y + LINE / 2), entry.text, INK, _FONT, "lm")


def _title(scene: Scene, name: str, panel: Panel | None) -> tuple[str, str]:
    """Return the two lines above a panel: the class, and its shares with the wholes they are parts of."""
    if panel is None:
        return name, ""
    is_last = bool(scene.hidden) and name == list(scene.panels)[-1]
    remarks = ["no outline"] * (panel.area is None) + [f"{scene.hidden} more classes not shown"] * is_last
    if panel.of_tiles is None:
        return ", ".join([name, *remarks]), "unknown everywhere"
    numbers = [f"{100 * panel.of_tiles:.1f} % of tiles"]
    if panel.of_tissue is not None:
        numbers.append(f"{100 * panel.of_tissue:.1f} % of tissue")
    return ", ".join([name, *remarks]), ", ".join(numbers)


def _pixels(scene: Scene, panel: Panel | None, greys: npt.NDArray[np.uint8]) -> Rgb:
    """Lay the tiles, the grid, the outline and the frames of one panel over the slide."""
    tiles = scene.canvas.tiles
    is_fine = scene.canvas.tile_px < FINE
    if not is_fine:
        greys = np.where(inner_edges(tiles, tiles != NOWHERE), np.uint8(LINE_GREY), greys)
    steps = np.zeros_like(greys) if panel is None else scene.steps(panel)
    pixels = composite(steps, greys)
    if panel is not None and panel.area is not None:
        inside, outside = outline_sides(panel.area)
        pixels[outside], pixels[inside] = HALO, OUTLINE
    areas = np.where(scene.is_kept, 0 if is_fine else tiles, NOWHERE)
    kept = inner_edges(areas, scene.is_kept)
    if scene.canvas.tile_px >= COARSE:
        kept |= inner_edges(np.where(kept, NOWHERE, areas), scene.is_kept)
    pixels[kept] = KEPT
    return pixels


def inner_edges(areas: npt.NDArray[np.int64], inside: Bools) -> Bools:
    """Mark the pixels inside that touch another area or the border of the picture."""
    around = np.pad(areas, 1, constant_values=NOWHERE - 1)
    edge: Bools = np.zeros(areas.shape, dtype=np.bool_)
    for other in (around[1:-1, :-2], around[1:-1, 2:], around[:-2, 1:-1], around[2:, 1:-1]):
        edge |= areas != other
    return edge & inside


def outline_sides(area: Bools) -> tuple[Bools, Bools]:
    """Mark the pixels on the inner and on the outer side of an area's boundary; the border of the picture is none."""
    touches: Bools = np.zeros(area.shape, dtype=np.bool_)
    across, down = area[:, 1:] != area[:, :-1], area[1:] != area[:-1]
    touches[:, :-1] |= across
    touches[:, 1:] |= across
    touches[:-1] |= down
    touches[1:] |= down
    return touches & area, touches & ~area


def shortened(text: str, width: float, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    """Cut the beginning off a text that is wider than its place: names of a study differ at the end."""
    start = 0
    while font.getlength(text[start:] if not start else f"…{text[start:]}") > width and start < len(text):
        start += 1
    return f"…{text[start:]}" if start else text
