"""Work in threads that nobody has to wait for: a client of a store may hang."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

_Found = TypeVar("_Found")


def started(work: Callable[[], _Found]) -> "Future[_Found]":
    """Start work in a thread of its own, which the end of the process does not wait for."""
    future: Future[_Found] = Future()
    threading.Thread(target=_complete, args=(work, future), name="ratiopath-remote", daemon=True).start()
    return future


def _complete(work: Callable[[], _Found], future: "Future[_Found]") -> None:
    try:
        future.set_result(work())
    except BaseException as error:  # noqa: BLE001 - raised where the result is taken
        future.set_exception(error)
