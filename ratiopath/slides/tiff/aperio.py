"""Aperio's SVS, read natively where its tiles are JPEG: several times OpenSlide's speed, the same pixels.

Also exact where OpenSlide cannot be: it addresses lower levels in level-0 pixels, and where a downsample is no whole
number it blends neighbours.
"""

import re

import numpy as np
from tifffile import COMPRESSION, TiffFile, TiffPage

from ratiopath.errors import InvalidMppError, ParameterError
from ratiopath.geometry import Mpp
from ratiopath.slides.tiff.levels import TiffLevel, tiled_levels
from ratiopath.slides.tiff.reader import TiffReader

_RGB = 3


class AperioReader(TiffReader):
    """An open SVS, a `SlideReader`. A sparse tile was not scanned: its pixels do not exist."""

    is_scan = True

    @property
    def is_native(self) -> bool:
        """Whether OpenSlide's pixels are known to be equal: all levels are 8-bit colour JPEG, the lower ones complete.

        OpenSlide fills a tile that is left out of a lower level from the finer one.
        """
        pages = [level.page for level in self._levels]
        is_rgb = self.channels == _RGB and self.dtype == np.uint8
        is_complete = all(0 not in page.databytecounts for page in pages[1:])
        return is_rgb and is_complete and all(page.compression == COMPRESSION.JPEG for page in pages)

    def _layout(self, tiff: TiffFile) -> tuple[TiffLevel, ...]:
        return tiled_levels(tiff, self.path)

    def _resolution(self, _tiff: TiffFile, page: TiffPage) -> Mpp | None:
        """The MPP of the image description, as OpenSlide has it."""
        found = re.search(r"\|\s*MPP\s*=\s*([^|]*)", page.description)
        if found is None:
            return None
        try:
            return Mpp.of(float(found[1].replace(",", ".")))  # some scanners write a decimal comma
        except (ParameterError, ValueError) as error:
            text, remedy = f"MPP = {found[1]} in its description", "correct the file or give its resolution"
            raise InvalidMppError("mpp is finite and > 0", path=self.path, found=text, remedy=remedy) from error
