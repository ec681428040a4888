"""Objects of Amazon S3, compatible stores and Google Cloud Storage, read by pyarrow."""

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
    FileSystem,
    FileType,
    GcsFileSystem,
    S3FileSystem,
    resolve_s3_region,
)

from ratiopath.remote.uri import scheme_of
from ratiopath.remote.version import FileState, Version

TIMEOUT = 5.0
"""Seconds without a connection or a byte after which a request fails, and is tried again."""
_TRIES = 2
"""Tries of a request by the client itself, each after such a failure; see `ratiopath.remote.retries` for the others."""

_MARKS = ("ETag", "Generation", "generation", "Last-Modified")


class ArrowObject:
    """An object, a `Store`. An open handle reads any number of ranges, one request each."""

    def __init__(self, uri: str) -> None:
        """Name an object; nothing is requested.

        Args:
            uri: `s3://bucket/key` or `gs://bucket/key`; characters of the key may be percent-encoded.
        """
        self._uri, self._path = uri, _path_of(uri)
        self._handle: Any = None

    def version(self) -> Version:
        """Ask for size, and for ETag or generation; and once for the region of a bucket that the URI does not name."""
        files = _opened(self._uri)
        self._handle = files.open_input_file(self._path)
        found = self._handle.metadata() or {}
        marks = tuple(found[name].decode() for name in _MARKS if name in found)
        return Version(self._handle.size(), marks or (str(files.get_file_info(self._path).mtime_ns),))

    def read(self, start: int, end: int) -> bytes:
        """Read bytes [start, end)."""
        if self._handle is None:
            self.version()
        return bytes(self._handle.read_at(end - start, start))


def list_objects(folder: str, *, recursive: bool) -> Iterator[tuple[str, FileState]]:
    """List the objects of a folder: the key behind the folder's, and the state of each.

    Raises:
        FileNotFoundError: There is none.
    """
    path = _path_of(folder)
    for found in _opened(folder).get_file_info(FileSelector(path, recursive=recursive)):
        if found.type == FileType.File:
            yield found.path[len(path) + 1 :], _state_of(found)


def object_state(uri: str) -> FileState | None:
    """Ask for the state of an object; None if there is none."""
    found = _opened(uri).get_file_info(_path_of(uri))
    return _state_of(found) if found.type == FileType.File else None


def _state_of(found: FileInfo) -> FileState:
    """Return a state with the seconds of a time, since the answer to a request for one object has no more."""
    seconds = found.mtime.astimezone(UTC).replace(microsecond=0, tzinfo=None)
    return FileState(found.size, f"{seconds.isoformat()}Z")


def _path_of(uri: str) -> str:
    """Return bucket and key, as the file system names an object."""
    bucket, _, key = uri.partition("?")[0].partition("://")[2].partition("/")
    return f"{bucket}/{unquote(key)}" if key else bucket


def _opened(uri: str) -> FileSystem:
    """Open the file system of a bucket; it may make a request for the region of a bucket that the URI does not name."""
    bucket = uri.partition("?")[0].partition("://")[2].partition("/")[0]
    return _file_system(scheme_of(uri), bucket, uri.partition("?")[2], os.getpid())


@lru_cache(maxsize=32)
def _file_system(scheme: str, bucket: str, query: str, _process: int) -> FileSystem:
    """Open a file system once a process: it keeps connections, which a fork must not share."""
    options: dict[str, Any] = dict(parse_qsl(query))
    options["anonymous"] = options.get("anonymous") == "true"
    if scheme == "gs":
        options.pop("region", None)
        return GcsFileSystem(**options, retry_time_limit=timedelta(seconds=_TRIES * TIMEOUT))
    endpoint = os.environ.get("AWS_ENDPOINT_URL")
    if endpoint:
        options.setdefault("endpoint_override", endpoint)
    if not options.keys() & {"region", "endpoint_override"}:
        options["region"] = resolve_s3_region(bucket)
    retries = AwsStandardS3RetryStrategy(max_attempts=_TRIES)
    return S3FileSystem(**options, connect_timeout=TIMEOUT, request_timeout=TIMEOUT, retry_strategy=retries)
