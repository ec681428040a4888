"""Files of a folder on a store, and the state of each: as a listing tells it, and a request for one file alone.

s3, gs    size, and time to the second: pyarrow's listings hold no ETag
others    size, and ETag if the server or the file system of fsspec tells one, else a time
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from ratiopath.errors import SlideError, SlideNotFoundError
from ratiopath.remote.failures import not_opened, numbered
from ratiopath.remote.names import absolute, encoded, options_of, without_options
from ratiopath.remote.retries import retrying, status_of
from ratiopath.remote.store import fsspec_files
from ratiopath.remote.uri import WEB, WITH_OPTIONS, check_place, scheme_of

_MARKS = ("ETag", "etag", "generation", "mtime", "LastModified", "last_modified", "created")
"""Names under which file systems of fsspec tell that a file is another one, the best first."""
_NOT_FOUND = 404


@dataclass(frozen=True, slots=True)
class FileState:
    """State of a file on a store; another one tells that the file has changed."""

    size: int
    """Size in bytes."""
    mark: str
    """ETag, or time of the last change; empty where a store tells neither."""


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
    check_place(uri)
    ask = {"s3": _in_bucket, "gs": _in_bucket, "http": _on_web, "https": _on_web}.get(scheme_of(uri), _on_fsspec)
    try:
        found: FileState | None = retrying()(lambda: ask(uri))
    except SlideError:
        raise
    except (FileNotFoundError, IsADirectoryError):
        return None
    except Exception as error:  # noqa: BLE001 - as above
        raise not_opened(uri, error) from numbered(error)
    return found


def _list_bucket(folder: str, *, recursive: bool) -> dict[str, FileState]:
    from pyarrow.fs import FileSelector, FileType  # noqa: PLC0415 - pyarrow only where it is needed

    from ratiopath.remote.arrow_store import file_system, path_in_store  # noqa: PLC0415 - ditto

    path = path_in_store(folder)
    listed = file_system(folder).get_file_info(FileSelector(path, recursive=recursive))
    top, options, start = without_options(folder), options_of(folder), len(path) + 1
    return {
        f"{top}/{encoded(one.path[start:], folder)}{options}": _of_object(one)
        for one in listed
        if one.type == FileType.File
    }


def _in_bucket(uri: str) -> FileState | None:
    from pyarrow.fs import FileType  # noqa: PLC0415 - as above

    from ratiopath.remote.arrow_store import file_system, path_in_store  # noqa: PLC0415 - ditto

    found = file_system(uri).get_file_info(path_in_store(uri))
    return _of_object(found) if found.type == FileType.File else None


def _of_object(found: Any) -> FileState:
    """Return the state of an object; of its time the seconds, since a request for one object has no more."""
    seconds = found.mtime.astimezone(UTC).replace(microsecond=0, tzinfo=None)
    return FileState(found.size, f"{seconds.isoformat()}Z")


def _on_web(uri: str) -> FileState:
    from ratiopath.remote.http_store import HttpFile  # noqa: PLC0415 - as above

    version = HttpFile(uri).version()
    return FileState(version.size, next(iter(version.marks), ""))


def _list_fsspec(folder: str, *, recursive: bool) -> dict[str, FileState]:
    files, path = fsspec_files(folder)
    listed = files.find(path, maxdepth=None if recursive else 1, detail=True)
    return {f"{scheme_of(folder)}://{name.lstrip('/')}": _of_info(one) for name, one in listed.items()}


def _on_fsspec(uri: str) -> FileState | None:
    files, path = fsspec_files(uri)
    found = files.info(path)
    return _of_info(found) if found["type"] == "file" else None


def _of_info(found: Mapping[str, Any]) -> FileState:
    mark = next((found[name] for name in _MARKS if found.get(name)), "")
    return FileState(found.get("size") or 0, str(mark).strip('"'))
