"""Search for slide files by name; their content is checked when they are opened."""

import glob
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pathspec import GitIgnoreSpec
from pathspec.patterns.gitignore import GitIgnorePatternError

from ratiopath.errors import ParameterError, SlideNotFoundError
from ratiopath.remote.listing import list_files
from ratiopath.remote.names import absolute, folder_of, name_of, plain, without_options
from ratiopath.remote.uri import WEB, check_place, is_pattern, is_uri, scheme_of
from ratiopath.slides.dicom import READ, Instances, first_of_each_series
from ratiopath.slides.on_store import Listing, find_on_store, folder_of_pattern

SUFFIXES = (
    ".ome.tiff", ".ome.tif", ".ome.btf", ".tiff", ".tif", ".btf", ".svs", ".svslide", ".ndpi", ".mrxs", ".scn", ".bif",
    ".vms", ".vmu", ".dcm", ".czi",
)  # fmt: skip
"""Suffixes of slides, longest first so that a.ome.tiff is split after a; compared without case."""
TABLES = (".csv", ".parquet")
"""Suffixes of lists of slides, compared without case."""


def slide_suffix(path: str) -> str:
    """Return the whole suffix of a slide's name: ".ome.tiff" of a.ome.tiff; the last suffix of any other name."""
    name = name_of(path)
    lower = name.lower()
    if lower.endswith(SUFFIXES):
        for suffix in SUFFIXES:
            if lower.endswith(suffix) and len(name) > len(suffix):
                return name[-len(suffix) :]
    return os.path.splitext(name)[1]


def find_slides(paths: str | Path | Iterable[str | Path], listed: Listing = list_files) -> list[str]:
    """Find the slides at files, folders and globs.

    Args:
        paths: One or several. A folder is searched recursively for names of slides, without hidden files and folders; a
            file and a match of a glob are taken whatever their suffix. A `.mrxs` includes its data folder. Of the
            instances of a DICOM series in one folder the first by name stands for the slide, unless they are named one
            by one. So too for URIs on stores, on which one that ends like a slide stands for a file, which is not
            looked for; a glob there matches files, and ? begins the options.
        listed: Lists folders on stores.

    Returns:
        Absolute paths and URIs, sorted, without duplicates.

    Raises:
        ParameterError: A URI may hold a credential, or names a folder or a glob of a web server.
        SlideNotFoundError: A file or folder does not exist, or a glob matches nothing.
    """
    several = [paths] if isinstance(paths, str | Path) else list(paths)
    return sorted({found for path in several for found in slides_at(os.fspath(path), listed)})


def slides_at(path: str, listed: Listing = list_files, instances: Instances = READ) -> Iterator[str]:
    """Iterate over the absolute paths and URIs of the slides at one file, folder or glob, in any order.

    Args:
        path: The file, folder or glob; see `find_slides`.
        listed: Lists folders on stores.
        instances: Tells the series of a DICOM file.
    """
    return (found if is_uri(found) else os.path.abspath(found) for found in _find_at(path, listed, instances))


def is_slide_name(name: str) -> bool:
    """Return True for a name that ends like that of a slide."""
    return name.lower().endswith(SUFFIXES)


def _find_at(path: str, listed: Listing, instances: Instances) -> Iterator[str]:
    if is_uri(path):
        yield from find_on_store(path, is_slide_name, listed)
    elif os.path.isdir(path):
        yield from _inside(path, instances)
    elif os.path.exists(path):
        yield path
    else:
        matches = glob.glob(path, recursive=True)
        if not matches:
            problem = f"no slides at {path!r}: no such file or folder, and no match as a glob"
            raise SlideNotFoundError(problem, path=path, hint="check the path")
        yield from first_of_each_series((match for match in matches if not os.path.isdir(match)), instances)
        for match in matches:
            if os.path.isdir(match):
                yield from _inside(match, instances)


