"""Fingerprints of input files, and the check that files stay the same while they are measured.

a file of this machine    size and time in nanoseconds
a file on a store         size and version: an ETag, or a time; see `ratiopath.remote.listing`
"""

import errno
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Literal, TypeVar

from ratiopath.errors import SlideError
from ratiopath.files import open_errors, require_regular
from ratiopath.remote.file import RemoteFile
from ratiopath.remote.listing import list_files, present, state_of
from ratiopath.remote.names import name_of, options_of, without_options
from ratiopath.remote.uri import is_uri
from ratiopath.remote.version import FileState, Version

Json = dict[str, Any]
_Found = TypeVar("_Found")
Ask = Callable[[str], Json]
"""Function that fingerprints a file, not by content."""
MIRAX = ".mrxs"
"""Suffix of slides with a data folder of the same stem."""


class ReplacedError(SlideError):
    """A slide or an overlay that changed while it was measured."""


def fingerprint(path: str, *, by_content: bool = False) -> Json:
    """Fingerprint a file by size and mtime, or by size and SHA-256; of a `.mrxs` also its data folder.

    Args:
        path: The file, or its URI, whose version stands in place of the mtime.
        by_content: True to read all of it.

    Raises:
        SlideNotFoundError: The path leads to a directory, a FIFO, a socket or a device; or a store does not answer.
        OSError: The file does not exist or cannot be read.
    """
    if is_uri(path):
        found = fingerprint_on_store(path)
        return _with_content(found) if by_content else found
    own = _state(path, by_content=by_content)
    stem, suffix = os.path.splitext(path)
    if suffix.lower() != MIRAX or not os.path.isdir(stem):
        return {"path": path, **own}
    parts = [os.path.join(folder, name) for folder, _, names in os.walk(stem) for name in names]
    listing = [[os.path.relpath(part, stem), _state(part, by_content=by_content)] for part in sorted(parts)]
    return {"path": path, **own, "data": _digest(listing)}


def exists(path: str) -> bool:
    """Return True if there is something at a path, links followed, or a file at a URI.

    Raises:
        SlideNotFoundError: The store does not answer.
    """
    return state_of(path) is not None if is_uri(path) else os.path.exists(path)


def fingerprint_on_store(
    uri: str,
    ask: Callable[[str], FileState | None] = state_of,
    files_in: Callable[[str], Mapping[str, FileState]] = list_files,
) -> Json:
    """Fingerprint a file on a store by size and version; of a `.mrxs` also its data folder.

    Args:
        uri: The file.
        ask: Tells the state of a file, by one request if it is not known yet.
        files_in: Lists a folder.

    Raises:
        FileNotFoundError: There is no such file.
        SlideNotFoundError: The store does not answer, or does not let it be read.
    """
    state = ask(uri)
    if state is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), uri)
    found = {"path": uri, "size": state.size, "version": state.mark}
    stem, suffix = os.path.splitext(without_options(uri))
    parts = files_in(stem + options_of(uri)) if suffix.lower() == MIRAX else {}
    listing = [[part, state.size, state.mark] for part, state in sorted(parts.items())]
    return found | ({"data": _digest(listing)} if listing else {})


def _with_content(found: Json) -> Json:
    """Return the fingerprint of a file on a store by size and SHA-256, for which all of it is read."""
    path, size = found["path"], found["size"]
    if name_of(path).lower().endswith(MIRAX):
        stem = os.path.splitext(without_options(path))[0]
        parts = sorted(list_files(stem + options_of(path)))
        return {"path": path, "size": size, "data": _digest([[part, _hashed(part)] for part in [path, *parts]])}
    return {"path": path, "size": size, "sha256": _hashed(path)}


def _hashed(uri: str) -> str:
    with RemoteFile.open(uri) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _digest(listing: list[Any]) -> str:
    return hashlib.sha256(json.dumps(listing).encode()).hexdigest()


def fingerprints(path: str, changes: Literal["time", "content"], ask: Ask = fingerprint) -> tuple[Json, Json]:
    """Fingerprint a file by size and mtime or version, as `ask` does, and then as changes are to be detected."""
    state = ask(path)
    return state, fingerprint(path, by_content=True) if changes == "content" else state


def with_instances(found: Json, others: Sequence[Json], changes: Literal["time", "content"]) -> Json:
    """Return the fingerprint of a DICOM file with those of the other files of its series, as `data`."""
    states = list(map(_content_of, others)) if changes == "content" else list(others)
    return {**found, "data": _digest(states)}


def _content_of(state: Json) -> Json:
    with open_errors(state["path"]):
        return fingerprint(state["path"], by_content=True)


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
        states: Fingerprints, not by content, of the slide and its overlays, taken before anything was read of them. The
            inode of a file of this machine is compared within the block only, since two machines may not number a file
            alike; and so is all that a store tells of the version of a file, more than a fingerprint holds.

    Raises:
        ReplacedError: A file has another fingerprint, inode or version, or is gone.
        SlideError: A store does not answer.
    """
    before = _each(_identity, states)
    yield
    for state, is_same in zip(states, _each(_is_unchanged, states, before), strict=True):
        if not is_same:
            path = state["path"]
            file = repr(path) if path == slide else f"the overlay {path!r} of {slide!r}"
            raise ReplacedError(
                f"{file} changed while it was measured", path=slide, hint="run again when it is complete"
            )


def _each(ask: Callable[..., _Found], states: Sequence[Json], *others: Sequence[object]) -> list[_Found]:
    """Ask for each file, for those on stores at the same time."""
    if not any(is_uri(state["path"]) for state in states):
        return list(map(ask, states, *others))
    with ThreadPoolExecutor(len(states)) as pool:
        return list(pool.map(ask, states, *others))


def _identity(state: Json) -> int | Version | None:
    """Return the inode of a file of this machine, or the version of one on a store; None if it is gone."""
    path = state["path"]
    if is_uri(path):
        found = present(path)
        return found and found[0]
    try:
        return os.stat(path).st_ino
    except (FileNotFoundError, NotADirectoryError):
        return None


def _is_unchanged(state: Json, identity: int | Version | None) -> bool:
    path = state["path"]
    if identity is None:
        return False
    if is_uri(path):
        found = present(path)
        return found is not None and found[0] == identity and fingerprint_on_store(path, lambda _: found[1]) == state
    try:
        return _identity(state) == identity and fingerprint(path) == state
    except (FileNotFoundError, NotADirectoryError, SlideError):
        return False
