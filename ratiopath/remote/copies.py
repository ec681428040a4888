"""Copies of files on stores, for readers that open paths only, in a folder of bounded size that processes share.

FOLDER/KEY/               a complete copy; KEY is a hash of URIs and versions
FOLDER/KEY.unfinished/    a copy that is being made, its files in full size from the start
FOLDER/KEY.lock           shared by readers, exclusive for the one that makes or removes the copy
FOLDER/room.lock          exclusive while room is made, and while a copy gets its name
"""

import errno
import fcntl
import hashlib
import json
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Self

from ratiopath.errors import SlideNotFoundError, UnsupportedFormatError
from ratiopath.remote.listing import version_of
from ratiopath.remote.names import folder_of, name_of, plain
from ratiopath.remote.pinned import PinnedFile
from ratiopath.remote.store import open_store
from ratiopath.remote.version import COPY_HINT, FileState, Version

FOLDER, GIGABYTES = "RATIOPATH_COPIES", "RATIOPATH_COPIES_GB"
"""Variables of the environment: the folder of the copies, and its size."""
DEFAULT_GIGABYTES = 20.0
FREE = 0.05
"""Share of the disk that stays free."""
WAIT = 60.0
"""Seconds to wait for room that other processes use."""
_PAUSE = 0.5
_PIECE, _THREADS = 8 << 20, 4
"""Bytes of a request for a copy, and requests at the same time."""
_UNFINISHED, _LOCK = ".unfinished", ".lock"


@dataclass(frozen=True, slots=True)
class HeldCopy:
    """A copy that is not removed until it is closed."""

    path: str
    """The file on this machine."""
    lock: IO[bytes]

    def close(self) -> None:
        """Let the copy be removed."""
        self.lock.close()


@dataclass(frozen=True, slots=True)
class Copies:
    """The copies in a folder."""

    folder: str
    limit: int
    """Bytes of all copies."""

    @classmethod
    def of_environment(cls) -> Self:
        """Return the copies in the folder, and up to the size, that the environment names."""
        default = os.path.join(tempfile.gettempdir(), f"ratiopath-copies-{os.getuid()}")
        return cls(
            os.path.abspath(os.environ.get(FOLDER) or default),
            int(float(os.environ.get(GIGABYTES) or DEFAULT_GIGABYTES) * 1e9),
        )

    def hold(self, uri: str, others: Mapping[str, FileState] | None = None) -> HeldCopy:
        """Return a copy of a file, which is made if there is none of its version.

        Args:
            uri: The file.
            others: Files that belong to it, in folders beside it, and their states.

        Raises:
            SlideNotFoundError: The file does not exist, or the store does not let it be read, or fails.
            UnsupportedFormatError: There is no room for the copy.
            TruncatedError: A file changes while it is copied, or the store fails.
        """
        version, others = version_of(uri), others or {}
        if version is None:
            raise SlideNotFoundError(f"cannot open {uri!r}: no such file on its store", path=uri, hint="check the URI")
        known = [[uri, version.size, version.marks], *([one, state.size, state.mark] for one, state in others.items())]
        copy = os.path.join(self.folder, hashlib.sha256(json.dumps(known).encode()).hexdigest()[:40])
        sizes = {uri: version.size} | {one: state.size for one, state in others.items()}
        try:
            self._make_folder()
            while True:
                lock = _locked(copy + _LOCK, fcntl.LOCK_SH)
                if os.path.isdir(copy):
                    os.utime(copy)  # the copies that were used last stay
                    return HeldCopy(os.path.join(copy, _name(uri, uri)), lock)
                lock.close()
                with _locked(copy + _LOCK, fcntl.LOCK_EX):
                    if not os.path.isdir(copy):
                        self._make(copy, uri, sizes)
        except OSError as error:
            raise self._refused(uri, (error.strerror or type(error).__name__).lower()) from error

    def _make_folder(self) -> None:
        os.makedirs(self.folder, mode=0o700, exist_ok=True)
        state = os.stat(self.folder, follow_symlinks=False)
        if not stat.S_ISDIR(state.st_mode) or state.st_uid != os.getuid():
            raise PermissionError(0, f"{self.folder!r} is not a folder of this user")

    def _make(self, copy: str, uri: str, sizes: Mapping[str, int]) -> None:
        """Make a copy whose lock is held."""
        unfinished = copy + _UNFINISHED
        self._reserve(unfinished, uri, sizes)
        try:
            for one in sizes:
                _download(one, os.path.join(unfinished, _name(one, uri)))
            with self._room():  # or a process that makes room would count it under neither name
                os.rename(unfinished, copy)
        except BaseException:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise

    def _reserve(self, folder: str, uri: str, sizes: Mapping[str, int]) -> None:
        """Make empty files of full size, once there is room."""
        needed, end = sum(sizes.values()), time.monotonic() + WAIT
        while True:
            with self._room():
                shutil.rmtree(folder, ignore_errors=True)  # of a process that was killed
                if self._has_room(needed):
                    for one, size in sizes.items():
                        _allocate(os.path.join(folder, _name(one, uri)), size)
                    return
            found = f"{needed / 1e9:.2g} GB, and at most {self.limit / 1e9:g} GB in all"
            if needed > self.limit:
                raise self._refused(uri, found)
            if time.monotonic() > end:  # others may be done later
                raise self._refused(uri, found) from BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
            time.sleep(_PAUSE)

    def _room(self) -> IO[bytes]:
        """Lock the list of the copies."""
        return _locked(os.path.join(self.folder, f"room{_LOCK}"), fcntl.LOCK_EX)

    def _has_room(self, needed: int) -> bool:
        """Remove copies that nobody reads, those used last stay, until there is room; nothing if that is in vain."""
        if needed > self.limit:
            return False
        with os.scandir(self.folder) as entries:
            paths = sorted((entry.path for entry in entries if entry.is_dir()), key=_last_use)
        sizes = {path: _size_of(path) for path in paths}
        for path in sizes:
            if self._fits(sum(sizes.values()), needed):
                return True
            if _remove(path):
                sizes = sizes | {path: 0}
        return self._fits(sum(sizes.values()), needed)

    def _fits(self, used: int, needed: int) -> bool:
        disk = shutil.disk_usage(self.folder)
        return used + needed <= self.limit and disk.free - needed >= FREE * disk.total

    def _refused(self, uri: str, found: str) -> UnsupportedFormatError:
        problem = f"{uri!r} can only be read from a copy, and {self.folder!r} has no room for one: {found}"
        hint = f"set {FOLDER} and {GIGABYTES} to a folder with more room in the environment of each process, or"
        return UnsupportedFormatError(problem, path=uri, hint=f"{hint} {COPY_HINT}")


