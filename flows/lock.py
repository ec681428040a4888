"""One run at a time writes to an output folder."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from flows.tables import OutputError, writing

NAME = ".lock"
"""The lock's file; it stays, but the lock on it ends with the process that holds it."""


@contextmanager
def only_run(output: str) -> Iterator[None]:
    """Keep other runs off an output folder.

    Raises:
        OutputError: Another run holds it, or the folder cannot be written.
    """
    path = os.path.join(output, NAME)
    with writing(path):
        os.makedirs(output, exist_ok=True)
        file = open(path, "a", encoding="utf-8")  # noqa: SIM115 - held open while the run lasts
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            remedy = "wait for it to end, or name another output"
            raise OutputError(f"one run writes to an output: path={output!r}, another is running; {remedy}") from None
        yield
