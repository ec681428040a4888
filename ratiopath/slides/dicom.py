"""The series of a DICOM file: one slide is a folder of instances, of which OpenSlide opens any."""

import os
import struct
from collections.abc import Iterable, Iterator

import openslide

SUFFIX = ".dcm"
_SERIES_INSTANCE_UID = (0x0020, 0x000E)
_PREFIX, _PREAMBLE = b"DICM", 128
_HEAD_BYTES = 1 << 18
"""Beginning of a file that holds its series, before the sequences that grow with its frames."""
_LONG = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"})
"""Value representations whose length has 4 bytes (PS3.5, 7.1.2)."""
_UNDEFINED = 0xFFFFFFFF
_DELIMITERS = 0xFFFE
_END_OF_ITEM, _END_OF_SEQUENCE = 0xE00D, 0xE0DD


class Instances:
    """DICOM files as discovery asks for them; each answer reads the file."""

    def series(self, path: str) -> str | None:
        """Return the SeriesInstanceUID of a file; None if it has none."""
        return series_uid(path)

    def is_known(self, path: str) -> bool:
        """Return True if OpenSlide opens a file."""
        return openslide.OpenSlide.detect_format(path) is not None


READ = Instances()
"""Reads each file."""


def first_of_each_series(paths: Iterable[str], instances: Instances = READ) -> Iterator[str]:
    """Iterate over files without the further instances of a series.

    Args:
        paths: Files, of any format.
        instances: Tells the series of a file.

    Returns:
        All files but those of a DICOM series, of which the first by name that OpenSlide knows stands for all.
    """
    series: dict[tuple[str, str], list[str]] = {}
    for path in paths:
        uid = instances.series(path) if path.lower().endswith(SUFFIX) else None
        if uid is None:
            yield path
        else:
            series.setdefault((os.path.dirname(path), uid), []).append(path)
    for files in map(sorted, series.values()):
        yield next(filter(instances.is_known, files), files[0])


def series_uid(path: str) -> str | None:
    """Read the SeriesInstanceUID of a DICOM file; None if it is none or does not name its value representations."""
    try:
        with open(path, "rb") as file:
            data = file.read(_HEAD_BYTES)
    except OSError:
        return None
    place = _PREAMBLE + len(_PREFIX)
    if data[_PREAMBLE:place] != _PREFIX:
        return None
    try:
        while True:
            tag, begin, length = _element(data, place)
            if tag == _SERIES_INSTANCE_UID:
                return data[begin : begin + length].rstrip(b"\0 ").decode("ascii")
            if tag > _SERIES_INSTANCE_UID:
                return None
            place = _end(data, begin, length)
    except (struct.error, ValueError, RecursionError):
        return None


def _element(data: bytes, place: int) -> tuple[tuple[int, int], int, int]:
    """Read the tag of an element, the place of its value and the length of that."""
    group, element, kind = struct.unpack_from("<HH2s", data, place)
    if group == _DELIMITERS:
        return (group, element), place + 8, struct.unpack_from("<I", data, place + 4)[0]
    if not (kind.isalpha() and kind.isupper()):
        raise ValueError("a value representation that is not named")
    if kind in _LONG:
        return (group, element), place + 12, struct.unpack_from("<I", data, place + 8)[0]
    return (group, element), place + 8, struct.unpack_from("<H", data, place + 6)[0]


def _end(data: bytes, begin: int, length: int) -> int:
    """Find the end of a value; a sequence or an item of undefined length ends with a delimiter."""
    if length != _UNDEFINED:
        return begin + length
    while True:
        (group, element), inner, size = _element(data, begin)
        if group == _DELIMITERS and element in (_END_OF_ITEM, _END_OF_SEQUENCE):
            return inner
        begin = _end(data, inner, size)
