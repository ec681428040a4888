"""The error of shares against closed forms: `python -m benchmarks.accuracy` writes table and plot of docs/accuracy.md.

Four regions are painted at ten resolutions, a pixel having the label of its centre, and measured by the centre rule and
by the area rule; their outlines are measured as an annotation.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import shapely

from ratiopath.annotations import Annotations, Outlines
from ratiopath.frame import SlideFrame
from ratiopath.geometry import Extent, Float64s, Mpp
from ratiopath.overlays import TileWindows
from ratiopath.overlays.raster import RasterOverlay
from ratiopath.overlays.vector import VectorOverlay
from ratiopath.roi import Roi
from ratiopath.slides.array import ArrayReader

DOCS = Path(__file__).parents[1] / "docs"
SIDE, STRIDE, TILE = 256, 32, 64
MPP = 0.5
RATIOS = (1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8, 16, 32, 64)
"""Pixels of the slide per pixel of the overlay."""
ROI = shapely.box(0.37, 0.19, 63.83, 63.61)
"""Region of interest, at fractions of a pixel."""
BEGIN, END = "<!-- accuracy: begin -->\n", "<!-- accuracy: end -->\n"

Where = Callable[[Float64s, Float64s], npt.NDArray[np.bool_]]


@dataclass(frozen=True)
class Region:
    """A region of the slide, in its pixels."""

    contains: Where
    """True for the points (x, y) inside."""
    area_in: Callable[[float, float, float, float], float]
    """Area in a box (minx, miny, maxx, maxy), in closed form."""
    outline: shapely.Geometry
    """Outline as an annotation has it."""

    def truth(self, x: Float64s, y: Float64s) -> Float64s:
        """Compute the share in the ROI of each tile."""
        minx, miny, maxx, maxy = ROI.bounds
        boxes = zip(x + minx, y + miny, x + maxx, y + maxy, strict=True)
        return np.array([self.area_in(*box) for box in boxes]) / ROI.area


def disc_area(radius: float, minx: float, miny: float, maxx: float, maxy: float) -> float:
    """Compute the area of a disc around (0, 0) in a box: pieces between the points where border and box meet."""
    corners = [math.sqrt(radius**2 - y**2) for y in (miny, maxy) if abs(y) < radius]
    marks = [-radius, radius, *corners, *(-x for x in corners), minx, maxx]
    xs = sorted(x for x in marks if max(minx, -radius) <= x <= min(maxx, radius))

    def below_arc(x: float) -> float:
        inner = max(radius**2 - x**2, 0)
        return (x * math.sqrt(inner) + radius**2 * math.atan2(x, math.sqrt(inner))) / 2

    area = 0.0
    for low, high in pairwise(xs):
        arc = math.sqrt(max(radius**2 - ((low + high) / 2) ** 2, 0))
        top, bottom = min(maxy, arc), max(miny, -arc)
        if top > bottom:
            under = below_arc(high) - below_arc(low)
            upper = under if top == arc else top * (high - low)
            area += upper - (-under if bottom == -arc else bottom * (high - low))
    return area


def _disc(cx: float, cy: float, radius: float) -> Region:
    angle = np.arange(1 << 14) * (2 * np.pi / (1 << 14))
    return Region(
        lambda x, y: (x - cx) ** 2 + (y - cy) ** 2 < radius**2,
        lambda minx, miny, maxx, maxy: disc_area(radius, minx - cx, miny - cy, maxx - cx, maxy - cy),
        shapely.Polygon(np.stack([cx + radius * np.cos(angle), cy + radius * np.sin(angle)], axis=1)),
    )


def _annulus(cx: float, cy: float, outer: float, inner: float) -> Region:
    whole, hole = _disc(cx, cy, outer), _disc(cx, cy, inner)
    return Region(
        lambda x, y: whole.contains(x, y) & ~hole.contains(x, y),
        lambda *box: whole.area_in(*box) - hole.area_in(*box),
        whole.outline.difference(hole.outline),
    )


def _half_plane(a: float, b: float, c: float) -> Region:
    outline = shapely.Polygon([(0, 0), (SIDE, 0), (SIDE, (c - a * SIDE) / b), (0, c / b)])
    return Region(
        lambda x, y: a * x + b * y < c,
        lambda *box: outline.intersection(shapely.box(*box)).area,
        outline,
    )


def _box(minx: float, miny: float, maxx: float, maxy: float) -> Region:
    return Region(
        lambda x, y: (x > minx) & (x < maxx) & (y > miny) & (y < maxy),
        lambda x0, y0, x1, y1: max(0, min(x1, maxx) - max(x0, minx)) * max(0, min(y1, maxy) - max(y0, miny)),
        shapely.box(minx, miny, maxx, maxy),
    )


REGIONS = {
    "half-plane": _half_plane(3, 7, 1337),
    "disc": _disc(121.3, 133.7, 71.9),
    "annulus": _annulus(130.1, 119.6, 90.7, 41.3),
    "box": _box(33.31, 58.93, 201.77, 187.19),
}


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Largest errors of shares at one resolution, over all tiles."""

    ratio: float
    """Pixels of the slide per pixel of the overlay."""
    errors: dict[tuple[str, str], float]
    """Error by rule, or "outlines", and region."""
    bounds: dict[str, float]
    """Bound of the errors by rule."""

    @property
    def side(self) -> float:
        """Side of the ROI in pixels of the overlay."""
        return TILE / self.ratio

    def worst(self, rule: str) -> float:
        """Return the largest error over the regions."""
        return max(error for (by, _), error in self.errors.items() if by == rule)


