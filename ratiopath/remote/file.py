"""A file on a store as a seekable file, in blocks of which the last used are kept."""

import errno
import io
import os
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Self, TypeVar

from ratiopath.errors import SlideError, SlideNotFoundError, TruncatedError, UnsupportedFormatError
from ratiopath.remote.retries import ATTEMPTS, found_in, is_denied, is_transient, retrying, status_of
from ratiopath.remote.store import Store, open_store
from ratiopath.remote.uri import check_uri
from ratiopath.remote.version import COPY_HINT, Version

if TYPE_CHECKING:
    from typing_extensions import Buffer  # of collections.abc from Python 3.12 on

BLOCK = 1 << 18
"""Bytes of a block: the headers of most files are in one."""
KEPT_BLOCKS = 128
"""Blocks that are kept: 32 MiB a file."""
LONGEST = 16
"""Blocks of the longest request, 4 MiB; reading on where the last one ended makes it four times as long, up to this."""
_LATER = "read it again once it is complete"
_BEYOND_THE_END = 416
"""Answer of HTTP to a range that a file has no longer."""
_Found = TypeVar("_Found")


class RemoteFile(io.RawIOBase):
    """A file on a store, open for reading.

    Its version is pinned when it is opened: each request for bytes is followed by one for the version, before any byte
    is returned. Several threads may use `read_at`; one request is made at a time. Pickled, it keeps URI and version,
    not the blocks.
    """

    def __init__(self, uri: str, store: Store, version: Version) -> None:
        """Take an open store; `open` is the usual way.

        Args:
            uri: URI without credentials, for messages.
            store: The file.
            version: Version that all bytes have to be of.
        """
        super().__init__()
        self.name = uri
        self.version = version
        self.failure: SlideError | None = None
        """Last error of the store, which a parser may have taken for damage."""
        self._store = store
        self._place = 0
        self._lock = threading.RLock()
        self._kept: OrderedDict[int, bytes] = OrderedDict()
        self._next, self._length = -1, 1

    @classmethod
    def open(cls, uri: str) -> Self:
        """Ask for the version of a file and pin it.

        Raises:
            ParameterError: The URI may hold a credential, or names no file.
            SlideNotFoundError: The file does not exist, or the store does not let it be read, or fails.
            UnsupportedFormatError: Its server does not tell its size.
        """
        store = open_store(check_uri(uri))
        try:
            version = _tried(store.version)
        except SlideError:
            raise
        except Exception as error:  # noqa: BLE001 - client libraries have classes of their own
            raise _not_opened(uri, error) from _numbered(error)
        return cls(uri, store, version)

    @classmethod
    def reopened(cls, uri: str, version: Version) -> Self:
        """Open a file again without a request; it has to be of the same version when it is read."""
        return cls(uri, open_store(check_uri(uri)), version)

    def __reduce__(self) -> tuple[object, ...]:
        return type(self).reopened, (self.name, self.version)

    @property
    def size(self) -> int:
        """Size in bytes."""
        return self.version.size

    def read_at(self, start: int, size: int) -> bytes:
        """Read bytes [start, start + size), fewer at the end of the file, whatever the position.

        Raises:
            TruncatedError: The file has changed since it was opened, or the store still fails after several tries.
            UnsupportedFormatError: The server answers with other bytes than those asked for.
        """
        end = min(start + size, self.size)
        if start >= end:
            return b""
        first, last = start // BLOCK, (end - 1) // BLOCK
        with self._lock:
            try:
                blocks = self._blocks(first, last + 1)
            except SlideError as error:
                self.failure = error
                raise
        whole = blocks[0] if len(blocks) == 1 else b"".join(blocks)
        return whole[start - first * BLOCK : end - first * BLOCK]

    def _blocks(self, first: int, stop: int) -> list[bytes]:
        """Return blocks [first, stop); each run of missing ones is a request, or several of the longest."""
        found = {number: self._kept[number] for number in range(first, stop) if number in self._kept}
        number = first
        while number < stop:
            if number in found:
                self._kept.move_to_end(number)
                number += 1
                continue
            found |= self._fetched(number, stop)
        return [found[number] for number in range(first, stop)]

    def _fetched(self, first: int, stop: int) -> dict[int, bytes]:
        """Fetch a missing block and those behind it up to the next kept one, at least as many as are wanted or due."""
        self._length = min(4 * self._length, LONGEST) if first == self._next else 1
        limit = min(-(-self.size // BLOCK), first + max(self._length, min(stop - first, LONGEST)))
        end = next((number for number in range(first + 1, limit) if number in self._kept), limit)
        content = self._read_range(first * BLOCK, min(end * BLOCK, self.size))
        self._next = end
        fetched = {number: content[(at := (number - first) * BLOCK) : at + BLOCK] for number in range(first, end)}
        for number, block in fetched.items():
            self._kept[number] = block
        while len(self._kept) > KEPT_BLOCKS:
            self._kept.popitem(last=False)
        return fetched

    def _read_range(self, start: int, end: int) -> bytes:
        """Read a range of the pinned version."""

        def read() -> bytes:
            content = self._store.read(start, end)
            if len(content) > end - start:
                problem = f"cannot read {self.name!r}: its server does not answer with ranges of bytes"
                raise UnsupportedFormatError(problem, path=self.name, hint=COPY_HINT)
            if len(content) == end - start:
                return content
            if self._store.version() == self.version:
                raise ConnectionResetError(errno.ECONNRESET, f"{len(content):,} of {end - start:,} bytes")
            return b""  # it is shorter now

        try:
            content, present = _tried(read), _tried(self._store.version)
        except SlideError:
            raise
        except FileNotFoundError as error:
            problem = f"{self.name!r} was removed while it was read"
            raise TruncatedError(problem, path=self.name, hint=_LATER) from _numbered(error)
        except Exception as error:  # noqa: BLE001 - as above
            if status_of(error) != _BEYOND_THE_END:
                problem = f"cannot read {self.name!r} ({_counted(error)})"
                hint = _hint(error, "check the store and the network")
                raise TruncatedError(problem, path=self.name, hint=hint) from _numbered(error)
            content, present = b"", Version(-1)
        if present != self.version:
            raise TruncatedError(f"{self.name!r} changed while it was read", path=self.name, hint=_LATER)
        return content

    def readinto(self, buffer: "Buffer") -> int:
        """Fill a buffer from the position on; fewer bytes at the end of the file only."""
        room = memoryview(buffer).cast("B")
        content = self.read_at(self._place, len(room))
        room[: len(content)] = content
        self._place += len(content)
        return len(content)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move the position; nothing is requested."""
        place = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self.size}[whence] + offset
        if place < 0:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        self._place = place
        return place

    def tell(self) -> int:
        """Return the position."""
        return self._place

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def close(self) -> None:
        """Forget the blocks."""
        if not self.closed:
            self._kept.clear()
        super().close()


def _tried(request: Callable[[], _Found]) -> _Found:
    """Make a request, several times if it fails with an error that may pass."""
    found: _Found = retrying()(request)
    return found


def _counted(error: Exception) -> str:
    return f"{ATTEMPTS} tries failed, the last with {found_in(error)}" if is_transient(error) else found_in(error)


def _hint(error: Exception, otherwise: str) -> str:
    return "check the credentials in the environment of each process" if is_denied(error) else otherwise


def _not_opened(uri: str, error: Exception) -> SlideNotFoundError:
    if isinstance(error, FileNotFoundError | IsADirectoryError):
        found = "no such file on its store" if isinstance(error, FileNotFoundError) else "is a folder"
        return SlideNotFoundError(f"cannot open {uri!r}: {found}", path=uri, hint="check the URI")
    hint = _hint(error, "check the URI, the store and the network")
    return SlideNotFoundError(f"cannot open {uri!r}: {_counted(error)}", path=uri, hint=hint)


def _numbered(error: Exception) -> OSError:
    """Make a numbered error without the text of a store's: callers know by the number that they may try later."""
    number = errno.EIO if is_transient(error) else errno.EACCES if is_denied(error) else errno.EINVAL
    return OSError(getattr(error, "errno", None) or number, found_in(error))
