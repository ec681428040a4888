"""Imports without the garbage collector, which takes a quarter of the time of a large one and finds nothing."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module


@contextmanager
def no_collection() -> Iterator[None]:
    """Collect no garbage in this block, and later none of what was made in it."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()


def import_tasks() -> None:
    """Import the tasks and what their checks import; a Ray task too, whose own module is small."""
    with no_collection():
        import_module("flows.tasks")
        import_module("schemas.table").load_checks()