def _name(uri: str, main: str) -> str:
    """Return the path of a file in a copy."""
    if uri == main:
        return name_of(uri).replace("/", "_")
    return plain(uri)[len(plain(folder_of(main))) + 1 :]


def _allocate(path: str, size: int) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "xb") as file:
        if size:
            os.posix_fallocate(file.fileno(), 0, size)


def _download(uri: str, path: str) -> None:
    version = version_of(uri) or Version(-1)
    pinned = PinnedFile(uri, open_store(uri), version)

    def fetch(start: int) -> None:
        os.pwrite(file.fileno(), pinned.read(start, min(start + _PIECE, version.size), is_checked=False), start)

    with open(path, "r+b") as file:
        file.truncate(max(0, version.size))
        pool = ThreadPoolExecutor(_THREADS)
        try:
            for _ in pool.map(fetch, range(0, version.size, _PIECE)):
                pass
        finally:
            pool.shutdown(cancel_futures=True)
    pinned.check()


def _last_use(copy: str) -> float:
    try:
        return os.stat(copy).st_mtime
    except FileNotFoundError:  # renamed in this moment
        return 0.0


def _size_of(folder: str) -> int:
    files = (os.path.join(parent, name) for parent, _, names in os.walk(folder) for name in names)
    total = 0
    for file in files:
        with suppress(FileNotFoundError):  # renamed or removed in this moment
            total += os.stat(file).st_size
    return total


def _remove(copy: str) -> bool:
    """Remove a copy, unless a process reads or makes it."""
    path = copy.removesuffix(_UNFINISHED) + _LOCK
    try:
        with _locked(path, fcntl.LOCK_EX | fcntl.LOCK_NB):
            with suppress(FileNotFoundError):  # renamed since it was listed
                shutil.rmtree(copy)
            os.unlink(path)
    except BlockingIOError:
        return False
    return True


def _locked(path: str, mode: int) -> IO[bytes]:
    """Open a lock file and lock it; closing it unlocks.

    Raises:
        BlockingIOError: Another process holds it, and `mode` does not wait.
    """
    while True:
        file = open(path, "ab")  # noqa: SIM115 - closed by those who lock
        try:
            fcntl.flock(file, mode)
            with suppress(FileNotFoundError):
                if os.fstat(file.fileno()).st_ino == os.stat(path).st_ino:
                    return file
        except BaseException:
            file.close()
            raise
        file.close()  # removed with its copy in this moment
