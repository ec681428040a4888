"""One run at a time writes to an output folder."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from flows.tables import OutputError, writing


@contextmanager
def only_run(output: str) -> Iterator[None]:
    """Keep other runs off an output folder, by a lock on the folder itself that ends with the process that holds it.

    Raises:
        OutputError: Another run holds it, or the folder cannot be made.
    """
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
