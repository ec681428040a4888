"""Lock of an output: one run at a time writes to it.

A folder is locked by the operating system, and the lock ends with its process. An object store has no locks; there a
run puts a lease and lists those of others after its own:

    A   put  list: alone                      holds the output, renews its lease (heartbeat)
    B              put  list: A's lease       watches it; it is renewed: B is refused

Of two runs the later one sees the lease of the other, since stores list what was put. So never do both hold the output;
of two that see each other, the one with the greater name withdraws. A lease without a heartbeat for its time to live is
a dead run's and is removed. Clocks of two machines are never compared (docs/decisions/0010-object-stores.md).
"""

import fcntl
import os
import platform
import posixpath
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from itertools import count
from uuid import uuid4

from pyarrow.fs import FileType

from flows.storage.filesystem import OutputError, Storage, output_errors

_PREFIX = ".lease-"
"""Prefix of the names of leases, which lie in the output beside the tables."""
_HINT = "wait for it to end, or set another output"
_TRIES, _PAUSE = 5, 0.05
"""Tries at the lock of a folder, and seconds between them: `read_holder` has it for an instant."""
_WATCHED_BEATS = 3
"""Heartbeats for which a lease is watched by one who only asks."""


@dataclass(frozen=True, slots=True)
class LeaseTiming:
    """Intervals of a lease, in seconds."""

    heartbeat: float = 5
    """Time between renewals of the own lease."""
    ttl: float = 30
    """Time without a heartbeat after which a lease is a dead run's."""


def output_lock(storage: Storage) -> AbstractContextManager[None]:
    """Keep other runs off an output.

    Raises:
        OutputError: Another run holds it, or the output cannot be written.
    """
    return _folder_lock(storage.root) if storage.is_local else lease_lock(storage)


def read_holder(storage: Storage, timing: LeaseTiming = LeaseTiming()) -> str | None:
    """Tell if a run holds an output, without writing to it; a lease is watched until it is renewed, or for 15 s.

    Returns:
        The run, as far as it is known; None if none holds it.

    Raises:
        OSError: The storage does not answer.
    """
    return _folder_holder(storage.root) if storage.is_local else _lease_holder(storage, timing)


def _folder_holder(output: str) -> str | None:
    folder = os.open(output, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_SH | fcntl.LOCK_NB)  # several may ask at once
    except BlockingIOError:
        return "a process"
    finally:
        os.close(folder)
    return None


def _lease_holder(storage: Storage, timing: LeaseTiming) -> str | None:
    paths = [posixpath.join(storage.root, name) for name in storage.names(storage.root) if name.startswith(_PREFIX)]
    watched = {path: _read(storage, path) for path in paths}
    end = time.monotonic() + _WATCHED_BEATS * timing.heartbeat
    while any(content is not None for content in watched.values()) and time.monotonic() < end:
        time.sleep(timing.heartbeat / 5)
        for path, before in watched.items():
            now = None if before is None else _read(storage, path)
            if now is not None and now != before:
                return now.decode().partition(",")[0]
            watched[path] = now
    return None


@contextmanager
def _folder_lock(output: str) -> Iterator[None]:
    with output_errors(output):
        os.makedirs(output, exist_ok=True)
        folder = os.open(output, os.O_RDONLY)
    try:
        for left in reversed(range(_TRIES)):
            try:
                fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not left:
                    raise OutputError(f"another run is writing to {output!r}; hint: {_HINT}") from None
                time.sleep(_PAUSE)
        yield
    finally:
        os.close(folder)


@contextmanager
def lease_lock(storage: Storage, timing: LeaseTiming = LeaseTiming()) -> Iterator[None]:
    """Keep other runs off an output on an object store.

    Raises:
        OutputError: Another run holds it, or the store cannot be written; or, at the end, another run has taken this
            one for dead because the store or this process stood still.
    """
    lease = _acquire(storage, timing)
    try:
        yield
    finally:
        lease.release()
    if lease.is_lost:
        hint = "run again when it has ended, the published files are whole"
        raise OutputError(f"another run took over {storage.output!r}; hint: {hint}")


def _acquire(storage: Storage, timing: LeaseTiming) -> "_Lease":
    while True:
        lease = _Lease(storage, timing)
        try:
            others = _read_others(storage, lease)
            if others and min(others) < lease.path:
                lease.release()
            holder = _wait_for_heartbeat(others, storage, timing)
            is_held = not others or (holder is None and not lease.is_released and not _read_others(storage, lease))
        except BaseException:
            lease.release()
            raise
        if is_held:
            return lease
        lease.release()
        if holder is not None:
            raise OutputError(f"another run is writing to {storage.output!r}: {holder}; hint: {_HINT}")


def _read_others(storage: Storage, lease: "_Lease") -> dict[str, bytes]:
    """Read the leases of other runs, by path."""
    paths = [posixpath.join(storage.root, name) for name in storage.names(storage.root) if name.startswith(_PREFIX)]
    found = {path: _read(storage, path) for path in paths if path != lease.path}
    return {path: content for path, content in found.items() if content is not None}


def _read(storage: Storage, path: str) -> bytes | None:
    try:
        with storage.files.open_input_stream(path) as file:
            content: bytes = file.read()
            return content
    except OSError:
        if storage.files.get_file_info(path).type == FileType.NotFound:
            return None  # released between the listing and this read
        raise


def _wait_for_heartbeat(leases: Mapping[str, bytes], storage: Storage, timing: LeaseTiming) -> str | None:
    """Watch leases until one is renewed or none is left; remove those that outlive their time to live.

    Returns:
        Content of the renewed lease; None if all were released or removed.
    """
    watched, began = dict(leases), time.monotonic()
    while watched:
        time.sleep(timing.heartbeat / 5)
        for path, before in list(watched.items()):
            now = _read(storage, path)
            if now is None:
                del watched[path]
            elif now != before:
                return now.decode()
            elif time.monotonic() - began > timing.ttl:
                storage.remove(path)
                del watched[path]
    return None


class _Lease:
    """Lease of this run, renewed by a thread until it is released.

    Attributes:
        path: Path of its object.
        is_lost: True if another run removed it.
    """

    def __init__(self, storage: Storage, timing: LeaseTiming) -> None:
        """Put the lease and start its heartbeat."""
        self.path = posixpath.join(storage.root, f"{_PREFIX}{uuid4().hex}")
        self.is_lost = False
        self._storage, self._timing = storage, timing
        self._count = count()
        self._ended = threading.Event()
        with output_errors(storage.output):
            self._put()
        self._thread = threading.Thread(target=self._renew, name="lease", daemon=True)
        self._thread.start()

    @property
    def is_released(self) -> bool:
        """True once other runs no longer see it."""
        return self._ended.is_set()

    def release(self) -> None:
        """Remove the lease, once."""
        if not self.is_released:
            self._ended.set()
            self._thread.join()
            try:
                self._storage.remove(self.path)
            except FileNotFoundError:
                self.is_lost = True
            except OSError:
                return  # without a heartbeat it expires

    def _put(self) -> None:
        # always as long, so that a concurrent reader gets one version or the other
        content = f"process {os.getpid()} on {platform.node()}, refreshed {next(self._count):09} times"
        with self._storage.files.open_output_stream(self.path) as file:
            file.write(content.encode())

    def _renew(self) -> None:
        while not self._ended.wait(self._timing.heartbeat):
            try:
                if _read(self._storage, self.path) is None:
                    self.is_lost = True
                    return
                self._put()
            except OSError:
                continue  # the store may answer next time
