"""A file on a store as a seekable file, in blocks of which the last used are kept."""

import errno
import io
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt

from ratiopath.errors import SlideError
from ratiopath.remote.ahead import LONGEST, ReadAhead
from ratiopath.remote.background import started
from ratiopath.remote.cache import BLOCK, Cache, Run
from ratiopath.remote.pinned import PinnedFile
from ratiopath.remote.store import open_store
from ratiopath.remote.uri import check_uri
from ratiopath.remote.version import Version

if TYPE_CHECKING:
    from typing_extensions import Buffer  # of collections.abc from Python 3.12 on

WHOLE = 1 << 21
"""Size of the largest file that is read with one request, 2 MiB."""
_FASTER = 4
"""Factor by which requests become longer where a file is read on, up to LONGEST."""


class RemoteFile(io.RawIOBase):
    """A file on a store, open for reading.

    Its version is pinned when it is opened: each later request for bytes is followed by one for the version, unless it
    came with the bytes, before any byte is returned. The next requests are made ahead, those that are announced, or
    where the file is read on. Several threads may use `read_at`, one waits for the other. Pickled, it keeps URI and
    version, not the blocks.
    """

    def __init__(self, pinned: PinnedFile) -> None:
        """Take a pinned file; `open` is the usual way."""
        super().__init__()
        self.failure: SlideError | None = None
        """Last error of the store, which a parser may have taken for damage."""
        self._pinned = pinned
        self._place = 0
        self._lock = threading.RLock()
        self._cache = Cache()
        self._ahead = ReadAhead(self._fetched)
        self._next, self._length = -1, 1
        self._is_announced = False
        self._is_checked = True
        """False while `checked_once` is open."""
        self._to_check = False

    @classmethod
    def open(cls, uri: str) -> Self:
        """Pin the version of a file and read its first block, or all of it.

        Raises:
            ParameterError: The URI may hold a credential, or names no file.
            SlideError: See `PinnedFile.begin`.
        """
        pinned, content = PinnedFile.begin(uri, BLOCK, WHOLE)
        file = cls(pinned)
        file._kept(Run(0, content))
        return file

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
        return self._pinned.version.size

    def read_at(self, start: int, size: int) -> bytes:
        """Read bytes [start, start + size), fewer at the end of the file, whatever the position.

        Raises:
            SlideError: See `PinnedFile.read`.
        """
        end = min(start + size, self.size)
        if start >= end:
            return b""
        with self._lock:
            run = self._cache.get(start // BLOCK)
            if run is not None and end <= run.end:
                return bytes(run.between(start, end))
            whole = io.BytesIO()  # hands its bytes out without another copy
            for piece in self._pieces(start, end):
                whole.write(piece)
            return whole.getvalue()

    def expect(self, starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]) -> None:
        """Announce the bytes that will be asked for, in order; the first requests are made at once.

        Args:
            starts: Place of the first byte of each range.
            ends: Place behind its last byte.
        """
        with self._lock:
            self._is_announced = True
            self._ahead.expect(_blocks_of(starts, np.minimum(ends, self.size)))
            self._ahead.refill(self._cache)

    @contextmanager
    def checked_once(self) -> Iterator[None]:
        """Ask for the version at the end of this block, and after an error in it, and not after each request.

        For several places that are small: what the block returns must not be used if this raises. One thread only.

        Raises:
            SlideError: See `PinnedFile.check`.
        """
        self._is_checked = False
        try:
            yield
        except Exception:
            self._pinned.check()
            raise
        else:
            if self._to_check:
                self._pinned.check()
        finally:
            self._is_checked, self._to_check = True, False

    def _pieces(self, start: int, end: int) -> Iterator[memoryview]:
        try:
            while start < end:
                run = self._cache.get(start // BLOCK) or self._missing(start // BLOCK, -(-end // BLOCK))
                yield run.between(start, min(end, run.end))
                start = run.end
        except SlideError as error:
            self.failure = error
            raise

    def _missing(self, block: int, stop: int) -> Run:
        """Wait for a block that is due, or fetch it, with those behind it that are wanted or that reading on needs."""
        is_on = not self._is_announced and (block == self._next or stop - block > LONGEST)
        self._length = min(max(_FASTER * self._length, stop - block), LONGEST) if is_on else 1
        due = self._ahead.take(block)
        blocks = due.blocks if due else self._until_known(block, max(self._length, stop - block))
        if is_on and (due is None or self._ahead.is_idle):
            last = max(blocks.stop + self._length, stop)
            self._ahead.expect(range(blocks.stop, min(last, -(-self.size // BLOCK))), self._length)
        answer = self._ahead.start(due) if due else started(lambda: self._fetched(blocks, is_checked=self._is_checked))
        self._ahead.refill(self._cache, blocks)
        run = answer.result()
        self._kept(run)
        return run

    def _until_known(self, first: int, most: int) -> range:
        """Return blocks from a missing one on, up to the next one that is kept or due."""
        blocks = range(first, min(-(-self.size // BLOCK), first + min(most, LONGEST)))
        return range(first, next((one for one in blocks if one in self._cache or one in self._ahead), blocks.stop))

    def _fetched(self, blocks: range, *, is_checked: bool = True) -> Run:
        start, end = blocks.start * BLOCK, min(blocks.stop * BLOCK, self.size)
        content = self._pinned.read(start, end, is_checked=is_checked)
        self._to_check |= not is_checked
        return Run(blocks.start, content)

    def _kept(self, run: Run) -> None:
        self._cache.add(run)
        self._next = run.blocks.stop

    def readall(self) -> bytes:
        """Read from the position on to the end."""
        content = self.read_at(self._place, self.size)
        self._place += len(content)
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
            self._cache = Cache()
            self._ahead = ReadAhead(self._fetched)
        super().close()


def _blocks_of(starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]) -> Iterator[int]:
    """Iterate over the blocks of ranges of bytes; of the ranges in a row that lie in the same ones, once."""
    blocks = np.stack((starts // BLOCK, -(-ends // BLOCK)), axis=1)[starts < ends]
    is_new = np.any(np.diff(blocks, axis=0, prepend=-1) != 0, axis=1)
    for first, stop in blocks[is_new].tolist():
        yield from range(first, stop)