def tiles() -> TileWindows:
    """Lay tiles over the slide that overlap by half."""
    corners = np.arange(0, SIDE - TILE + 1, STRIDE, dtype=np.float64)
    x, y = np.meshgrid(corners, corners)
    return TileWindows(x.ravel(), y.ravel(), Mpp.of(MPP), Roi(ROI))


def measure() -> list[Accuracy]:
    """Measure all regions at all resolutions."""
    windows, outlines = tiles(), {name: _error_of_outlines(region) for name, region in REGIONS.items()}
    truth = {name: region.truth(windows.x, windows.y) for name, region in REGIONS.items()}
    found = []
    for ratio in RATIOS:
        centres = (np.arange(round(SIDE / ratio)) + 0.5) * ratio
        x, y = centres[None], centres[:, None]
        errors, bounds = {("outlines", name): error for name, error in outlines.items()}, {}
        for name, region in REGIONS.items():
            reader = ArrayReader([region.contains(x, y).astype(np.uint8)], Mpp.of(MPP * ratio))
            for rule in ("centre", "area"):
                overlay = RasterOverlay(reader, counting=rule)
                shares = overlay.shares(windows)
                errors[rule, name] = float(np.abs(shares.share_of(["1"]) - truth[name]).max())
                bounds[rule] = float(overlay.uncertainty(windows, shares).max())
        found.append(Accuracy(ratio, errors, bounds))
    return found


def _error_of_outlines(region: Region) -> float:
    outlines, windows = Outlines("drawn", "wkt"), tiles()
    outlines.add_geometry("1", region.outline)
    overlay = VectorOverlay(Annotations.of(outlines), SlideFrame(mpp=Mpp.of(MPP), extent=Extent(SIDE, SIDE)))
    found = overlay.shares(windows).share_of(["1"])
    return float(np.abs(found - region.truth(windows.x, windows.y)).max())


def table(found: list[Accuracy]) -> str:
    """Write the errors as Markdown."""
    lines = [
        "| slide px per overlay px | ROI side, overlay px | centre | its bound | area | its bound | outlines |",
        "|---|---|---|---|---|---|---|",
    ]
    for one in found:
        ratio = f"{one.ratio:g}" if one.ratio >= 1 else f"1/{1 / one.ratio:g}"
        rules = (f"{one.worst(rule):.2g} | {one.bounds[rule]:.2g}" for rule in ("centre", "area"))
        lines.append(f"| {ratio} | {one.side:g} | {' | '.join(rules)} | {_at_most(one.worst('outlines'))} |")
    lines += ["", "The error of each region, in pixels of the overlay per side of the ROI (error x side):", ""]
    lines += ["| ROI side, overlay px | " + " | ".join(f"{name}, {rule}" for rule, name in _COLUMNS) + " |"]
    lines += ["|---|" + "---|" * len(_COLUMNS)]
    lines += [
        f"| {one.side:g} | " + " | ".join(f"{one.errors[column] * one.side:.2f}" for column in _COLUMNS) + " |"
        for one in found
    ]
    return "\n".join(lines) + "\n"