def _inside(folder: str, instances: Instances) -> Iterator[str]:
    seen = set()
    for parent, folders, names in os.walk(folder, onerror=_unreadable, followlinks=True):
        real = os.path.realpath(parent)
        if real in seen:  # a link back up
            folders.clear()
            continue
        seen.add(real)
        mirax = {os.path.splitext(name)[0] for name in names if name.lower().endswith(".mrxs")}
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in mirax)
        slides = [name for name in names if not name.startswith(".") and is_slide_name(name)]
        yield from first_of_each_series((os.path.join(parent, name) for name in slides), instances)


def _unreadable(error: OSError) -> None:
    """Raise for a folder that cannot be listed: its slides would silently be missing."""
    path, reason = str(error.filename), (error.strerror or type(error).__name__).lower()
    hint = "check its permissions and its storage"
    raise SlideNotFoundError(f"cannot list folder {path!r}: {reason}", path=path, hint=hint)


def folder_named_by(entry: str) -> str:
    """Return the folder of an entry: itself, a file's or a manifest's, or the part before a glob.

    On this machine it is looked up; a URI names a file if it ends like a slide or a table.
    """
    if is_uri(entry):
        uri = absolute(check_place(entry))
        if is_pattern(entry):
            return absolute(folder_of_pattern(entry))
        is_file = name_of(entry).lower().endswith((*SUFFIXES, *TABLES)) or scheme_of(uri) in WEB
        return folder_of(uri) if is_file else without_options(uri)
    path = os.path.abspath(entry)
    if not os.path.lexists(path):
        path = re.sub(r"\[([*?[])\]", r"\1", path)  # undo the escapes of a glob
    while not os.path.isdir(path) and path != os.path.dirname(path):
        path = os.path.dirname(path)
    return path


def check_pattern(pattern: str) -> str:
    """Return a pattern unchanged.

    Raises:
        ParameterError: It leads outside the slide folders, or is no gitignore pattern.
    """
    body = pattern.removeprefix("!")
    if body.startswith(("./", "../")) or "/../" in body:
        remedy = "write it relative to the slide folder, such as old/*"
        raise ParameterError(f"{pattern!r} leads outside the slide folders; {remedy}")
    try:
        GitIgnoreSpec.from_lines([pattern])
    except GitIgnorePatternError:
        raise ParameterError(f"{pattern!r} is not a gitignore pattern; write such as *_mask.tiff or old/") from None
    return pattern


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Gitignore patterns of files that are not slides, below some folders; the folders above those do not count."""

    specs: Mapping[str, GitIgnoreSpec]
    """Compiled patterns by the path of the folder, with a slash at its end."""

    @classmethod
    def of(cls, patterns: Iterable[str], folders: Iterable[str]) -> "Exclusion":
        """Compile the patterns for each folder.

        An absolute pattern is anchored at the folder that it lies in and has no effect in the others.

        Raises:
            ParameterError: An absolute pattern lies in none of the folders, or see `check_pattern`.
        """
        tops = [os.path.join(plain(folder), "") for folder in folders]
        below: dict[str, list[str]] = {top: [] for top in tops}
        for pattern in map(check_pattern, patterns):
            body = pattern.removeprefix("!")
            inside = [top for top in tops if body.startswith(top)] if body.startswith("/") else tops
            if not inside:
                raise ParameterError(
                    f"{pattern!r} is in none of the slide folders, {', '.join(map(repr, tops))}; write it relative to "
                    f"one, such as {body.lstrip('/')}"
                )
            for top in inside:
                below[top].append(pattern.replace(top, "/", 1) if body.startswith("/") else pattern)
        return cls({top: GitIgnoreSpec.from_lines(lines) for top, lines in below.items()})

    def __contains__(self, path: str) -> bool:
        """Return True if a pattern matches the path below a folder; outside all folders, only the name is matched."""
        path = plain(path).encode(errors="replace").decode()  # the pattern engine reads UTF-8 only
        tops = [top for top in self.specs if path.startswith(top)]
        if not tops:
            return any(spec.match_file(os.path.basename(path)) for spec in self.specs.values())
        return any(self.specs[top].match_file(path.removeprefix(top)) for top in tops)
