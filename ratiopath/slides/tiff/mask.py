"""A mask as a TIFF file that other programs read too: one bit a pixel, tiled, with its resolution."""

from fractions import Fraction
from io import BytesIO

import numpy as np
import numpy.typing as npt
import tifffile

from ratiopath.geometry import Mpp

TILE = 512
"""Side of a tile, px."""
UM_PER_CM = 10_000
MAX_TERM = (1 << 32) - 1
"""Largest numerator and denominator of a TIFF's resolution."""


def encode_mask(mask: npt.NDArray[np.bool_], mpp: Mpp, description: str = "") -> bytes:
    """Write a mask.

    Args:
        mask: Shape (height, width).
        mpp: Resolution, µm/px; the file holds its inverse as a fraction, exact to nine digits.
        description: Text of its ImageDescription, in ASCII.

    Returns:
        Content of the file, the same for the same arguments.
    """
    content = BytesIO()
    with tifffile.TiffWriter(content) as writer:
        writer.write(
            mask,
            tile=(TILE, TILE),
            compression="deflate",
            photometric="minisblack",
            resolution=(pixels_per_cm(mpp.x), pixels_per_cm(mpp.y)),
            resolutionunit="CENTIMETER",
            description=description,
            software=False,
            metadata=None,
        )
    return content.getvalue()


def pixels_per_cm(mpp: float) -> tuple[int, int]:
    """Return a resolution as a numerator and a denominator that both fit 32 bits."""
    exact = UM_PER_CM / Fraction(mpp)
    closest = exact.limit_denominator(min(MAX_TERM, max(1, int(MAX_TERM / exact))))
    return closest.numerator, closest.denominator
