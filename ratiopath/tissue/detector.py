"""The detector of tissue by saturation: stained tissue has a colour, glass has none (docs/decisions/0022-tissue.md).

1. Read the slide at about 8 µm/px: saturation, 0 where nothing was scanned or a pixel is too dark for tissue.
2. Median of 7 x 7 pixels.
3. Otsu's threshold of what was scanned, at least 8 and at most 40: a slide that is all glass or all tissue has no two
   classes to separate.
4. Close gaps of less than 56 µm, remove strands of less than 24 µm.
5. Remove objects of less than 200 x 200 µm, fill holes of less than 190 x 190 µm.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from ratiopath.errors import MissingMppError, ParameterError, UnsupportedImageError
from ratiopath.geometry import Mpp
from ratiopath.slides import SlideReader, open_slide
from ratiopath.slides.reader import NO_MPP
from ratiopath.slides.tiff.mask import encode_mask
from ratiopath.tissue.components import fill_small_holes, remove_small_objects
from ratiopath.tissue.filters import LEVELS, close_gaps, median, otsu, remove_specks
from ratiopath.tissue.stain import Reduction, read_stain

Detector = Literal["saturation"]
Pen = Literal["keep", "drop"]
VERSION = 1
"""Version of the detector; to be raised when the same slide gives another mask."""
MEDIAN_RADIUS = 3
"""Pixels on each side of the middle of the median's square."""
THRESHOLDS = (8, 40)
"""Lowest and highest threshold of the saturation: tissue is above it."""
CLOSED_UM, OPENED_UM = 56.0, 24.0
"""Sides of the squares that gaps and strands are compared with, µm."""
OBJECT_UM2, HOLE_UM2 = 200.0**2, 190.0**2
"""Smallest area of an object, and of a hole, µm²."""
MAX_PIXELS = 1 << 28
"""Largest number of pixels of a mask, of more than a square decimetre: a header may lie."""
_RGB = 3


@dataclass(frozen=True, slots=True)
class TissueSettings:
    """Options of the detector."""

    detect: Detector = "saturation"
    """Method."""
    pen: Pen = "keep"
    """Treatment of marks of a pen: tissue like any other colour, or dropped by their hue."""

    def __post_init__(self) -> None:
        for name, value, known in (("detect", self.detect, Detector), ("pen", self.pen, Pen)):
            if value not in get_args(known):
                raise ParameterError(f"unknown {name} {value!r}; pass one of {', '.join(get_args(known))}")


@dataclass(frozen=True, slots=True)
class TissueMask:
    """The tissue of a slide."""

    is_tissue: npt.NDArray[np.bool_]
    """True for tissue, shape (height, width); its corner is that of the slide."""
    mpp: Mpp
    """Resolution, µm/px."""
    threshold: int
    """Saturation that tissue is above, 0 to 255."""

    def to_tiff(self, description: str = "") -> bytes:
        """Return the content of a TIFF with the mask, 1 for tissue and 0 for the rest, see `encode_mask`.

        Args:
            description: Text of its ImageDescription, in ASCII.
        """
        return encode_mask(self.is_tissue, self.mpp, description)


_DEFAULTS = TissueSettings()


def detect_tissue(
    slide: str, settings: TissueSettings = _DEFAULTS, mpp: float | tuple[float, float] | Mpp | None = None
) -> TissueMask:
    """Find the tissue of a slide.

    Made for sections stained with H&E. It is wrong about fat, which has no colour, about pale stains and about dark
    field; see docs/tissue.md.

    Args:
        slide: The file.
        settings: Options of the detector.
        mpp: Resolution of level 0 in µm/px, one number or (x, y), replacing that of the file.

    Returns:
        A mask of the whole slide at about 8 µm/px.

    Raises:
        MissingMppError: The slide has no resolution.
        UnsupportedImageError: The slide is not 8-bit RGB, or too large.
        SlideError: See `open_slide`.
        ParameterError: See `Mpp.of`.
    """
    with open_slide(slide, Mpp.optional(mpp)) as reader:
        return find_tissue(reader, settings)


def find_tissue(reader: SlideReader, settings: TissueSettings = _DEFAULTS) -> TissueMask:
    """Find the tissue of an open slide; see `detect_tissue`."""
    reduction = _reduction(reader)
    stain = read_stain(reader, reduction, drop_pen=settings.pen == "drop")
    smooth, mpp = median(stain.saturation, MEDIAN_RADIUS), reduction.mpp
    histogram = np.bincount(smooth[stain.is_candidate], minlength=LEVELS)
    threshold = min(max(otsu(histogram), THRESHOLDS[0]), THRESHOLDS[1])
    found = (smooth > threshold) & stain.is_candidate
    found = close_gaps(found, _radii(CLOSED_UM, mpp))
    found = remove_specks(found, _radii(OPENED_UM, mpp))
    found = remove_small_objects(found, OBJECT_UM2 / (mpp.x * mpp.y))
    found = fill_small_holes(found, HOLE_UM2 / (mpp.x * mpp.y))
    return TissueMask(found & stain.exists, mpp, threshold)


def _reduction(reader: SlideReader) -> Reduction:
    """Choose the level to read, provided that the slide has colours and a resolution.

    Raises:
        MissingMppError: It has no resolution.
        UnsupportedImageError: It has no colours, or too many pixels.
    """
    path, remedy = reader.path, "give the path of a mask instead: overlays.NAME.path"
    if reader.pyramid.mpp is None:
        problem = f"{path!r} has no resolution ({NO_MPP}): no tissue can be detected"
        raise MissingMppError(problem, path=path, hint="set slide_mpp (mpp=), or a column mpp in the manifest")
    is_rgb = reader.channels == _RGB and reader.dtype == np.uint8
    if reader.palette is None and not is_rgb:
        problem = f"{path!r} holds {reader.channels} channel(s) of {reader.dtype}, not 8-bit RGB: it has no saturation"
        raise UnsupportedImageError(problem, path=path, hint=remedy)
    reduction = Reduction.of(reader)
    extent, mpp = reduction.extent, reduction.mpp
    if extent.width * extent.height > MAX_PIXELS:
        problem = f"{path!r} would have a mask of {extent.width} x {extent.height} px, more than {MAX_PIXELS:,}"
        hint = f"correct the wrong resolution (slide_mpp): a pixel of the mask would be {mpp.x:.4g} µm; or {remedy}"
        raise UnsupportedImageError(problem, path=path, hint=hint)
    return reduction


def _radii(side: float, mpp: Mpp) -> tuple[int, int]:
    """Return half the side of a square, given in µm, in whole pixels on each side of its middle."""
    return int(side / mpp.x / 2), int(side / mpp.y / 2)
