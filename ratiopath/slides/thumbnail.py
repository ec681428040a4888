"""The scanner's own thumbnail, stored in the file next to the levels."""

import numpy as np
import numpy.typing as npt
import openslide

ASPECT_TOLERANCE = 0.02
"""Relative difference of aspect ratios up to which a thumbnail counts as one of the whole slide."""


def scanner_thumbnail(path: str) -> npt.NDArray[np.uint8] | None:
    """Read the thumbnail of the whole slide.

    Args:
        path: A slide that `open_slide` opens.

    Returns:
        RGB, shape (height, width, 3); None if the file has none of the whole slide.
    """
    if openslide.OpenSlide.detect_format(path) is None:
        return None
    with openslide.OpenSlide(path) as slide:
        if "thumbnail" not in slide.associated_images:
            return None
        image = slide.associated_images["thumbnail"].convert("RGB")
        width, height = slide.dimensions
    is_whole = abs(image.width * height / (image.height * width) - 1) <= ASPECT_TOLERANCE
    return np.asarray(image) if is_whole else None
