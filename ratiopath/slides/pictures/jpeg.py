"""A reader of JPEG in grey and in colour; any warning of the decoder is an error."""

from dataclasses import dataclass

import numpy as np
import simplejpeg

from ratiopath.geometry import Extent
from ratiopath.slides.pictures.exif import require_upright
from ratiopath.slides.pictures.reader import (
    Band,
    DamageError,
    Picture,
    PictureReader,
    UnsupportedError,
    require_memory,
)

_HUFFMAN = frozenset({0xC0, 0xC1, 0xC2})
"""Frames of baseline, extended and progressive JPEG."""
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SCAN, _EXIF, _SEVERAL, _FILL = 0xDA, (0xE1, b"Exif\0\0"), (0xE2, b"MPF\0"), 0xFF
_BARE = 0x01
"""Marker without a segment; the others of its kind do not stand before a scan."""
_SCAN_MARKER, _MAX_SCANS = b"\xff\xda", 500
"""Scans of a progressive JPEG: a few bytes each, and a pass over all pixels; encoders write ten."""
_COLOURS = {1: "GRAY", 3: "RGB"}
_BITS = 8
_MOST_PIXELS = 4096
"""Pixels that a byte can stand for: each block of 64 takes a bit or more, in the component that is sampled least."""


@dataclass(frozen=True, slots=True)
class _Frame:
    """The content of a SOF segment."""

    kind: int
    """Marker, 0xC0 to 0xCF."""
    bits: int
    height: int
    width: int
    components: int


class JpegReader(PictureReader):
    """An open JPEG, a `SlideReader`: grey, or YCbCr as RGB; decoded as a whole."""

    def _open(self) -> Picture:
        frame = self._frame()
        if frame.kind not in _HUFFMAN or frame.bits != _BITS:
            found = f"is a JPEG of an unsupported process (SOF{frame.kind - 0xC0}, {frame.bits} bits)"
            raise UnsupportedError(found, "export it as baseline JPEG of 8 bits, or as PNG")
        if frame.components not in _COLOURS:
            kind = "CMYK" if frame.components == len("CMYK") else f"{frame.components} components"
            raise UnsupportedError(f"is a JPEG of {kind}", "export it as RGB or grey")
        if not frame.width or not frame.height or frame.width * frame.height > self._size * _MOST_PIXELS:
            raise DamageError(f"{self._size:,} bytes cannot hold {frame.width} x {frame.height} px")
        size = max(frame.width * frame.height * frame.components, self._size)
        require_memory(size, what=f"{frame.width} x {frame.height} px of {frame.components} component(s)")
        self._components = frame.components
        extent = Extent(frame.width, frame.height)
        return Picture(extent, np.dtype(np.uint8), frame.components, frame.height)

    def _frame(self) -> _Frame:
        """Read the segments up to the first scan."""
        frame, place = None, 2
        while True:
            marker = self._read(place, 4)
            if len(marker) < 4 or marker[0] != _FILL:  # noqa: PLR2004 - marker and size
                raise DamageError(f"no marker at byte {place:,}")
            if marker[1] in (_FILL, _BARE):
                place += 1 if marker[1] == _FILL else 2
                continue
            if marker[1] == _SCAN:
                break
            size = int.from_bytes(marker[2:], "big")
            segment = self._read(place + 4, size - 2) if size > 2 else b""  # noqa: PLR2004 - the size itself
            self._refuse_turned(marker[1], segment)
            if marker[1] in _FRAMES and len(segment) >= 6:  # noqa: PLR2004 - the size of a frame
                sides = int.from_bytes(segment[1:3], "big"), int.from_bytes(segment[3:5], "big")
                frame = _Frame(marker[1], segment[0], *sides, segment[5])
            place += 2 + max(size, 2)
        if frame is None:
            raise DamageError("a scan without frame")
        return frame

    def _refuse_turned(self, marker: int, segment: bytes) -> None:
        """Refuse several pictures in one file, and one that is not upright."""
        exif, several = _EXIF[1], _SEVERAL[1]
        if (marker, segment[: len(exif)]) == _EXIF:
            require_upright(segment[len(exif) :])
        if (marker, segment[: len(several)]) == _SEVERAL:
            raise UnsupportedError("holds several pictures (MPF)", "export one picture")

    def _band(self, index: int) -> Band:  # noqa: ARG002 - the whole picture is one band
        content = self._read(0, self._size)
        if (scans := content.count(_SCAN_MARKER)) > _MAX_SCANS:
            raise DamageError(f"{scans:,} scans")
        decoded = simplejpeg.decode_jpeg(content, _COLOURS[self._components])
        pixels = decoded.reshape(self._picture.extent.height, self._picture.extent.width, self._components)
        return pixels[..., 0] if self._components == 1 else pixels, None
