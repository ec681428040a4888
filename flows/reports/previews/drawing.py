"""Drawing of a scene: a panel per class above a legend. Pure; numpy blends the layers, Pillow draws the rest."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from flows.reports.previews.scene import NOWHERE, Bools, Float32s, Rgb, Scene

Colours = npt.NDArray[np.float64]
"""RGB, float64, shape (..., 3)."""
MAX_PANELS = 9
"""Largest number of classes that have a panel."""
MARGIN, TITLE, LINE, MIN_WIDTH = 12, 26, 26, 560
"""Margin around panels, height of a title, height of a legend line and width of the narrowest picture, in px."""
PAPER, INK, SOFT, GLASS, UNKNOWN = (255, 255, 255), (32, 36, 41), (96, 104, 112), (232, 234, 237), (128, 128, 128)
KEPT = (0, 92, 230)
"""Colour of the frames of kept tiles."""
OVERLAYS = ((224, 64, 16), (0, 140, 70), (20, 20, 20), (190, 0, 150))
"""Colours of the outlines, in the order of the overlays, repeated if there are more."""
VIRIDIS = np.array([[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]], dtype=np.float64)
"""Colours at 0, 25, ..., 100 % of matplotlib's default colour map."""
SHADE, GRID = 0.55, 0.3
"""Opacity of coverage and of the grid, in [0, 1]."""
FINE, COARSE = 6, 14
"""Sides of a tile in px: kept tiles smaller than FINE share one frame, those of at least COARSE have a thick one."""
MAX_BAR_SHARE = 0.3
"""Largest length of the scale bar as a share of the panel's width."""


