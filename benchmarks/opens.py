"""Counts of the files that any process opens in some folders, as the Linux kernel reports them (inotify)."""

import ctypes
import os
import select
import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

_OPEN, _CLOSED = 0x20, 0x08 | 0x10
_OVERFLOW, _IS_FOLDER = 0x4000, 0x40000000
_EVENT = struct.Struct("iIII")
"""Watch, mask, cookie and length of the name that follows."""


class Opens:
    """Number of files opened so far.

    Without closing events the kernel would merge two openings of a file in a row into one.
    """

    def __init__(self, inotify: int) -> None:
        """Read events from a file descriptor."""
        self._inotify = inotify
        self.count = 0

    def read(self, seconds: float) -> None:
        """Wait for events, and count.

        Args:
            seconds: Limit of the waiting.

        Raises:
            OverflowError: The kernel dropped events, since they were not read in time.
        """
        while select.select([self._inotify], [], [], seconds)[0]:
            events, seconds = os.read(self._inotify, 1 << 20), 0
            for mask in _masks(events):
                if mask & _OVERFLOW:
                    raise OverflowError("the kernel dropped events; raise fs.inotify.max_queued_events")
                self.count += bool(mask & _OPEN) and not mask & _IS_FOLDER


def _masks(events: bytes) -> Iterator[int]:
    start = 0
    while start < len(events):
        _, mask, _, length = _EVENT.unpack_from(events, start)
        yield mask
        start += _EVENT.size + length


@contextmanager
def counted(folders: Iterable[Path]) -> Iterator[Opens]:
    """Watch the files directly in some folders; those that do not exist have none."""
    libc = ctypes.CDLL(None, use_errno=True)
    inotify = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    if inotify < 0:
        raise OSError(ctypes.get_errno(), "inotify_init1")
    try:
        for folder in filter(Path.is_dir, folders):
            if libc.inotify_add_watch(inotify, os.fsencode(folder), _OPEN | _CLOSED) < 0:
                raise OSError(ctypes.get_errno(), "inotify_add_watch", str(folder))
        yield Opens(inotify)
    finally:
        os.close(inotify)
