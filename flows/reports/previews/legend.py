"""The legend of a preview: samples in the colours of the picture, and their meanings."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from PIL import ImageDraw, ImageFont

from flows.reports.previews.colours import GLASS, GREYS, HALO, INK, KEPT, OUTLINE, STEPS, TABLE, UNKNOWN
from flows.reports.previews.scene import Scene

MARGIN, LINE = 12, 40
"""Margin around panels and height of a line of the legend, in px."""
MAX_BAR_SHARE = 0.3
"""Largest length of the scale bar as a share of the panel's width."""
BLOCK, RISE = 12, 2
"""Width of a step of coverage and height of a grey, in px."""
_FONT, _SMALL = ImageFont.load_default(15), ImageFont.load_default(12)

Paint = Callable[[ImageDraw.ImageDraw, float, float], None]


@dataclass(frozen=True, slots=True)
class Entry:
    """Sample and its meaning."""

    sample: int
    """Width of the sample in px."""
    text: str
    """Meaning of the sample."""
    paint: Paint
    """Painter of the sample, from the middle of its left edge."""

    @property
    def width(self) -> int:
        """Width in px, with the gap to the next entry."""
        return self.sample + 6 + math.ceil(_FONT.getlength(self.text)) + 18


def legend_of(scene: Scene) -> Iterator[Entry]:
    """Yield the entries for what a scene shows."""
    if scene.canvas.mpp is not None:
        millimetres = nice_length(scene.canvas.extent.width * MAX_BAR_SHARE * scene.canvas.mpp.x / 1000)
        yield _scale_bar(max(1, round(millimetres * 1000 / scene.canvas.mpp.x)), f"{millimetres:g} mm")
    if scene.panels:
        yield Entry((STEPS + 2) * BLOCK, "% of a tile", _paint_ramp)
    if any((scene.steps(panel) == UNKNOWN).any() for panel in scene.panels.values()):
        yield Entry(BLOCK, "unknown", lambda draw, x, y: _paint_steps(draw, x, y, [UNKNOWN]))
    if any(panel.area is not None for panel in scene.panels.values()):
        yield Entry(24, "outline of the class", _paint_outline)
    yield Entry(18, f"kept: {scene.kept:,} of {scene.tiles:,} tiles", _paint_frame)
    if scene.thumbnail is None:
        yield Entry(18, "the slide has no small level to draw", _paint_glass)


def wrap(entries: Iterator[Entry], width: int) -> list[tuple[Entry, int, int]]:
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


def _scale_bar(pixels: int, text: str) -> Entry:
    def paint(draw: ImageDraw.ImageDraw, x: float, y: float) -> None:
        draw.rectangle((x, y - 2, x + pixels - 1, y + 2), fill=INK)
        for end in (x, x + pixels - 1):
            draw.line((end, y - 6, end, y + 6), fill=INK)

    return Entry(pixels, text, paint)


def _paint_ramp(draw: ImageDraw.ImageDraw, x: float, y: float) -> None:
    """Paint the steps, 0 apart from the others, with the bounds of every fifth below."""
    _paint_steps(draw, x, y - 6, [0])
    draw.text((x + BLOCK / 2, y + 11), "0", INK, _SMALL, "mm")
    first = x + 2 * BLOCK
    _paint_steps(draw, first, y - 6, range(1, STEPS + 1))
    for bound in range(5, STEPS + 1, 5):
        draw.text((first + bound * BLOCK, y + 11), f"{100 * bound // STEPS}", INK, _SMALL, "mm")
    draw.text((first, y + 11), ">0", INK, _SMALL, "mm")


def _paint_steps(draw: ImageDraw.ImageDraw, x: float, y: float, steps: range | list[int]) -> None:
    """Paint steps over each grey of the slide, the lightest at the top, in a frame."""
    for place, step in enumerate(steps):
        for row, grey in enumerate(reversed(range(GREYS))):
            colour = TABLE[step, grey]
            left, top = x + place * BLOCK, y - GREYS * RISE / 2 + row * RISE
            draw.rectangle((left, top, left + BLOCK - 1, top + RISE - 1), fill=tuple(colour.tolist()))
    draw.rectangle((x - 1, y - GREYS, x + len(steps) * BLOCK, y + GREYS), outline=INK)


def _paint_outline(draw: ImageDraw.ImageDraw, x: float, y: float) -> None:
    sample = np.empty((9, 24, 3), np.uint8)
    sample[:] = TABLE[STEPS, GREYS - 1]
    sample[3], sample[4] = HALO, OUTLINE
    sample[:3] = TABLE[0, GREYS // 2]
    for row, line in enumerate(sample):
        draw.line((x, y - 4 + row, x + 23, y - 4 + row), fill=tuple(line[0].tolist()))


def _paint_frame(draw: ImageDraw.ImageDraw, x: float, y: float) -> None:
    draw.rectangle((x, y - 8, x + 16, y + 8), outline=KEPT, width=2)


def _paint_glass(draw: ImageDraw.ImageDraw, x: float, y: float) -> None:
    draw.rectangle((x, y - 8, x + 16, y + 8), fill=tuple(TABLE[0, GLASS].tolist()), outline=INK)