_COLUMNS = [(rule, name) for rule in ("centre", "area") for name in REGIONS]


def _at_most(error: float) -> str:
    return f"< 1e{math.floor(math.log10(error)) + 1}" if error > 0 else "0"


_COLOURS = {"centre": "#c2410c", "area": "#1d4ed8"}
_WIDTH, _HEIGHT, _LEFT, _TOP = 640, 380, 70, 20
_DECADES = 5
"""Powers of 10 along y, from 1 downwards."""


def plot(found: list[Accuracy]) -> str:
    """Draw the largest errors over the side of the ROI, both logarithmic, and their bounds dashed, as SVG."""
    across, down = (_WIDTH - _LEFT - 150) / (len(found) - 1), (_HEIGHT - _TOP - 50) / _DECADES

    def points(values: list[float]) -> str:
        lows = (min(max(-math.log10(max(value, 1e-9)), 0), _DECADES) for value in values)
        return " ".join(f"{_LEFT + n * across:.1f},{_TOP + low * down:.1f}" for n, low in enumerate(lows))

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" style="font: 12px sans-serif">',
        "<title>Largest error of a share over the side of the ROI in pixels of the overlay</title>",
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
    ]
    right, bottom = _LEFT + across * (len(found) - 1), _TOP + _DECADES * down
    for decade in range(_DECADES + 1):
        y = _TOP + decade * down
        parts.append(f'<path d="M{_LEFT} {y:.1f}H{right:.1f}" stroke="#ddd"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{10.0**-decade:g}</text>')
    ordered = found[::-1]  # small sides first
    for n, one in enumerate(ordered):
        x = _LEFT + n * across
        parts.append(f'<text x="{x:.1f}" y="{bottom + 18:.1f}" text-anchor="middle">{one.side:g}</text>')
    middle = (_LEFT + right) / 2
    below = f'x="{middle:.1f}" y="{bottom + 38:.1f}"'
    parts.append(f'<text {below} text-anchor="middle">side of the ROI, pixels of the overlay</text>')
    parts.append(
        f'<text transform="translate(16 {(_TOP + bottom) / 2:.1f}) rotate(-90)" text-anchor="middle">'
        "largest error of a share</text>"
    )
    for n, (rule, colour) in enumerate(_COLOURS.items()):
        style = f'fill="none" stroke="{colour}" stroke-width="2"'
        measured, bound = [one.worst(rule) for one in ordered], [one.bounds[rule] for one in ordered]
        parts.append(f'<polyline points="{points(measured)}" {style}/>')
        parts.append(f'<polyline points="{points(bound)}" {style} stroke-dasharray="5 4"/>')
        for k, (words, dash) in enumerate(((f"{rule} rule", ""), ("its bound", ' stroke-dasharray="5 4"'))):
            y = _TOP + 14 + (2 * n + k) * 20
            parts.append(f'<path d="M{right + 15:.1f} {y}h24" {style}{dash}/>')
            parts.append(f'<text x="{right + 45:.1f}" y="{y + 4}">{words}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def main() -> None:
    """Write the table into docs/accuracy.md and the plot beside it."""
    found, page = measure(), DOCS / "accuracy.md"
    before, _, rest = page.read_text("utf-8").partition(BEGIN)
    page.write_text(before + BEGIN + table(found) + END + rest.partition(END)[2], "utf-8")
    (DOCS / "accuracy.svg").write_text(plot(found), "utf-8")
    print(table(found))


if __name__ == "__main__":
    main()
