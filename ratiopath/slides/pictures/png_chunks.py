"""The chunks of a PNG: where they lie, and their checksums."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from ratiopath.files import PNG_MAGIC, read_at
from ratiopath.slides.pictures.reader import DamageError, UnsupportedError

IMAGE = b"IDAT"
_HEADER, _PALETTE, _END = b"IHDR", b"PLTE", b"IEND"
_CRITICAL = frozenset({_HEADER, _PALETTE, IMAGE, _END})
"""Chunks without which an image cannot be shown; others that begin with a capital are of no standard."""
_ONCE = _CRITICAL - {IMAGE} | {b"tRNS", b"eXIf"}
_HEADER_BYTES = 13
_PART = 1 << 20
"""Bytes that are read at once."""
_MAX_READ = 1 << 16
"""Bytes of a chunk before the rows that are kept."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A chunk of a PNG file."""

    kind: bytes
    """Type, 4 letters."""
    start: int
    """Place of its content in the file, in bytes."""
    size: int
    """Size of its content in bytes."""

    @property
    def end(self) -> int:
        """Place behind its checksum."""
        return self.start + self.size + 4


@dataclass(frozen=True, slots=True)
class PngChunks:
    """The chunks of an open PNG."""

    file: BinaryIO
    """The file."""
    contents: dict[bytes, bytes]
    """Content of the chunks that tell how to read the image, by type; their checksums are right."""
    image: range
    """Places in the file of the chunks of compressed rows, which follow each other."""
    image_bytes: int
    """Size of the compressed rows."""

    @classmethod
    def of(cls, file: BinaryIO, size: int) -> "PngChunks":
        """Find all chunks and check those before and behind the rows.

        Args:
            file: The file.
            size: Size of the file in bytes.

        Raises:
            DamageError: A chunk is missing, misplaced, repeated, cut or has a wrong checksum.
            UnsupportedError: A chunk is of no standard, and the image cannot be shown without it.
        """
        contents: dict[bytes, bytes] = {}
        image, image_bytes, kind = range(0), 0, b""
        for piece in _pieces(file, len(PNG_MAGIC), size):
            before, kind = kind, piece.kind
            if (not before) != (kind == _HEADER and piece.size == _HEADER_BYTES):
                raise DamageError("it does not begin with one header")
            if (kind in contents and kind in _ONCE) or (kind == IMAGE and image and before != IMAGE):
                raise DamageError(f"a further {kind.decode()} chunk at byte {piece.start - 8:,}")
            if kind == IMAGE:
                image = range(image.start or piece.start - 8, piece.end)
                image_bytes += piece.size
                continue
            _check(file, piece)
            if kind not in _CRITICAL and kind[:1].isupper():
                raise UnsupportedError(f"has a chunk of no standard ({kind.decode()})", "export it as plain PNG")
            contents[kind] = read_at(file, piece.start, min(piece.size, _MAX_READ)) if kind in _READ else b""
        if kind != _END or piece.end < size:
            found = "the last chunk is missing" if kind != _END else f"{size - piece.end:,} bytes follow its end"
            raise DamageError(found)
        return cls(file, contents, image, image_bytes)

    def check_image(self) -> None:
        """Compare the checksums of the rows.

        Raises:
            DamageError: One differs.
        """
        for piece in _pieces(self.file, self.image.start, self.image.stop):
            _check(self.file, piece)

    def rows(self) -> Iterator[bytes]:
        """Iterate over the compressed rows, in parts of bounded size."""
        for piece in _pieces(self.file, self.image.start, self.image.stop):
            yield from _parts(self.file, piece)


_READ = frozenset({_HEADER, _PALETTE, b"tRNS", b"eXIf", b"acTL"})
"""Chunks whose content is needed."""


def _check(file: BinaryIO, piece: Piece) -> None:
    """Compare the checksum of a chunk.

    Raises:
        DamageError: It differs.
    """
    found = zlib.crc32(piece.kind)
    for part in _parts(file, piece):
        found = zlib.crc32(part, found)
    if found.to_bytes(4, "big") != read_at(file, piece.end - 4, 4):
        raise DamageError(f"a wrong checksum of the {piece.kind.decode()} chunk at byte {piece.start - 8:,}")


def _pieces(file: BinaryIO, place: int, end: int) -> Iterator[Piece]:
    """Iterate over the chunks from a place to an end or the last chunk, by their sizes.

    size (4 bytes), type (4), content, checksum (4)
    """
    kind = b""
    while place < end and kind != _END:
        head = read_at(file, place, 8)
        piece = Piece(kind := head[4:], place + 8, int.from_bytes(head[:4], "big"))
        if piece.end > end or not kind.isalpha():
            raise DamageError(f"no whole chunk at byte {place:,}")
        yield piece
        place = piece.end


def _parts(file: BinaryIO, piece: Piece) -> Iterator[bytes]:
    for start in range(piece.start, piece.start + piece.size, _PART):
        yield read_at(file, start, min(_PART, piece.start + piece.size - start))
