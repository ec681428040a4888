"""Which files of a folder are slides: by name, since a folder may hold anything; the content is checked on opening."""

import glob
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from ratiopath.errors import SlideNotFoundError

SUFFIXES = (
    ".ome.tiff", ".ome.tif", ".ome.btf", ".tiff", ".tif", ".btf", ".svs", ".svslide", ".ndpi", ".mrxs", ".scn", ".bif",
    ".vms", ".vmu", ".dcm", ".czi",
)  # fmt: skip
"""Names of slides, longest first so that a.ome.tiff is split after a; compared without case."""


def slide_suffix(path: str) -> str:
    """The whole suffix of a slide's name: ".ome.tiff" of a.ome.tiff; the last one of a name no slide has."""
    name = os.path.basename(path)
    for suffix in SUFFIXES:
        if name.lower().endswith(suffix) and len(name) > len(suffix):
            return name[-len(suffix) :]
    return os.path.splitext(name)[1]


def find_slides(paths: str | Path | Iterable[str | Path]) -> list[str]:
    """Slides named by files, folders and globs.

    Args:
        paths: One or several. A folder is searched recursively for names of slides, without hidden files and folders;
            a file or what a glob matches is taken as it is. The data folder of a `.mrxs` belongs to it.

    Returns:
        Absolute paths, sorted, each once.

    Raises:
        SlideNotFoundError: A file or folder does not exist, or a glob matches nothing.
    """
    given = [paths] if isinstance(paths, str | Path) else list(paths)
    return sorted({os.path.abspath(found) for path in given for found in _named_by(os.fspath(path))})


def _named_by(path: str) -> Iterator[str]:
    if os.path.isdir(path):
        yield from _inside(path)
    elif os.path.exists(path):
        yield path
    else:
        matches = glob.glob(path, recursive=True)
        if not matches:
            remedy = "check the path; a glob must match at least one file"
            raise SlideNotFoundError("slides exist", path=path, found="no file, folder or match", remedy=remedy)
        for match in matches:
            yield from _inside(match) if os.path.isdir(match) else [match]


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
        for name in names:
            if not name.startswith(".") and name.lower().endswith(SUFFIXES):
                yield os.path.join(parent, name)


def _unreadable(error: OSError) -> None:
    """A folder that cannot be listed is an error: its slides would silently be missing."""
    found, remedy = error.strerror or type(error).__name__, "check its permissions and the storage it lies on"
    raise SlideNotFoundError("a folder of slides can be listed", path=str(error.filename), found=found, remedy=remedy)
