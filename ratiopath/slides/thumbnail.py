"""The small picture that scanners put into a file beside its levels."""

import numpy as np
import numpy.typing as npt
import openslide

ASPECT_TOLERANCE = 0.02
"""By which its proportions may differ from the slide's: one that shows another part of the glass is none."""


def scanner_thumbnail(path: str) -> npt.NDArray[np.uint8] | None:
    """The whole slide, small, as its scanner made it.

    Args:
        path: A slide that `open_slide` opens.

    Returns:
        RGB, shape (height, width, 3); None where the file has none of the whole slide.
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
