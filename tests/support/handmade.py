"""TIFFs written tag by tag: what no library would write."""

import struct
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

BYTE, ASCII, SHORT, LONG, RATIONAL, SBYTE, SSHORT, SLONG, FLOAT, DOUBLE, LONG8 = 1, 2, 3, 4, 5, 6, 8, 9, 11, 12, 16
_FORMATS = {
    BYTE: "B", ASCII: "s", SHORT: "H", LONG: "I", RATIONAL: "I", SBYTE: "b", SSHORT: "h", SLONG: "i", FLOAT: "f",
    DOUBLE: "d", LONG8: "Q",
}  # fmt: skip
WIDTH, LENGTH, BITS, COMPRESSION, PHOTOMETRIC, DESCRIPTION, OFFSETS, SAMPLES, ROWS, COUNTS = (
    256, 257, 258, 259, 262, 270, 273, 277, 278, 279,
)  # fmt: skip
MARK, OLD_MARK, FILL_ORDER, ORIENTATION, X_RESOLUTION, Y_RESOLUTION, UNIT, PREDICTOR, SUBIFDS, NODATA = (
    254, 255, 266, 274, 282, 283, 296, 317, 330, 42113,
)  # fmt: skip


@dataclass
class Page:
    """One directory: its strips, its tags as {code: (type, values)}, and the directories below it."""

    segments: list[bytes]
    size: tuple[int, int]
    """(rows, columns)"""
    tags: dict[int, tuple[int, list | bytes]] = field(default_factory=dict)
    below: "list[Page]" = field(default_factory=list)


def page_of(
    image: np.ndarray, mark: int = 0, below: list[Page] | None = None, **tags: tuple[int, list | bytes]
) -> Page:
    """An uncompressed page of one 8-bit sample; tags as t254=(LONG, [1])."""
    codes = {int(name[1:]): tag for name, tag in tags.items()}
    return Page([image.tobytes()], image.shape[:2], {MARK: (LONG, [mark])} | codes, below or [])


def write(path: Path, *pages: Page, order: str = "<", trailer: bytes = b"") -> Path:
    """Write a classic TIFF of 1 µm/px; a tag of no values is left out."""
    data = bytearray(struct.pack(order + "2sHI", b"II" if order == "<" else b"MM", 42, 0))
    link = 4
    for page in pages:
        begin = _append(data, page, order)
        struct.pack_into(order + "I", data, link, begin)
        link = begin + 2 + 12 * struct.unpack_from(order + "H", data, begin)[0]
    path.write_bytes(bytes(data) + trailer)
    return path


def _append(data: bytearray, page: Page, order: str) -> int:
    below = [_append(data, one, order) for one in page.below]
    offsets = []
    for segment in page.segments:
        offsets.append(len(data))
        data += segment
        data += bytes(len(data) % 2)
    tags = {
        WIDTH: (LONG, [page.size[1]]), LENGTH: (LONG, [page.size[0]]), BITS: (SHORT, [8]), COMPRESSION: (SHORT, [1]),
        PHOTOMETRIC: (SHORT, [1]), OFFSETS: (LONG, offsets), SAMPLES: (SHORT, [1]), ROWS: (LONG, [page.size[0]]),
        COUNTS: (LONG, [len(segment) for segment in page.segments]),
        X_RESOLUTION: (RATIONAL, [10_000, 1]), Y_RESOLUTION: (RATIONAL, [10_000, 1]), UNIT: (SHORT, [3]),
    }  # fmt: skip
    tags |= {SUBIFDS: (LONG, below)} if below else {}
    tags |= {code: (kind, offsets if values == "offsets" else values) for code, (kind, values) in page.tags.items()}
    packed = {code: _packed(order, kind, values) for code, (kind, values) in tags.items() if values}
    begin = len(data)
    place = begin + 2 + 12 * len(packed) + 4
    entries, values = b"", b""
    for code in sorted(packed):
        kind, count, value = packed[code]
        inline = value.ljust(4, b"\0")
        if len(value) > 4:
            inline = struct.pack(order + "I", place + len(values))
            values += value + bytes(len(value) % 2)
        entries += struct.pack(order + "HHI", code, kind, count) + inline
    data += struct.pack(order + "H", len(packed)) + entries + bytes(4) + values
    return begin


def _packed(order: str, kind: int, values: list | bytes) -> tuple[int, int, bytes]:
    if isinstance(values, bytes):
        return kind, len(values), values
    value = struct.pack(f"{order}{len(values)}{_FORMATS[kind]}", *values)
    return kind, len(values) // (2 if kind == RATIONAL else 1), value
