"""Files of a folder on a store, and the state of each: as a listing tells it, and a request for one file alone.

s3, gs    size, and time to the second: pyarrow's listings hold no ETag
others    size, and ETag if the server or the file system of fsspec tells one, else a time
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from ratiopath.errors import SlideError, SlideNotFoundError
from ratiopath.remote.failures import not_opened, numbered
from ratiopath.remote.names import absolute, encoded, options_of, without_options
from ratiopath.remote.pinned import tried
from ratiopath.remote.retries import retrying, status_of
from ratiopath.remote.store import fsspec_files, open_store
from ratiopath.remote.uri import WEB, WITH_OPTIONS, check_place, check_uri, scheme_of
from ratiopath.remote.version import FileState, Version

_MARKS = ("ETag", "etag", "generation", "mtime", "LastModified", "last_modified", "created")
"""Names under which file systems of fsspec tell that a file is another one, the best first."""
_NOT_FOUND = 404
_Found = TypeVar("_Found")


def list_files(folder: str, *, recursive: bool = True) -> dict[str, FileState]:
    """List the files of a folder, with one request per 1,000 of them.

    Args:
        folder: URI of a folder or bucket.
        recursive: True for files of its folders too, at any depth.

    Returns:
        State of each file by its URI; nothing for an absent folder.

    Raises:
        ParameterError: The URI may hold a credential.
        SlideNotFoundError: The folder cannot be listed.
    """
    uri, problem = absolute(check_place(folder)), "cannot list folder"
    if scheme_of(uri) in WEB:
        hint = "give the URI of each file, such as in a manifest"
        raise SlideNotFoundError(f"{problem} {uri!r}: web servers have no listing", path=uri, hint=hint)
    listed = _list_bucket if scheme_of(uri) in WITH_OPTIONS else _list_fsspec
    try:
        found: dict[str, FileState] = retrying()(lambda: listed(uri, recursive=recursive))
    except SlideError:
        raise
    except FileNotFoundError:
        return {}
    except Exception as error:  # noqa: BLE001 - client libraries have classes of their own
        if status_of(error) == _NOT_FOUND:
            hint = "check the name of the bucket, and region and endpoint_override behind ?"
            raise SlideNotFoundError(f"{problem} {uri!r}: no such bucket", path=uri, hint=hint) from numbered(error)
        raise not_opened(uri, error, problem) from numbered(error)
    return found


def state_of(uri: str) -> FileState | None:
    """Ask for the state of one file; None if there is no such file.

    Raises:
        ParameterError: The URI may hold a credential.
        SlideNotFoundError: The store does not answer, or does not let it be read.
    """
    found = present(uri)
    return None if found is None else found[1]


def present(uri: str) -> tuple[Version, FileState] | None:
    """Ask for the version and the state of one file; None if there is no such file.

    The version may tell a change that the state does not. On Google Cloud Storage it is another one than that of
    `version_of`, since no handle is opened.

    Raises:
        ParameterError: The URI may hold a credential.
        SlideNotFoundError: The store does not answer, or does not let it be read.
    """
    ask = {"s3": _in_bucket, "gs": _in_bucket, "http": _on_web, "https": _on_web}.get(scheme_of(uri), _on_fsspec)
    return _asked(check_place(uri), lambda: ask(uri))


def version_of(uri: str) -> Version | None:
    """Ask for the version of a file by which `PinnedFile` reads it; None if it is absent.

    Raises:
        ParameterError: The URI may hold a credential, or names no file.
        SlideNotFoundError: The store does not answer, or does not let it be read.
    """
    store = open_store(check_uri(uri))
    return _asked(uri, store.version)


def _asked(uri: str, request: Callable[[], _Found | None]) -> _Found | None:
    try:
        return tried(request)
    except SlideError:
        raise
    except (FileNotFoundError, IsADirectoryError):
        return None
    except Exception as error:  # noqa: BLE001 - as above
        raise not_opened(uri, error) from numbered(error)


def _list_bucket(folder: str, *, recursive: bool) -> dict[str, FileState]:
    from ratiopath.remote.arrow_store import list_objects  # noqa: PLC0415 - pyarrow only where it is needed

    top, options = without_options(folder), options_of(folder)
    found = list_objects(folder, recursive=recursive)
    return {f"{top}/{encoded(name, folder)}{options}": state for name, state in found}


def _in_bucket(uri: str) -> tuple[Version, FileState] | None:
    from ratiopath.remote.arrow_store import present_object  # noqa: PLC0415 - ditto

    return present_object(uri)


def _on_web(uri: str) -> tuple[Version, FileState]:
    version = open_store(uri).version()
    return version, FileState(version.size, next(iter(version.marks), ""))


def _list_fsspec(folder: str, *, recursive: bool) -> dict[str, FileState]:
    files, path = fsspec_files(folder)
    listed = files.find(path, maxdepth=None if recursive else 1, detail=True)
    found = {f"{scheme_of(folder)}://{name.lstrip('/')}": _of_info(one) for name, one in listed.items()}
    return {uri: state for uri, state in found.items() if uri != folder}  # of a file, fsspec lists itself


def _on_fsspec(uri: str) -> tuple[Version, FileState] | None:
    files, path = fsspec_files(uri)
    found = files.info(path)
    if found["type"] != "file":
        return None
    return Version(found.get("size") or 0, tuple(str(found[name]) for name in _MARKS if name in found)), _of_info(found)


def _of_info(found: Mapping[str, Any]) -> FileState:
    mark = next((found[name] for name in _MARKS if found.get(name)), "")
    return FileState(found.get("size") or 0, str(mark).strip('"'))
