"""Search for slides in folders and patterns of stores by name; `ratiopath.slides.paths` is the door."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol
from urllib.parse import unquote

from ratiopath.errors import SlideNotFoundError
from ratiopath.remote.listing import state_of
from ratiopath.remote.names import absolute, folder_of, name_of, options_of, plain, without_options
from ratiopath.remote.uri import WEB, check_place, check_uri, is_pattern, scheme_of

_TOKEN = re.compile(r"\*\*/|\*\*|\*|\[!?[^\]/]+\]|[^*\[]+|\[")
"""Pieces of a pattern: folders at any depth, wildcards, sets of characters, text."""
_VISIBLE = r"(?!\.)[^/]*"
"""Name, or its begin, without a dot in front."""


class Listing(Protocol):
    """Function that lists the files of a folder, such as `ratiopath.remote.listing.list_files`."""

    def __call__(self, folder: str, *, recursive: bool) -> Mapping[str, object]:
        """Return the files by their URIs."""
        ...


def find_on_store(uri: str, is_slide: Callable[[str], bool], listed: Listing) -> Iterator[str]:
    """Find the slides at the URI of a file, a folder or a pattern.

    Args:
        uri: A URI. One that ends like a slide, and any on a web server, stands for one file, which is not looked for.
        is_slide: Tells whether a name is that of a slide.
        listed: Lists a folder.

    Raises:
        ParameterError: The URI may hold a credential, or is a pattern on a web server.
        SlideNotFoundError: Nothing lies at the URI, or the store cannot be listed.
    """
    check_place(uri)
    if is_pattern(uri) and scheme_of(uri) not in WEB:
        yield from _matches(uri, listed)
    elif scheme_of(uri) in WEB or is_slide(name_of(uri)):
        yield absolute(check_uri(uri))
    else:
        folder = absolute(uri)
        files = listed(folder, recursive=True)
        if not files:
            if state_of(folder) is None:
                problem = f"no slides at {folder!r}: no such file or folder on its store"
                raise SlideNotFoundError(problem, path=folder, hint="check the URI")
            yield folder
        yield from _inside(folder, files, is_slide)


def folder_of_pattern(uri: str) -> str:
    """Return the folder before the first wildcard of a pattern, without options."""
    return re.split(r"[*\[]", without_options(uri), maxsplit=1)[0].rpartition("/")[0]


def _matches(uri: str, listed: Listing) -> Iterator[str]:
    top = folder_of_pattern(uri)
    pattern = without_options(uri)[len(top) + 1 :]
    form, folder = _expression(pattern), absolute(top + options_of(uri))
    start = len(plain(folder)) + 1
    files = listed(folder, recursive="/" in pattern or "**" in pattern)
    found = [file for file in files if form.fullmatch(plain(file)[start:])]
    if not found:
        problem = f"no slides at {uri!r}: no file on its store matches"
        raise SlideNotFoundError(problem, path=uri, hint="check the URI; on a store, a pattern is one of files")
    yield from found


def _expression(pattern: str) -> re.Pattern[str]:
    """Translate a pattern for files below a folder: * and [] stay inside of a name, **/ is any number of folders."""
    parts, is_first = list[str](), True
    for piece in _TOKEN.findall(pattern):
        if piece == "**/":
            parts.append(f"(?:{_VISIBLE}/)*")
        elif piece == "**" and is_first:
            parts.append(f"(?:{_VISIBLE}/)*{_VISIBLE}")
        elif piece.startswith("*"):
            parts.append(_VISIBLE if is_first else "[^/]*")
        elif len(piece) > 1 and piece.startswith("["):
            characters = re.sub(r"^\[!", "[^", piece).replace("\\", r"\\")
            parts.append(f"(?![.]){characters}" if is_first else characters)
        else:
            parts.append(re.escape(unquote(piece)))
        is_first = piece.endswith("/")
    return re.compile("".join(parts), re.DOTALL)


def _inside(folder: str, files: Mapping[str, object], is_slide: Callable[[str], bool]) -> Iterator[str]:
    """Select the slides of a folder: no hidden ones, no data of `.mrxs`, and one instance of DICOM per folder."""
    start, series = len(plain(folder)) + 1, set[str]()
    mirax = {plain(file).rpartition(".")[0] + "/" for file in files if name_of(file).lower().endswith(".mrxs")}
    for file in sorted(files):
        path = plain(file)[start:]
        is_hidden = path.startswith(".") or "/." in path
        if is_hidden or not is_slide(name_of(file)) or any(top in mirax for top in _tops(plain(file), start)):
            continue
        if path.lower().endswith(".dcm"):
            if folder_of(file) in series:
                continue
            series.add(folder_of(file))
        yield file


def _tops(path: str, start: int) -> Iterator[str]:
    """Iterate over the folders of a file below another, each with a slash at its end."""
    place = path.find("/", start)
    while place >= 0:
        yield path[: place + 1]
        place = path.find("/", place + 1)
