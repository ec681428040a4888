"""Compressed annotation files: gzip, and zip archives of which each entry is read."""

import gzip
import io
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO

from ratiopath.errors import TruncatedError, UnsupportedFormatError
from ratiopath.files import GZIP_MAGIC

MAX_RATIO = 100
"""Bytes that a compressed one may become: text of annotations becomes 4 to 30."""
MIN_LIMIT = 1 << 26
"""Bytes that are unpacked whatever the ratio."""
_CHUNK = 1 << 20


def unpack(content: bytes, path: str, max_bytes: int) -> Iterator[bytes]:
    """Iterate over the contents of a compressed file: one of gzip, each entry of a zip archive.

    Args:
        content: The compressed file.
        path: Its path.
        max_bytes: Bytes that all contents may have together.

    Raises:
        TruncatedError: It is damaged.
        UnsupportedFormatError: It is encrypted, or unpacks to more than any annotation would.
    """
    left = min(max_bytes, max(MIN_LIMIT, MAX_RATIO * len(content)))
    try:
        if content.startswith(GZIP_MAGIC):
            with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
                yield _read(file, path, left)
            return
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for entry in archive.infolist():
                if entry.is_dir() or _is_hidden(entry.filename):
                    continue
                if entry.flag_bits & 1:
                    problem = f"{path!r} is an encrypted zip archive"
                    raise UnsupportedFormatError(problem, path=path, hint="unpack it")
                with archive.open(entry) as file:
                    unpacked = _read(file, path, left)
                left -= len(unpacked)
                yield unpacked
    except (EOFError, gzip.BadGzipFile, zipfile.BadZipFile, zlib.error, ValueError, NotImplementedError) as error:
        problem = f"{path!r} is a damaged archive ({error})"
        raise TruncatedError(problem, path=path, hint="export or copy it again") from error


def _is_hidden(name: str) -> bool:
    """Return True for what macOS and Windows add to folders: __MACOSX/, .DS_Store, Thumbs.db and other hidden files."""
    folder, _, last = name.rpartition("/")
    return folder.startswith("__MACOSX") or last.startswith(".") or last in {"Thumbs.db", "desktop.ini"}


def _read(file: gzip.GzipFile | IO[bytes], path: str, limit: int) -> bytes:
    """Read to the end, but no more than a limit."""
    unpacked = bytearray()
    while chunk := file.read(_CHUNK):
        unpacked += chunk
        if len(unpacked) > limit:
            problem = f"{path!r} unpacks to more than {limit:,} bytes"
            raise UnsupportedFormatError(problem, path=path, hint="unpack it, if it is no zip bomb")
    return bytes(unpacked)
