"""Directories whose integers are bytes: TIFF readers accept any integer type, tifffile takes these for text."""

import io
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from ratiopath.files import read_at, size_of

_BYTE, _WIDE = 1, {4: (4, "I"), 8: (16, "Q")}
"""The type of a byte, and of an integer as wide as an offset: LONG, or LONG8 in a BigTIFF."""
_INTEGERS = frozenset({
    254, 255, 256, 257, 258, 259, 262, 266, 273, 274, 277, 278, 279, 284, 296, 317, 322, 323, 324, 325, 330, 338, 339,
})  # fmt: skip
"""Tags whose values are integers and decide which pixels are read."""
_SUBIFDS = 330
_MOST_DIRECTORIES = 1 << 16


@dataclass(frozen=True, slots=True)
class _Layout:
    order: str
    wide: int
    """Bytes of an offset."""

    def unpack(self, kind: str, data: bytes) -> tuple[int, ...]:
        return struct.unpack(self.order + kind, data)


def with_wide_integers(file: BinaryIO) -> BinaryIO:
    """Give a view of a TIFF in which integers that are stored as bytes are as wide as offsets.

    Args:
        file: The TIFF, open for reading.

    Returns:
        The file itself where nothing has to change.
    """
    layout = _layout_of(read_at(file, 0, 8))
    if layout is None:
        return file
    patches, size = {}, size_of(file)
    tail = bytearray()
    kind, letter = _WIDE[layout.wide]
    for place, code, count, value in _byte_tags(file, layout):
        if code not in _INTEGERS:
            continue
        wide = struct.pack(f"{layout.order}{count}{letter}", *value)
        if len(wide) > layout.wide:
            place_of = size + len(tail)
            tail += wide
            wide = struct.pack(layout.order + letter, place_of)
        patches[place + 2] = struct.pack(layout.order + "H", kind)
        patches[place + 4 + layout.wide] = wide
    return io.BufferedReader(_Patched(file, patches, size, bytes(tail))) if patches else file


def _layout_of(head: bytes) -> _Layout | None:
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is None or len(head) < 8:  # noqa: PLR2004 - a header
        return None
    version = struct.unpack(order + "H", head[2:4])[0]
    return {42: _Layout(order, 4), 43: _Layout(order, 8)}.get(version)


def _byte_tags(file: BinaryIO, layout: _Layout) -> Iterator[tuple[int, int, int, bytes]]:
    """Place, code, count and value of each tag of type BYTE in a chain of directories and those below."""
    letter = _WIDE[layout.wide][1]
    number, entry = ("H", "HHI4s") if layout.wide == 4 else ("Q", "HHQ8s")  # noqa: PLR2004 - classic TIFF
    begin = read_at(file, layout.wide, layout.wide)
    todo = [layout.unpack(letter, begin)[0]] if len(begin) == layout.wide else []
    seen: set[int] = set()
    while todo and len(seen) < _MOST_DIRECTORIES:
        place = todo.pop()
        counted = read_at(file, place, struct.calcsize(number)) if place else b""
        if place in seen or len(counted) < struct.calcsize(number):
            continue
        seen.add(place)
        size = struct.calcsize(layout.order + entry)
        first = place + len(counted)
        directory = read_at(file, first, min(layout.unpack(number, counted)[0], 4096) * size)
        for at in range(0, len(directory) - size + 1, size):
            code, kind, count, value = struct.unpack_from(layout.order + entry, directory, at)
            if kind == _BYTE and count:
                if count > layout.wide:
                    value = read_at(file, layout.unpack(letter, value)[0], count)
                if len(value[:count]) == count and code in _INTEGERS:
                    yield first + at, code, count, value[:count]
            elif code == _SUBIFDS and count == 1:
                todo.append(layout.unpack(letter, value)[0])
            elif code == _SUBIFDS and count < _MOST_DIRECTORIES:
                offsets = read_at(file, layout.unpack(letter, value)[0], count * layout.wide)
                todo.extend(layout.unpack(f"{len(offsets) // layout.wide}{letter}", offsets))
        following = read_at(file, first + len(directory), layout.wide)
        if len(following) == layout.wide:
            todo.append(layout.unpack(letter, following)[0])


class _Patched(io.RawIOBase):
    """A file of which some bytes differ and that goes on where it ends."""

    def __init__(self, file: BinaryIO, patches: dict[int, bytes], size: int, tail: bytes) -> None:
        super().__init__()
        self._file, self._patches, self._size, self._tail = file, patches, size, tail
        self._place = 0

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed's buffer has no slices
        data = bytearray(read_at(self._file, self._place, len(buffer)))
        beyond = max(0, self._place + len(data) - self._size)
        data += self._tail[beyond : beyond + len(buffer) - len(data)]
        for place, patch in self._patches.items():
            for index, byte in enumerate(patch, place - self._place):
                if 0 <= index < len(data):
                    data[index] = byte
        buffer[: len(data)] = data
        self._place += len(data)
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        begin = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._size + len(self._tail)}[whence]
        self._place = begin + offset
        return self._place

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True
