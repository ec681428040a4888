"""What is in the picture of a slide, before it is drawn."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flows.preview.canvas import Bools, Canvas, Float32s

Rgb = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Scene:
    """Layers of one size, (height, width)."""

    canvas: Canvas
    """Where the tiles are."""
    thumbnail: Rgb | None
    """The slide, shape (height, width, 3); None where it has no small level."""
    outlines: Mapping[str, Bools | None]
    """By overlay: where its classes meet; None where it is too large to be looked at."""
    overlay_of: Mapping[str, str]
    """By class: its overlay. An overlay without classes is shown with all of them."""
    shares: Mapping[str, Float32s]
    """By class: what the tile at each pixel holds of it; NaN where that is not known."""
    is_kept: Bools
    """Whether the tile at each pixel is kept."""
    tiles: int
    """How many the slide has."""
    kept: int
    """How many of them are kept."""

    def is_unknown(self, shares: Float32s) -> Bools:
        """Where there is a tile of which a share is not known."""
        unknown: Bools = np.isnan(shares) & self.canvas.is_tile
        return unknown
