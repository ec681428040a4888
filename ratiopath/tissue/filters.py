"""Filters of small images on a plane of pixels: median, Otsu's threshold, and morphology with rectangles."""

from fractions import Fraction
from itertools import product

import numpy as np
import numpy.typing as npt

from ratiopath.geometry import Int64s

Bytes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
LEVELS = 256
"""Values of a byte."""
_BLOCK = 256
"""Side of the blocks that are filtered at once, px: their arrays fit the cache of a processor."""


def median(image: Bytes, radius: int) -> Bytes:
    """Replace every pixel by the median of the square around it; pixels at the border are repeated outwards.

    The median of n values is the largest v that more than half of them are not below. Its bits are found one by one,
    the highest first, for a block of pixels at once.

    Args:
        image: Shape (height, width).
        radius: The square has 2 * radius + 1 pixels on a side; at most 7, since its pixels are counted in a byte.

    Returns:
        uint8, the same shape.
    """
    side = 2 * radius + 1
    padded, found = np.pad(image, radius, mode="edge"), np.zeros_like(image)
    for top, left in product(range(0, image.shape[0], _BLOCK), range(0, image.shape[1], _BLOCK)):
        block = found[top : top + _BLOCK, left : left + _BLOCK]
        height, width = block.shape
        around = padded[top : top + height + 2 * radius, left : left + width + 2 * radius]
        shifted = [around[y : y + height, x : x + width] for y, x in product(range(side), repeat=2)]
        for bit in reversed(range(int(around.max()).bit_length())):
            candidate = block | np.uint8(1 << bit)
            below = np.zeros(block.shape, dtype=np.uint8)
            for pixels in shifted:
                below += pixels < candidate
            np.copyto(block, candidate, where=below <= side * side // 2)
    return found


def otsu(histogram: Int64s) -> int:
    """Return Otsu's threshold t: the classes `<= t` and `> t` have the largest variance between them.

    N. Otsu, A threshold selection method from gray-level histograms, IEEE Trans. SMC 9 (1979), 62-66, equation 18. It
    is computed in whole numbers, and the lowest of equal thresholds counts.

    Args:
        histogram: Number of pixels of each value.

    Returns:
        A value; 0 if no two values occur.
    """
    counts = np.cumsum(histogram).tolist()
    sums = np.cumsum(histogram * np.arange(len(histogram))).tolist()
    n, total = counts[-1], sums[-1]
    best, threshold = Fraction(0), 0
    for t, (below, sum_below) in enumerate(zip(counts, sums, strict=True)):
        if 0 < below < n:
            between = Fraction((total * below - n * sum_below) ** 2, below * (n - below))
            if between > best:
                best, threshold = between, t
    return threshold


def close_gaps(mask: Mask, radii: tuple[int, int]) -> Mask:
    """Close gaps narrower than a rectangle: dilate, then erode. Nothing is known beyond the border.

    Args:
        mask: Shape (height, width).
        radii: Pixels on each side of the rectangle's centre, along x and y.
    """
    return ~_dilated(~_dilated(mask, radii), radii)


def remove_specks(mask: Mask, radii: tuple[int, int]) -> Mask:
    """Remove what is narrower than a rectangle: erode, then dilate; see `close_gaps`."""
    return _dilated(~_dilated(~mask, radii), radii)


def _dilated(mask: Mask, radii: tuple[int, int]) -> Mask:
    """Set every pixel that has a set one in the rectangle around it, one axis after the other."""
    for axis, radius in zip((1, 0), radii, strict=True):
        grown = mask.copy()
        ahead, behind = (np.moveaxis(one, axis, 0) for one in (grown, mask))
        for shift in range(1, min(radius, len(behind) - 1) + 1):
            ahead[shift:] |= behind[:-shift]
            ahead[:-shift] |= behind[shift:]
        mask = grown
    return mask
