"""The orientation in an Exif block, which viewers apply and stored pixels do not have."""

import struct

from ratiopath.slides.pictures.reader import UnsupportedError

_ORIENTATION = 0x0112
_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}
_SHORT = 3
_TURNED = range(2, 9)


def require_upright(exif: bytes) -> None:
    """Refuse a picture that is stored turned or flipped.

    Args:
        exif: An Exif block from its TIFF header on; empty, or not readable, for none.

    Raises:
        UnsupportedError: Its orientation is not 1.
    """
    orientation = _orientation(exif)
    if orientation != 1:
        how = "is stored turned or flipped" if orientation in _TURNED else "has an invalid orientation"
        raise UnsupportedError(f"{how} (Exif Orientation {orientation})", "export it upright")


def _orientation(exif: bytes) -> int:
    """Read the orientation from the first directory; 1 where there is none."""
    order = _ORDERS.get(exif[:4])
    try:
        if order is None:
            return 1
        [start] = struct.unpack_from(order + "I", exif, 4)
        [entries] = struct.unpack_from(order + "H", exif, start)
        for place in range(start + 2, start + 2 + 12 * entries, 12):
            tag, kind, _, value = struct.unpack_from(order + "HHIH", exif, place)
            if tag == _ORIENTATION and kind == _SHORT:
                return int(value)
    except struct.error:  # cut, as by editors that shorten metadata
        return 1
    return 1
