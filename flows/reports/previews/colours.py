"""Colours of a preview: a fixed palette of every colour that a tile can have over any grey of the slide.

The slide is shown in GREYS greys, from white down to LOW. Coverage multiplies them with the colour of its step:

    step     0       1      2      ...     20       UNKNOWN
    shares   0    (0, 5]  (5, 10]  ...  (95, 100] %   null
    colour   none  yellow            ...    violet    grey

Over one grey, a larger step is darker. The legend shows the same products, so a tile can be read back from it.
"""

import numpy as np
import numpy.typing as npt
from PIL import Image

Rgb = npt.NDArray[np.uint8]
Steps = npt.NDArray[np.uint8]

STEPS, UNKNOWN = 20, 21
"""Steps of coverage above 0, and the number that stands for an unknown share."""
GREYS, LINE_GREY = 8, 8
"""Greys of the slide, and the number of the grey of the grid's lines, after the others."""
GLASS = GREYS - 2
"""Grey of a slide that cannot be shown."""
LOW, LINES = 0.84, 0.72
"""Factors of the darkest grey of the slide and of the grid's lines; white is 1."""
BLACK, WHITE = 96, 240
"""Luminances of the slide that get the darkest and the lightest grey, of 255; stained tissue lies between."""
RAMP = np.array([[253, 231, 37], [94, 201, 98], [33, 145, 140], [59, 82, 139], [72, 36, 117]], dtype=np.float64)
"""Colours of the steps 1 to 20 at five even places, from viridis without its dark end, where tissue would drown."""
UNKNOWN_GREY = (128, 128, 128)
"""Colour of a tile whose share is unknown."""
PAPER, INK, OUTLINE, HALO = (255, 255, 255), (32, 36, 41), (0, 0, 0), (255, 255, 255)
"""Colours of the background, of the text, and of the inner and the outer side of an outline."""
KEPT = (230, 50, 20)
"""Colour of the frames of kept tiles, which no step comes near."""
_LUMA = np.array([299, 587, 114], dtype=np.float32) / 1000
"""Weights of red, green and blue in the luminance of ITU-R BT.601."""
_INKS = 16
"""Shades between paper and ink, for the edges of letters."""


def _products() -> Rgb:
    places = np.linspace(0, 1, len(RAMP))
    ramp = np.stack([np.interp(np.linspace(0, 1, STEPS), places, channel) for channel in RAMP.T], axis=-1)
    colours = np.concatenate([[(255, 255, 255)], ramp, [UNKNOWN_GREY]])
    factors = np.append(np.linspace(LOW, 1, GREYS), LINES)
    products: Rgb = (colours[:, None, :] * factors[:, None]).round().astype(np.uint8)
    return products


TABLE = _products()
"""Colour of each step over each grey; uint8, shape (STEPS + 2, GREYS + 1, 3)."""


def _palette() -> Rgb:
    shades = np.linspace(PAPER, INK, _INKS).round().astype(np.uint8)
    colours: Rgb = np.unique(
        np.concatenate([TABLE.reshape(-1, 3), shades, np.array([OUTLINE, KEPT], np.uint8)]), axis=0
    )
    return colours


PALETTE = _palette()
"""Colours of a picture, at most 256, each once; uint8, shape (n, 3)."""


def greys_of(thumbnail: Rgb) -> Steps:
    """Reduce colours to greys.

    Args:
        thumbnail: RGB, uint8, shape (height, width, 3).

    Returns:
        Number of the grey of each pixel, 0 (darkest) to GREYS - 1, uint8, shape (height, width).
    """
    luminance = thumbnail.astype(np.float32) @ _LUMA
    greys: Steps = np.rint((luminance - BLACK).clip(0, WHITE - BLACK) * ((GREYS - 1) / (WHITE - BLACK))).astype(
        np.uint8
    )
    return greys


def steps_of(shares: npt.NDArray[np.float32]) -> Steps:
    """Reduce shares in [0, 1] to steps: 0 stays 0, a step holds its upper bound, NaN becomes UNKNOWN; uint8."""
    steps = np.ceil(np.nan_to_num(shares) * STEPS - 1e-4).clip(0, STEPS)  # 0.35 as float32 is a little more or less
    steps = np.where((shares > 0) & (steps == 0), 1, steps)
    found: Steps = np.where(np.isnan(shares), UNKNOWN, steps).astype(np.uint8)
    return found


def composite(steps: Steps, greys: Steps) -> Rgb:
    """Return the colours of tiles over the slide, RGB, uint8, with one axis more than the arguments."""
    colours: Rgb = TABLE[steps, greys]
    return colours


def with_palette(image: Image.Image) -> Image.Image:
    """Store an RGB image with the palette: its colours stay as they are, others become the nearest of the palette.

    Returns:
        An image of mode P, a third of the bytes.
    """
    pixels = np.asarray(image)
    packed = (pixels[..., 0].astype(np.int32) << 16) | (pixels[..., 1].astype(np.int32) << 8) | pixels[..., 2]
    is_present = np.zeros(1 << 24, dtype=np.bool_)
    is_present[packed] = True
    present = np.flatnonzero(is_present)
    colours = np.stack([present >> 16, present >> 8 & 255, present & 255], axis=-1)
    numbers = np.zeros(1 << 24, dtype=np.uint8)
    for start in range(0, len(present), 4096):
        part = slice(start, start + 4096)
        distances = ((colours[part, None, :] - PALETTE.astype(np.int64)) ** 2).sum(axis=-1)
        numbers[present[part]] = distances.argmin(axis=-1)
    stored = Image.fromarray(numbers[packed], "P")
    stored.putpalette(PALETTE.tobytes())
    return stored
