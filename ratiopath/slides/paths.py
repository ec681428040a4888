"""Search for slide files by name; their content is checked when they are opened."""

import glob
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from ratiopath.errors import SlideNotFoundError
from ratiopath.slides.dicom import first_of_each_series

SUFFIXES = (
    ".ome.tiff", ".ome.tif", ".ome.btf", ".tiff", ".tif", ".btf", ".svs", ".svslide", ".ndpi", ".mrxs", ".scn", ".bif",
    ".vms", ".vmu", ".dcm", ".czi",
)  # fmt: skip
"""Suffixes of slides, longest first so that a.ome.tiff is split after a; compared without case."""


def slide_suffix(path: str) -> str:
    """Return the whole suffix of a slide's name: ".ome.tiff" of a.ome.tiff; the last suffix of any other name."""
    name = os.path.basename(path)
    for suffix in SUFFIXES:
        if name.lower().endswith(suffix) and len(name) > len(suffix):
            return name[-len(suffix) :]
    return os.path.splitext(name)[1]


def find_slides(paths: str | Path | Iterable[str | Path]) -> list[str]:
    """Find the slides at files, folders and globs.

    Args:
        paths: One or several. A folder is searched recursively for names of slides, without hidden files and folders;
            a file and a match of a glob are taken whatever their suffix. A `.mrxs` includes its data folder. Of the
            instances of a DICOM series in one folder the first by name stands for the slide, unless they are named
            one by one.

    Returns:
        Absolute paths, sorted, without duplicates.

    Raises:
        SlideNotFoundError: A file or folder does not exist, or a glob matches nothing.
    """
    several = [paths] if isinstance(paths, str | Path) else list(paths)
    return sorted({os.path.abspath(found) for path in several for found in _find_at(os.fspath(path))})


def _find_at(path: str) -> Iterator[str]:
    if os.path.isdir(path):
        yield from _inside(path)
    elif os.path.exists(path):
        yield path
    else:
        matches = glob.glob(path, recursive=True)
        if not matches:
            problem = f"no slides at {path!r}: no such file or folder, and no match as a glob"
            raise SlideNotFoundError(problem, path=path, hint="check the path")
        yield from first_of_each_series(match for match in matches if not os.path.isdir(match))
        for match in matches:
            if os.path.isdir(match):
                yield from _inside(match)


def _inside(folder: str) -> Iterator[str]:
    seen = set()
    for parent, folders, names in os.walk(folder, onerror=_unreadable, followlinks=True):
        real = os.path.realpath(parent)
        if real in seen:  # a link back up
            folders.clear()
            continue
        seen.add(real)
        mirax = {os.path.splitext(name)[0] for name in names if name.lower().endswith(".mrxs")}
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in mirax)
        slides = [name for name in names if not name.startswith(".") and name.lower().endswith(SUFFIXES)]
        yield from first_of_each_series(os.path.join(parent, name) for name in slides)


def _unreadable(error: OSError) -> None:
    """Raise for a folder that cannot be listed: its slides would silently be missing."""
    path, reason = str(error.filename), (error.strerror or type(error).__name__).lower()
    hint = "check its permissions and its storage"
    raise SlideNotFoundError(f"cannot list folder {path!r}: {reason}", path=path, hint=hint)


_KINDS = (
    (stat.S_ISDIR, "a directory"), (stat.S_ISFIFO, "a FIFO"), (stat.S_ISSOCK, "a socket"), (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)  # fmt: skip
"""Names of what is not a regular file."""


def require_regular(path: str) -> os.stat_result:
    """Return the state of a regular file: anything else may never answer, or never end.

    Raises:
        SlideNotFoundError: The path, links followed, leads to a directory, a FIFO, a socket or a device.
        OSError: It leads nowhere.
    """
    state = os.stat(path)
    if not stat.S_ISREG(state.st_mode):
        kind = next((name for is_kind, name in _KINDS if is_kind(state.st_mode)), "not a regular file")
        raise SlideNotFoundError(f"cannot open {path!r}: is {kind}", path=path, hint="check the path")
    return state
