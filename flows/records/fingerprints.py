"""Fingerprints of input files, and the check that files stay the same while they are measured."""

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

from ratiopath.errors import SlideError
from ratiopath.files import require_regular

Json = dict[str, Any]


class ReplacedError(SlideError):
    """A slide or an overlay that changed while it was measured."""


def fingerprint(path: str, *, by_content: bool) -> Json:
    """Fingerprint a file by size and mtime, or by size and SHA-256; of a `.mrxs` also its data folder.

    Raises:
        SlideNotFoundError: The path leads to a directory, a FIFO, a socket or a device.
        OSError: The file does not exist or cannot be read.
    """
    own = _state(path, by_content=by_content)
    stem, suffix = os.path.splitext(path)
    if suffix.lower() != ".mrxs" or not os.path.isdir(stem):
        return {"path": path, **own}
    parts = [os.path.join(folder, name) for folder, _, names in os.walk(stem) for name in names]
    listing = [[os.path.relpath(part, stem), _state(part, by_content=by_content)] for part in sorted(parts)]
    return {"path": path, **own, "data": hashlib.sha256(json.dumps(listing).encode()).hexdigest()}


def fingerprints(path: str, changes: Literal["time", "content"]) -> tuple[Json, Json]:
    """Fingerprint a file by size and mtime, and then as changes are to be detected; see `fingerprint`."""
    state = fingerprint(path, by_content=False)
    return state, fingerprint(path, by_content=True) if changes == "content" else state


def _state(path: str, *, by_content: bool) -> Json:
    state = require_regular(path)
    if not by_content:
        return {"size": state.st_size, "mtime_ns": state.st_mtime_ns}
    with open(path, "rb") as file:
        return {"size": state.st_size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


@contextmanager
def require_unchanged(slide: str, states: Sequence[Json]) -> Iterator[None]:
    """Refuse the result of this block if a file is not what it was before.

    A slide that fails this way is put aside and measured by the next run. It is not measured again at once: a file that
    was replaced a moment ago is often still being written.

    Args:
        slide: Path of the slide.
        states: Fingerprints by size and mtime of the slide and its overlays, taken before anything was read of them.
            The inode is compared within the block only, since two machines may not number a file alike.

    Raises:
        ReplacedError: A file has another size, mtime or inode, or is gone.
    """
    inodes = [_inode(state["path"]) for state in states]
    yield
    for state, inode in zip(states, inodes, strict=True):
        path = state["path"]
        try:
            is_same = _inode(path) == inode and fingerprint(path, by_content=False) == state
        except (FileNotFoundError, NotADirectoryError, SlideError):
            is_same = False
        if not is_same:
            file = repr(path) if path == slide else f"the overlay {path!r} of {slide!r}"
            raise ReplacedError(
                f"{file} changed while it was measured", path=slide, hint="run again when it is complete"
            )


def _inode(path: str) -> int | None:
    try:
        return os.stat(path).st_ino
    except (FileNotFoundError, NotADirectoryError):
        return None
