"""Files to read, regular or on a store, and the names of formats by their first bytes."""

import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast

from ratiopath.errors import SlideNotFoundError
from ratiopath.remote.file import RemoteFile
from ratiopath.remote.pinned import PinnedFile
from ratiopath.remote.uri import is_uri

HEAD = 4096
"""Bytes that are enough to recognise a format."""
TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""First bytes of a classic TIFF and a BigTIFF, in either byte order."""
GZIP_MAGIC = b"\x1f\x8b"
ZIP_MAGIC = (b"PK\3\4", b"PK\5\6")
"""First bytes of a zip archive, the second of an empty one."""
PARQUET_MAGIC = b"PAR1"
HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
NUMPY_MAGIC = b"\x93NUMPY"
PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
JPEG_MAGIC = b"\xff\xd8\xff"
SQLITE_MAGIC = b"SQLite format 3\0"
JAVA_MAGIC = b"\xac\xed\0\x05"
PICKLE_MAGIC = tuple(bytes([0x80, protocol]) for protocol in range(2, 6))
"""First bytes of a pickle of the protocols 2 to 5."""
BYTE_ORDER_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
"""First bytes of text in UTF-8 and UTF-16."""
UTF8 = ("utf-8", "utf-8-sig")
IMAGE_SUFFIXES = (".tif", ".tiff", ".btf", ".svs", ".ndpi", ".png", ".jpg", ".jpeg", ".npy", ".npz")
"""Suffixes that no annotation has, compared without case."""
_FORMATS = {
    PNG_MAGIC: "a PNG",
    JPEG_MAGIC: "a JPEG",
    b"GIF8": "a GIF",
    b"BM": "a BMP",
    b"%PDF": "a PDF",
    b"\0\0\0\x0cjP  \r\n\x87\n": "a JPEG 2000",
    b"\xff\x4f\xff\x51": "a JPEG 2000",
    HDF5_MAGIC: "an HDF5 file",
    NUMPY_MAGIC: "a NumPy file",
    SQLITE_MAGIC: "an SQLite database",
    PARQUET_MAGIC: "a Parquet file",
    JAVA_MAGIC: "serialised Java, such as the data of QuPath",
    GZIP_MAGIC: "a gzip archive",
    b"<": "an XML file",
    b"{": "a JSON file",
    b"[": "a JSON file",
} | {
    **dict.fromkeys(TIFF_MAGIC, "a TIFF"),
    **dict.fromkeys(ZIP_MAGIC, "a zip archive"),
    **dict.fromkeys(PICKLE_MAGIC, "a pickle of Python"),
}
"""First bytes of the formats that are named in an error; those of text after white space and a byte order mark."""
_TEXT = bytes([*range(0x20, 0x7F), *range(0x80, 0x100), *b"\t\n\r\f"])
"""All bytes but control characters: text may be in any 8-bit encoding."""
_KINDS = (
    (stat.S_ISDIR, "a directory"), (stat.S_ISFIFO, "a FIFO"), (stat.S_ISSOCK, "a socket"), (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)  # fmt: skip
"""Names of what is not a regular file."""


def open_binary(path: str) -> BinaryIO:
    """Open a file of this machine, or one on a store by its URI, for `read_at` and for parsers that seek.

    Raises:
        OSError: A file of this machine cannot be opened.
        ParameterError: A URI may hold a credential.
        SlideNotFoundError: A file on a store cannot be opened.
    """
    if is_uri(path):
        return cast("BinaryIO", RemoteFile.open(path))  # typeshed knows no common class of binary files
    return open(path, "rb")


def read_at(file: BinaryIO, start: int, size: int) -> bytes:
    """Read bytes [start, start + size) of an open file, fewer at its end; its position does not matter."""
    return file.read_at(start, size) if isinstance(file, RemoteFile) else os.pread(file.fileno(), size, start)


def size_of(file: BinaryIO) -> int:
    """Return the size of an open file in bytes."""
    return file.size if isinstance(file, RemoteFile) else os.fstat(file.fileno()).st_size


@contextmanager
def store_errors(file: BinaryIO) -> Iterator[None]:
    """Raise the error that a store had in this block: a parser may take it for damage, or go on without the bytes."""
    if not isinstance(file, RemoteFile):
        yield
        return
    file.failure = None
    try:
        yield
    except Exception as error:
        if file.failure in (None, error):
            raise
    if file.failure is not None:
        raise file.failure


def require_regular(path: str) -> os.stat_result:
    """Return the state of a regular file: anything else may never answer, or never end.

    Raises:
        SlideNotFoundError: It is no path; or, links followed, leads to a directory, a FIFO, a socket or a device.
        OSError: It leads nowhere.
    """
    try:
        state = os.stat(path)
    except (TypeError, ValueError) as error:  # such as a NUL
        problem = f"cannot open {path!r}: not a path ({error})"
        raise SlideNotFoundError(problem, path=str(path), hint="check the path") from None
    if not stat.S_ISREG(state.st_mode):
        kind = next((name for is_kind, name in _KINDS if is_kind(state.st_mode)), "not a regular file")
        raise SlideNotFoundError(f"cannot open {path!r}: is {kind}", path=path, hint="check the path")
    return state


def read_head(path: str, size: int = HEAD) -> tuple[bytes, int]:
    """Return the first bytes of a regular file or one on a store, and its size.

    Raises:
        ParameterError: A URI may hold a credential.
        SlideNotFoundError: The file does not exist, is not readable or is not regular.
    """
    if is_uri(path):
        pinned, head = PinnedFile.begin(path, size)
        return bytes(head), pinned.version.size
    with open_errors(path):
        state = require_regular(path)
        with open(path, "rb") as file:
            return file.read(size), state.st_size


@contextmanager
def open_errors(path: str) -> Iterator[None]:
    """Raise a SlideNotFoundError for an OSError of this block, which is its cause.

    Args:
        path: File that the block opens.
    """
    try:
        yield
    except OSError as error:
        problem = f"cannot open {path!r}: {(error.strerror or type(error).__name__).lower()}"
        if isinstance(error, PermissionError):
            hint = "check its permissions"
        else:
            hint = "check where the link leads" if os.path.islink(path) else "check the path"
        raise SlideNotFoundError(problem, path=path, hint=hint) from error


def is_archive_of_arrays(head: bytes) -> bool:
    """Return True for the first bytes of an archive of NumPy."""
    return head.startswith(ZIP_MAGIC) and b".npy" in head[:256]


def start_of_text(head: bytes) -> bytes:
    """Return what follows a byte order mark and white space, without the zeros of UTF-16."""
    for mark in BYTE_ORDER_MARKS:
        if head.startswith(mark):
            head = head.removeprefix(mark).replace(b"\0", b"")
    return head.lstrip()


def is_text(head: bytes) -> bool:
    """Return True if the first bytes of a file hold no control characters, and are not those of a JPEG."""
    return head[:2] not in (b"\xff\xd8", b"\xff\x4f") and not start_of_text(head).translate(None, _TEXT)


def as_utf8(content: bytes) -> bytes:
    """Return text in UTF-8 without byte order mark, from UTF-8, UTF-16 or UTF-32.

    Raises:
        UnicodeDecodeError: It is damaged; UTF-8 is not checked.
    """
    encoding = json.detect_encoding(content)
    return content.removeprefix(BYTE_ORDER_MARKS[0]) if encoding in UTF8 else content.decode(encoding).encode()


def format_of(head: bytes) -> str:
    """Name a format by its first bytes."""
    if not head:
        return "an empty file"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "a WebP"
    text = start_of_text(head)
    names = [name for magic, name in _FORMATS.items() if head.startswith(magic) or text.startswith(magic)]
    if names:
        return names[0]
    return "a text file" if is_text(head) else f"in no known format (begins with {head[:4]!r})"
