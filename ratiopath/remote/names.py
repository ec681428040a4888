"""Parts of paths and of URIs, and paths made from others; nothing is looked up.

    s3://bucket/old%20slides/a.ome.tiff?region=eu-central-1
    |--------- folder ----------|                 without options, as all that names a part
                                |--- name --|     decoded
                                            |-- options --|

The path of a URI is percent-encoded where its scheme is, in one form only: equal files have equal URIs.
"""

import os
from urllib.parse import quote, unquote

from ratiopath.remote.uri import WITH_HOST, WITH_OPTIONS, is_uri, scheme_of

_SAFE = "/!$&'()+,;=:@~"
"""Characters that stand for themselves in the path of a URI, besides letters, digits and -._; * and [ are wildcards."""


def options_of(path: str) -> str:
    """Return the options of a URI, from ? on; empty for a path."""
    return path[len(without_options(path)) :]


def without_options(path: str) -> str:
    """Return a URI without its options; a path unchanged."""
    return path.partition("?")[0] if is_uri(path) else path


def plain(path: str) -> str:
    """Return a path, or a URI without options, as text: for patterns, and to take names from."""
    return decoded(without_options(path), path)


def name_of(path: str) -> str:
    """Return the last part of a path or URI, as text."""
    return decoded(without_options(path).rpartition("/")[2], path)


def folder_of(path: str) -> str:
    """Return the folder of an absolute path; that of a URI has no options."""
    return without_options(path).rpartition("/")[0] if is_uri(path) else os.path.dirname(path)


def absolute(path: str) -> str:
    """Return an absolute path, or a URI in its only form; `..` does not lead beyond a bucket or a host."""
    if not is_uri(path):
        return os.path.abspath(path)
    if scheme_of(path) in WITH_OPTIONS:
        return of_text(plain(path)) + options_of(path)
    return _without_dots(without_options(path)) + options_of(path)


def of_text(path: str) -> str:
    """Return an absolute path, or a URI in its only form, from text: one that is not encoded and has no options."""
    if not is_uri(path):
        return os.path.abspath(path)
    place = _without_dots(path).split("/", 3)
    return "/".join([*place[:3], *(encoded(inside, path) for inside in place[3:])])


def _without_dots(uri: str) -> str:
    """Resolve `.` and `..` in a URI without options, and leave out empty names."""
    place, _, inside = uri.partition("://")[2].partition("/")
    parts = list[str]()
    for part in inside.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in {"", "."}:
            parts.append(part)
    return "/".join([f"{scheme_of(uri)}://{place}", *parts])


def joined(folder: str, path: str) -> str:
    """Resolve a relative path, which is text, against the URI or path of a folder; others stay."""
    if is_uri(path) or os.path.isabs(path) or not is_uri(folder):
        return absolute(path if is_uri(path) else os.path.join(folder, path))
    return of_text(f"{plain(folder)}/{path}") + options_of(folder)


def encoded(text: str, uri: str) -> str:
    """Encode text for the path of a URI, if its scheme wants that; text for a path stays."""
    return quote(text, safe=_SAFE) if _is_encoded(uri) else text


def decoded(text: str, uri: str) -> str:
    """Decode a part of the path of a URI, if its scheme wants that; a part of a path stays."""
    return unquote(text) if _is_encoded(uri) else text


def with_options_of(path: str, other: str) -> str:
    """Give a URI without options those of another one of the same bucket."""
    if not is_uri(path) or options_of(path) or _root(path) != _root(other):
        return path
    return path + options_of(other)


def _is_encoded(path: str) -> bool:
    return is_uri(path) and scheme_of(path) in WITH_HOST


def _root(path: str) -> str:
    return "/".join(without_options(path).split("/", 3)[:3])
