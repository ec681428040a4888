"""A heat map as a TIFF file that other programs read too: 32-bit floats, tiled, a pyramid, with its resolution."""

from io import BytesIO

import numpy as np
import numpy.typing as npt
import tifffile

from ratiopath.geometry import Mpp
from ratiopath.slides.tiff.mask import pixels_per_cm

TILE = 256
"""Side of a tile, px."""
Numbers = npt.NDArray[np.float32]


def encode_heat_map(numbers: Numbers, mpp: Mpp) -> bytes:
    """Write a heat map.

    Args:
        numbers: Shape (height, width); NaN where nothing is known.
        mpp: Resolution, µm/px; the file holds its inverse as a fraction, exact to nine digits.

    Returns:
        Content of the file, the same for the same arguments. Its further pages are levels, each half as wide and high
        as the one before, of the means of 2 x 2 numbers without the NaN among them.
    """
    content = BytesIO()
    with tifffile.TiffWriter(content) as writer:
        for number, level in enumerate(_levels(numbers)):
            scale = numbers.shape[1] / level.shape[1], numbers.shape[0] / level.shape[0]
            writer.write(
                level,
                tile=(TILE, TILE),
                compression="zlib",
                photometric="minisblack",
                resolution=(pixels_per_cm(mpp.x * scale[0]), pixels_per_cm(mpp.y * scale[1])),
                resolutionunit="CENTIMETER",
                subfiletype=int(number > 0),
                extratags=[(42113, "s", 0, "nan", True)],  # GDAL_NODATA
                software=False,
                metadata=None,
            )
    return content.getvalue()


def _levels(numbers: Numbers) -> list[Numbers]:
    levels = [numbers]
    while max(levels[-1].shape) > TILE:
        levels.append(_halved(levels[-1]))
    return levels


def _halved(numbers: Numbers) -> Numbers:
    height, width = numbers.shape
    even = np.pad(numbers, ((0, height % 2), (0, width % 2)), constant_values=np.nan)
    blocks = even.reshape((height + 1) // 2, 2, (width + 1) // 2, 2).astype(np.float64)
    known = ~np.isnan(blocks)
    count = known.sum(axis=(1, 3))
    total = np.where(known, blocks, 0).sum(axis=(1, 3))
    return np.where(count, total / np.maximum(count, 1), np.nan).astype(np.float32)
