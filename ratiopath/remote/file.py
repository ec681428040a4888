"""A file on a store as a seekable file, in blocks of which the last used are kept."""

import errno
import io
import os
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Self

from ratiopath.errors import SlideError
from ratiopath.remote.ahead import ReadAhead
from ratiopath.remote.pinned import PinnedFile
from ratiopath.remote.store import open_store
from ratiopath.remote.uri import check_uri
from ratiopath.remote.version import Version

if TYPE_CHECKING:
    from typing_extensions import Buffer  # of collections.abc from Python 3.12 on

BLOCK = 1 << 18
"""Bytes of a block: the headers of most files are in one."""
KEPT_BLOCKS = 128
"""Blocks that are kept: 32 MiB a file."""
LONGEST = 16
"""Blocks of the longest request, 4 MiB; reading on where the last one ended makes it four times as long, up to this."""


class RemoteFile(io.RawIOBase):
    """A file on a store, open for reading.

    Its version is pinned when it is opened: each request for bytes is followed by one for the version, before any byte
    is returned. Where it is read on, the next request is made ahead by a thread. Several threads may use `read_at`, one
    waits for the other. Pickled, it keeps URI and version, not the blocks.
    """

    def __init__(self, pinned: PinnedFile) -> None:
        """Take a pinned file; `open` is the usual way."""
        super().__init__()
        self.failure: SlideError | None = None
        """Last error of the store, which a parser may have taken for damage."""
        self._pinned = pinned
        self._place = 0
        self._lock = threading.RLock()
        self._kept: OrderedDict[int, bytes] = OrderedDict()
        self._next, self._length = -1, 1
        self._ahead = ReadAhead(pinned)

    @classmethod
    def open(cls, uri: str) -> Self:
        """Ask for the version of a file and pin it.

        Raises:
            ParameterError: The URI may hold a credential, or names no file.
            SlideError: See `PinnedFile.of`.
        """
        return cls(PinnedFile.of(uri))

    @classmethod
    def reopened(cls, uri: str, version: Version) -> Self:
        """Open a file again without a request; it has to be of the same version when it is read."""
        return cls(PinnedFile(uri, open_store(check_uri(uri)), version))

    def __reduce__(self) -> tuple[object, ...]:
        return type(self).reopened, (self.name, self.version)

    @property
    def name(self) -> str:
        """URI of the file."""
        return self._pinned.uri

    @property
    def version(self) -> Version:
        """Version that all bytes are of."""
        return self._pinned.version

    @property
    def size(self) -> int:
        """Size in bytes."""
        return self.version.size

    def read_at(self, start: int, size: int) -> bytes:
        """Read bytes [start, start + size), fewer at the end of the file, whatever the position.

        Raises:
            SlideError: See `PinnedFile.read`.
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
                if number in self._kept:
                    self._kept.move_to_end(number)
                number += 1
                continue
            found |= self._fetched(number, stop)
        return [found[number] for number in range(first, stop)]

    def _fetched(self, first: int, stop: int) -> dict[int, bytes]:
        """Fetch a missing block and those behind it up to the next kept one, at least as many as are wanted or due."""
        is_on = first == self._next
        self._length = min(4 * self._length, LONGEST) if is_on else 1
        content = self._ahead.take(first * BLOCK)
        if content is None:
            end = self._run(first, max(self._length, min(stop - first, LONGEST)))
            content = self._pinned.read(first * BLOCK, min(end * BLOCK, self.size))
        parts = range(0, len(content), BLOCK)
        fetched = {first + number: content[at : at + BLOCK] for number, at in enumerate(parts)}
        self._next = first + len(fetched)
        self._kept |= fetched
        while len(self._kept) > KEPT_BLOCKS:
            self._kept.popitem(last=False)
        ahead = self._run(self._next, self._length)
        if is_on and ahead > self._next:
            self._ahead.start(self._next * BLOCK, min(ahead * BLOCK, self.size))
        return fetched

    def _run(self, first: int, most: int) -> int:
        """Return where a run of missing blocks ends that begins at one of them, or has to end."""
        limit = min(-(-self.size // BLOCK), first + most)
        return next((number for number in range(first, limit) if number in self._kept), limit)

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
            self._ahead.close()
            self._kept.clear()
        super().close()
