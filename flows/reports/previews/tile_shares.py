"""The shares of a slide's tiles for the gallery, as a script beside its picture: a page from disk may load no JSON.

previews/SLIDE.js    tileShares("SLIDE", {...})

shares       base64 of a byte per cell, row-major: floor(200 x share), so that steps of 0.5 % are exact; 255 unknown
columns      cells per row
xs, ys       beginning and end of each column and row in px of a panel, one after the other
histograms   tiles by step of the picture's colours: none, (0, 5], ... (95, 100] %, unknown; of all tiles
is_whole     true if each tile is a cell; a slide of more than MAX_CELLS tiles has every second, third, ... one
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flows.reports.previews.colours import UNKNOWN, steps_of
from flows.reports.previews.scene import NOWHERE, Canvas, Float32s, SampledValues
from ratiopath.geometry import Int64s

MARK = "/* ratiopath flows: shares of tiles */"
"""Beginning of a script, which marks it as written by a run."""
MAX_CELLS = 1 << 14
"""Largest number of cells of a slide: 22 kB per class."""
PER_UNIT, NO_SHARE = 200, 255
"""Number that stands for a share of 1, and for an unknown one."""
_ROUNDING = 1e-4
"""Distance below a step at which a share of float32 still reaches it."""


class Histogram:
    """Counts of all tiles by step of coverage."""

    def __init__(self) -> None:
        """Start with no tiles."""
        self.counts: Int64s = np.zeros(UNKNOWN + 1, dtype=np.int64)

    def add(self, shares: npt.NDArray[np.float64]) -> None:
        """Count some tiles; NaN is unknown."""
        self.counts += np.bincount(steps_of(shares.astype(np.float32)), minlength=UNKNOWN + 1)


@dataclass(frozen=True, slots=True)
class Layout:
    """Places of the panels in the picture, in px."""

    width: int
    """Width of the picture."""
    height: int
    """Height of the picture."""
    corners: tuple[tuple[int, int], ...]
    """Left upper corner of each panel."""


def write_script(
    slide_id: str,
    layout: Layout,
    canvas: Canvas,
    sampled: Mapping[str, SampledValues],
    histograms: Mapping[str, Histogram],
) -> str:
    """Write the script of a slide.

    Args:
        slide_id: The slide.
        layout: Places of the panels, in the order of `sampled`.
        canvas: The frame of a panel.
        sampled: Shares of the tiles that the picture shows, by class.
        histograms: Counts of all tiles, by class.
    """
    every = max((_stride(one.values.shape) for one in sampled.values()), default=1)
    shown = {axis: _spans(at, every) for axis, at in (("xs", canvas.columns), ("ys", canvas.rows))}
    is_whole = every == 1 and all(
        2 * len(origins) == len(spans)
        for origins, spans in zip((canvas.cells.xs, canvas.cells.ys), shown.values(), strict=True)
    )
    content = {
        "width": layout.width,
        "height": layout.height,
        "corners": layout.corners,
        "columns": len(shown["xs"]) // 2,
        **shown,
        "shares": [_encoded(one.values[::every, ::every]) for one in sampled.values()],
        "histograms": [histograms[name].counts.tolist() for name in sampled],
        "is_whole": is_whole,
    }
    return f"{MARK}\ntileShares({json.dumps(slide_id)}, {json.dumps(content, separators=(',', ':'))});\n"


def _stride(shape: tuple[int, ...]) -> int:
    every = 1
    while -(-shape[0] // every) * -(-shape[1] // every) > MAX_CELLS:
        every += 1
    return every


def _spans(at: Int64s, every: int) -> list[int]:
    """Return where the columns (or rows) of cells begin and end; a cell is as wide as the tiles it stands for."""
    shown = np.flatnonzero(at != NOWHERE)
    _, firsts = np.unique(at[shown], return_index=True)
    lasts = np.append(firsts[1:], len(shown)) - 1
    begins, ends = shown[firsts][::every], shown[lasts] + 1
    stops = ends[np.minimum(np.arange(len(begins)) * every + every, len(ends)) - 1] if len(ends) else ends
    return np.stack([begins, stops], axis=-1).ravel().tolist()


def _encoded(shares: Float32s) -> str:
    numbers = np.floor(np.nan_to_num(shares) * PER_UNIT + _ROUNDING).clip(0, PER_UNIT)
    return base64.b64encode(np.where(np.isnan(shares), NO_SHARE, numbers).astype(np.uint8).tobytes()).decode()
