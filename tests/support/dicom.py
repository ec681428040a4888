"""Beginnings of DICOM files, byte by byte, and a real one of another project."""

import struct
from pathlib import Path

REAL = Path(__file__).parents[2] / "../shared/data/real/ImagingDataCommons__highdicom__sm_image.dcm"


def element(group: int, number: int, kind: bytes, value: bytes) -> bytes:
    """Return an element of explicit value representation, little endian."""
    value += b"\0" * (len(value) % 2)
    if kind in (b"SQ", b"OB", b"UT"):
        return struct.pack("<HH2sHI", group, number, kind, 0, len(value)) + value
    return struct.pack("<HH2sH", group, number, kind, len(value)) + value


def series(uid: bytes) -> bytes:
    """Return the SeriesInstanceUID."""
    return element(0x20, 0xE, b"UI", uid)


def instance(uid: bytes, *before: bytes) -> bytes:
    """Return a file of a series, up to its UID."""
    head = element(2, 0x10, b"UI", b"1.2.840.10008.1.2.1") + element(8, 0x60, b"CS", b"SM")
    return bytes(128) + b"DICM" + head + b"".join(before) + element(0x20, 0xD, b"UI", b"1.9") + series(uid)
