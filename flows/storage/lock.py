"""A lock on an object store, which has none: runs put claims, and read those of others after their own.

    A   put  list: alone                      holds, refreshes its claim
    B              put  list: A's is there    watches it; it is refreshed: B is refused

Of two runs the one that put later sees the other's claim, since stores list what was put. So never do both hold; and of
two that see each other, the one with the greater name steps back. A claim that is not refreshed is a dead run's: it is
removed. No clock is compared with another.
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

_PREFIX = ".claim-"
"""Begins the names of claims, which lie in the output beside the tables."""


@dataclass(frozen=True, slots=True)
class Timing:
    """How often claims are refreshed, in seconds."""

    refresh: float = 5
    """Between refreshing one's own claim."""
    silence: float = 30
    """After which a claim that has not been refreshed is a dead run's."""


@contextmanager
def lease_lock(storage: Storage, timing: Timing = Timing()) -> Iterator[None]:
    """Keep other runs off an output.

    Raises:
        OutputError: Another run holds it, or the store cannot be written; or, at the end, another run took this one for
            dead because the store or this process stood still.
    """
    claim = _acquired(storage, timing)
    try:
        yield
    finally:
        claim.withdraw()
    if claim.is_lost:
        remedy = "run again when it has ended; what is there is whole"
        raise OutputError(f"a run holds its output to the end: path={storage.name!r}, another took it over; {remedy}")


def _acquired(storage: Storage, timing: Timing) -> "_Claim":
    while True:
        claim = _Claim(storage, timing)
        try:
            others = _others(storage, claim)
            if others and min(others) < claim.path:
                claim.withdraw()
            alive = _alive_among(others, storage, timing)
            is_held = not others or (alive is None and not claim.is_withdrawn and not _others(storage, claim))
        except BaseException:
            claim.withdraw()
            raise
        if is_held:
            return claim
        claim.withdraw()
        if alive is not None:
            found = f"path={storage.name!r}, another is running, {alive}"
            raise OutputError(f"one run writes to an output: {found}; wait for it to end, or name another output")


def _others(storage: Storage, claim: "_Claim") -> dict[str, bytes]:
    """The claims of others, by path."""
    paths = [posixpath.join(storage.root, name) for name in storage.names(storage.root) if name.startswith(_PREFIX)]
    found = {path: _content(storage, path) for path in paths if path != claim.path}
    return {path: content for path, content in found.items() if content is not None}


def _content(storage: Storage, path: str) -> bytes | None:
    try:
        with storage.files.open_input_stream(path) as file:
            content: bytes = file.read()
            return content
    except OSError:
        if storage.files.get_file_info(path).type == FileType.NotFound:
            return None  # just now perhaps
        raise


def _alive_among(claims: Mapping[str, bytes], storage: Storage, timing: Timing) -> str | None:
    """Watch claims until one is refreshed, or none is left.

    Returns:
        Who refreshed it; None if they were withdrawn, or were silent and are removed.
    """
    watched, began = dict(claims), time.monotonic()
    while watched:
        time.sleep(timing.refresh / 5)
        for path, before in list(watched.items()):
            now = _content(storage, path)
            if now is None:
                del watched[path]
            elif now != before:
                return now.decode()
            elif time.monotonic() - began > timing.silence:
                storage.remove(path)
                del watched[path]
    return None


class _Claim:
    """One run's claim, refreshed by a thread until it is withdrawn.

    Attributes:
        path: Where it is.
        is_lost: Whether another run removed it.
    """

    def __init__(self, storage: Storage, timing: Timing) -> None:
        """Put it, and go on refreshing it."""
        self.path = posixpath.join(storage.root, f"{_PREFIX}{uuid4().hex}")
        self.is_lost = False
        self._storage, self._timing = storage, timing
        self._count = count()
        self._ended = threading.Event()
        with output_errors(storage.name):
            self._put()
        self._thread = threading.Thread(target=self._refresh, name="claim", daemon=True)
        self._thread.start()

    @property
    def is_withdrawn(self) -> bool:
        """Whether others do not see it any more."""
        return self._ended.is_set()

    def withdraw(self) -> None:
        """Remove it, if that was not done."""
        if not self.is_withdrawn:
            self._ended.set()
            self._thread.join()
            try:
                self._storage.remove(self.path)
            except FileNotFoundError:
                self.is_lost = True
            except OSError:
                return  # it will be silent

    def _put(self) -> None:
        # always as long, so that who reads it meanwhile gets one or the other
        content = f"process {os.getpid()} on {platform.node()}, refreshed {next(self._count):09} times"
        with self._storage.files.open_output_stream(self.path) as file:
            file.write(content.encode())

    def _refresh(self) -> None:
        while not self._ended.wait(self._timing.refresh):
            try:
                if _content(self._storage, self.path) is None:
                    self.is_lost = True
                    return
                self._put()
            except OSError:
                continue  # the store may answer next time


def output_lock(storage: Storage) -> AbstractContextManager[None]:
    """Keep other runs off an output: by a lock of the operating system on a folder, by a claim on an object store.

    Raises:
        OutputError: Another run holds it, or the output cannot be written.
    """
    return _locked(storage.root) if storage.is_local else lease_lock(storage)


@contextmanager
def _locked(output: str) -> Iterator[None]:
    """A lock on the folder itself, which ends with the process that holds it."""
    with output_errors(output):
        os.makedirs(output, exist_ok=True)
        folder = os.open(output, os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            remedy = "wait for it to end, or name another output"
            raise OutputError(f"one run writes to an output: path={output!r}, another is running; {remedy}") from None
        yield
    finally:
        os.close(folder)