def draw_scene(scene: Scene) -> Image.Image:
    """Draw a scene.

    Returns:
        An RGB image. Each panel shows the slide, the tiles coloured by their coverage of the class where it is above 0
        and grey where it is unknown, the outlines of the overlays, and frames around the kept tiles.
    """
    shown = list(scene.shares.items())[:MAX_PANELS]
    panels = [(_title(scene, name, shares), _blend_layers(scene, name, shares)) for name, shares in shown]
    panels = panels or [("no classes", _blend_layers(scene, None, None))]
    columns = math.ceil(math.sqrt(len(panels)))
    extent = scene.canvas.extent
    width = max(MIN_WIDTH, columns * (extent.width + MARGIN) + MARGIN)
    legend = _wrap(_legend(scene), width)
    rows = -(-len(panels) // columns)
    top = rows * (extent.height + TITLE) + MARGIN
    image = Image.new("RGB", (width, top + LINE * (1 + max(y for _, _, y in legend)) + MARGIN), PAPER)
    draw = ImageDraw.Draw(image)
    for number, (title, pixels) in enumerate(panels):
        x = MARGIN + number % columns * (extent.width + MARGIN)
        y = number // columns * (extent.height + TITLE)
        draw.text((x, y + TITLE / 2), title, INK, _FONT, anchor="lm")
        image.paste(Image.fromarray(pixels), (x, y + TITLE))
    for entry, x, row in legend:
        entry.draw(draw, x, top + row * LINE)
    return image


def _title(scene: Scene, name: str, shares: Float32s) -> str:
    hidden = len(scene.shares) - MAX_PANELS
    more = f", and {hidden} more classes" if hidden > 0 and name == list(scene.shares)[MAX_PANELS - 1] else ""
    return f"{name}{'' if np.isfinite(shares).any() else ', unknown everywhere'}{more}"


def _blend_layers(scene: Scene, name: str | None, shares: Float32s | None) -> Rgb:
    """Blend the layers of one panel, of a class or of none."""
    shape = scene.is_kept.shape
    base = np.full((*shape, 3), GLASS, dtype=np.float64) if scene.thumbnail is None else scene.thumbnail.astype(float)
    tiles = scene.canvas.tiles
    if shares is not None:
        base = _blend(base, viridis(shares), (shares > 0) * SHADE)
        base = _blend(base, np.array(UNKNOWN, float), scene.is_unknown(shares) * SHADE)
    is_fine = scene.canvas.tile_px < FINE
    if not is_fine:
        base = _blend(base, np.array(SOFT, float), inner_edges(tiles, tiles != NOWHERE) * GRID)
    others = set(scene.overlay_of.values()) - {scene.overlay_of.get(name or "")}
    for (overlay, marked), colour in zip(scene.outlines.items(), cycle(OVERLAYS), strict=False):
        if marked is not None and overlay not in others:
            base[marked] = colour
    areas = np.where(scene.is_kept, 0 if is_fine else tiles, NOWHERE)
    kept = inner_edges(areas, scene.is_kept)
    if scene.canvas.tile_px >= COARSE:
        kept |= inner_edges(np.where(kept, NOWHERE, areas), scene.is_kept)
    base[kept] = KEPT
    return np.asarray(base.round(), dtype=np.uint8)


def viridis(shares: Float32s) -> Colours:
    """Map shares in [0, 1] to colours, NaN to the colour of 0; shape (..., 3)."""
    anchors = np.linspace(0, 1, len(VIRIDIS))
    known = np.nan_to_num(shares)
    return np.stack([np.interp(known, anchors, channel) for channel in VIRIDIS.T], axis=-1)


def inner_edges(areas: npt.NDArray[np.int64], inside: Bools) -> Bools:
    """Mark the pixels inside that touch another area or the border of the picture."""
    around = np.pad(areas, 1, constant_values=NOWHERE - 1)
    neighbours = (around[1:-1, :-2], around[1:-1, 2:], around[:-2, 1:-1], around[2:, 1:-1])
    edge: Bools = inside & np.any([areas != other for other in neighbours], axis=0)
    return edge


def _blend(base: Colours, colour: Colours, opacity: npt.NDArray[Any]) -> Colours:
    mixed: Colours = base + (colour - base) * opacity[..., None]
    return mixed


@dataclass(frozen=True, slots=True)
class _Entry:
    """Legend entry: a sample and its meaning."""

    sample: int
    """Width of the sample in px."""
    text: str
    """Meaning of the sample."""
    paint: Callable[[ImageDraw.ImageDraw, float, float], None]
    """Draws the sample, from the middle of its left edge."""

    @property
    def width(self) -> int:
        return self.sample + 6 + math.ceil(_FONT.getlength(self.text)) + 18

    def draw(self, draw: ImageDraw.ImageDraw, x: float, y: float) -> None:
        self.paint(draw, x, y + LINE / 2)
        draw.text((x + self.sample + 6, y + LINE / 2), self.text, INK, _FONT, anchor="lm")


def _legend(scene: Scene) -> Iterator[_Entry]:
    if scene.canvas.mpp is not None:
        millimetres = nice_length(scene.canvas.extent.width * MAX_BAR_SHARE * scene.canvas.mpp.x / 1000)
        yield _scale_bar(max(1, round(millimetres * 1000 / scene.canvas.mpp.x)), f"{millimetres:g} mm")
    yield _Entry(140, "0 to 100 % of a tile", _paint_ramp)
    if any(scene.is_unknown(shares).any() for shares in scene.shares.values()):
        yield _Entry(18, "unknown", _paint_box(UNKNOWN, is_filled=True))
    for (name, marked), colour in zip(scene.outlines.items(), cycle(OVERLAYS), strict=False):
        yield _Entry(24, f"overlay {name}" if marked is not None else f"overlay {name}: not drawn", _paint_line(colour))
    yield _Entry(18, f"kept: {scene.kept:,} of {scene.tiles:,} tiles", _paint_box(KEPT, is_filled=False))
    if scene.thumbnail is None:
        yield _Entry(18, "the slide has no small level to draw", _paint_box(GLASS, is_filled=True))


def _wrap(entries: Iterator[_Entry], width: int) -> list[tuple[_Entry, int, int]]:
    """Place entries on lines no wider than the picture; return each with its x in px and its line."""
    placed, x, line = [], MARGIN, 0
    for entry in entries:
        if x > MARGIN and x + entry.width > width:
            x, line = MARGIN, line + 1
        placed.append((entry, x, line))
        x += entry.width
    return placed


def nice_length(limit: float) -> float:
    """Return the largest of ..., 0.1, 0.2, 0.5, 1, 2, 5, ... that does not exceed `limit`, which is > 0."""
    power = 10.0 ** math.floor(math.log10(limit))
    return float(max(step * power for step in (0.5, 1, 2, 5) if step * power <= limit * (1 + 1e-9)))


def _scale_bar(pixels: int, text: str) -> _Entry:
    def paint(draw: ImageDraw.ImageDraw, x: float, y: float) -> None:
        draw.rectangle((x, y - 2, x + pixels - 1, y + 2), fill=INK)
        for end in (x, x + pixels - 1):
            draw.line((end, y - 6, end, y + 6), fill=INK)

    return _Entry(pixels, text, paint)


def _paint_ramp(draw: ImageDraw.ImageDraw, x: float, y: float) -> None:
    for offset, colour in enumerate(viridis(np.linspace(0, 1, 140, dtype=np.float32))):
        draw.line((x + offset, y - 6, x + offset, y + 6), fill=tuple(int(part) for part in colour))


def _paint_line(colour: tuple[int, int, int]) -> Callable[[ImageDraw.ImageDraw, float, float], None]:
    return lambda draw, x, y: draw.line((x, y, x + 23, y), fill=colour, width=3)


def _paint_box(colour: tuple[int, int, int], *, is_filled: bool) -> Callable[[ImageDraw.ImageDraw, float, float], None]:
    return lambda draw, x, y: draw.rectangle(
        (x, y - 8, x + 16, y + 8), fill=colour if is_filled else None, outline=colour, width=2
    )


_FONT = ImageFont.load_default(15)
