"""Objects of Amazon S3, compatible stores and Google Cloud Storage, read by pyarrow."""

import errno
import os
from collections.abc import Iterator
from datetime import UTC, timedelta
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, unquote

from pyarrow.fs import (
    AwsStandardS3RetryStrategy,
    FileInfo,
    FileSelector,
    FileType,
    GcsFileSystem,
    S3FileSystem,
    resolve_s3_region,
)

from ratiopath.remote.names import options_of, without_options
from ratiopath.remote.retries import CONNECT_SECONDS, STALL_SECONDS
from ratiopath.remote.store import Answer, begun
from ratiopath.remote.uri import scheme_of
from ratiopath.remote.version import FileState, Version

_MARKS = ("ETag", "generation", "Last-Modified")
_LISTING_TRIES = 3
"""Tries of each request of a listing by the client itself: any that fails has the whole listing tried again."""
_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
"""Variables of the environment that pyarrow reads for a URI, and not for a file system."""


class ArrowObject:
    """An object, a `Store`. An open handle reads any number of ranges, one request each.

    Ranges of Google Cloud Storage are of the generation that the handle was opened with, or an error. Its client begins
    to download the whole object with each handle, holding the GIL until the first byte is there: one handle has to do.
    """

    def __init__(self, uri: str) -> None:
        """Name an object; nothing is requested.

        Args:
            uri: `s3://bucket/key` or `gs://bucket/key`; characters of the key may be percent-encoded.
        """
        self._uri, self._is_of_google = uri, scheme_of(uri) == "gs"
        self._handle: Any = None
        self._generation: Version | None = None

    def version(self) -> Version:
        """Ask for size, and for ETag or generation; and once for the region of a bucket that the URI does not name."""
        files, path = _opened(self._uri)
        handle = files.open_input_file(path)
        if handle.closed:
            raise ConnectionAbortedError(errno.ECONNABORTED, os.strerror(errno.ECONNABORTED))
        found = handle.metadata() or {}
        marks = tuple(found[name].decode() for name in _MARKS if name in found)
        version = Version(handle.size(), marks or (str(files.get_file_info(path).mtime_ns),))
        self._handle, self._generation = handle, version if self._is_of_google else None
        return version

    def begin(self, size: int, whole: int) -> tuple[Version, Answer]:
        """Ask for the version, then for the first bytes."""
        return begun(self, size, whole)

    def read(self, start: int, end: int) -> Answer:
        """Read bytes [start, end)."""
        if self._handle is None:
            self.version()
        return Answer(self._handle.read_at(end - start, start), self._generation)


def list_objects(folder: str, *, recursive: bool) -> Iterator[tuple[str, FileState]]:
    """List the objects of a folder: the key behind the folder's, and the state of each.

    Raises:
        FileNotFoundError: There is none.
    """
    files, path = _opened(folder, _LISTING_TRIES)
    for found in files.get_file_info(FileSelector(path, recursive=recursive)):
        if found.type == FileType.File:
            yield found.path[len(path) + 1 :], _state_of(found)


def present_object(uri: str) -> tuple[Version, FileState] | None:
    """Ask for the version and the state of an object; None if there is none.

    Raises:
        FileNotFoundError: There is none.
    """
    if scheme_of(uri) == "s3":
        version = ArrowObject(uri).version()
        return version, FileState(version.size, version.marks[-1])  # its time, as a listing tells it
    files, path = _opened(uri)
    found = files.get_file_info(path)
    if found.type != FileType.File:
        return None
    return Version(found.size, (str(found.mtime_ns),)), _state_of(found)


def _state_of(found: FileInfo) -> FileState:
    """Return a state with the seconds of a time, since the answer to a request for one object has no more."""
    seconds = found.mtime.astimezone(UTC).replace(microsecond=0, tzinfo=None)
    return FileState(found.size, f"{seconds.isoformat()}Z")


def _opened(uri: str, tries: int = 1) -> tuple[Any, str]:
    """Open the file system of a bucket, and return it with the path of an object or a folder on it."""
    bucket, _, key = without_options(uri).partition("://")[2].partition("/")
    files = _file_system(scheme_of(uri), bucket, options_of(uri).removeprefix("?"), tries, os.getpid())
    return files, f"{bucket}/{unquote(key)}" if key else bucket


@lru_cache(maxsize=32)
def _file_system(scheme: str, bucket: str, options: str, tries: int, _process: int) -> Any:
    """Open a file system once a process: it keeps connections, which a fork must not share."""
    chosen = dict(parse_qsl(options))
    is_anonymous = chosen.get("anonymous") == "true"
    endpoint = chosen.get("endpoint_override")
    if scheme == "gs":
        return GcsFileSystem(
            anonymous=is_anonymous,
            scheme=chosen.get("scheme"),
            endpoint_override=endpoint,
            retry_time_limit=timedelta(seconds=STALL_SECONDS),
        )
    endpoint = endpoint or next(filter(None, map(os.environ.get, _ENDPOINTS)), None)
    return S3FileSystem(
        anonymous=is_anonymous,
        region=chosen.get("region") or (None if endpoint else resolve_s3_region(bucket)),
        scheme=chosen.get("scheme"),
        endpoint_override=endpoint,
        connect_timeout=CONNECT_SECONDS,
        request_timeout=STALL_SECONDS,
        retry_strategy=AwsStandardS3RetryStrategy(max_attempts=tries),
    )
