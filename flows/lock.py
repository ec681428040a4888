"""One run at a time writes to an output."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from flows.claim import claimed
from flows.storage import Storage
from flows.tables import OutputError, writing


def only_run(storage: Storage) -> AbstractContextManager[None]:
    """Keep other runs off an output: by a lock of the operating system on a folder, by a claim on an object store.

    Raises:
        OutputError: Another run holds it, or the output cannot be written.
    """
    return _locked(storage.root) if storage.is_local else claimed(storage)


@contextmanager
def _locked(output: str) -> Iterator[None]:
    """A lock on the folder itself, which ends with the process that holds it."""
    with writing(output):
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
