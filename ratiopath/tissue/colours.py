"""Saturation and hue of pixels in whole numbers, so that every machine computes the same."""

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
DARK = 40
"""Value V of HSV, 0 to 255, below which a pixel is no tissue but a black border, or a gap between scanned fields."""
INK = 100
"""Saturation of HSV, 0 to 255, above which a hue that no stain has is that of a pen."""
STAINS = (20, 130)
"""End of the hues of eosin and DAB, and beginning of those of haematoxylin, in halves of a degree, 0 to 180."""
_VALUE, _CHROMA = np.ogrid[:256, :256]
_SATURATION: Bytes = ((2 * 255 * _CHROMA + _VALUE) // np.maximum(2 * _VALUE, 1)).astype(np.uint8)
"""Saturation by value and chroma: looking it up is faster than dividing."""


def saturation_of(rgb: Bytes) -> Bytes:
    """Return the saturation of HSV, 255 * (max - min) / max rounded half up, and 0 for black.

    Args:
        rgb: Shape (height, width, 3).

    Returns:
        uint8, shape (height, width).
    """
    value, chroma = _value_and_chroma(rgb)
    saturation: Bytes = _SATURATION[value, chroma]
    return saturation


def is_dark(rgb: Bytes) -> Mask:
    """Return a mask of the pixels that are too dark for tissue, shape (height, width)."""
    dark: Mask = _value_and_chroma(rgb)[0] < DARK
    return dark


def is_pen(rgb: Bytes, saturation: Bytes) -> Mask:
    """Return a mask of the pixels whose colour is that of ink: saturated, and of a hue that no stain has.

    Args:
        rgb: Shape (height, width, 3).
        saturation: Their saturation, shape (height, width).

    Returns:
        bool, shape (height, width).
    """
    red, green, blue = (rgb[..., channel].astype(np.int32) for channel in range(3))
    value, chroma = (one.astype(np.int32) for one in _value_and_chroma(rgb))
    # 30 halves of a degree per sixth of the circle; the hue times the chroma, red at 0, green at 60, blue at 120
    from_red, from_green = 30 * (green - blue), 60 * chroma + 30 * (blue - red)
    from_blue = 120 * chroma + 30 * (red - green)
    hue = np.where(
        value == red, from_red % np.maximum(180 * chroma, 1), np.where(value == green, from_green, from_blue)
    )
    eosin, haematoxylin = STAINS
    ink: Mask = (saturation > INK) & (hue > eosin * chroma) & (hue < haematoxylin * chroma)
    return ink


def _value_and_chroma(rgb: Bytes) -> tuple[Bytes, Bytes]:
    """Return the largest channel, and its difference from the smallest."""
    red, green, blue = (rgb[..., channel] for channel in range(3))  # faster than max along a short axis
    value = np.maximum(np.maximum(red, green), blue)
    return value, value - np.minimum(np.minimum(red, green), blue)
