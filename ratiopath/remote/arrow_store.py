"""Objects of Amazon S3, compatible stores and Google Cloud Storage, read by pyarrow."""

import errno
import os
from datetime import timedelta
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, unquote

from pyarrow.fs import AwsStandardS3RetryStrategy, GcsFileSystem, S3FileSystem, resolve_s3_region

from ratiopath.remote.retries import CONNECT_SECONDS, STALL_SECONDS
from ratiopath.remote.store import Answer, begun
from ratiopath.remote.version import Version

_MARKS = ("ETag", "generation", "Last-Modified")
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
        whole, _, self._options = uri.partition("?")
        scheme, _, path = whole.partition("://")
        self._scheme = scheme.lower()
        self._bucket, _, key = path.partition("/")
        self._path = f"{self._bucket}/{unquote(key)}"
        self._handle: Any = None
        self._generation: Version | None = None

    def version(self) -> Version:
        """Ask for size, and for ETag or generation; and once for the region of a bucket that the URI does not name."""
        files = _file_system(self._scheme, self._bucket, self._options, os.getpid())
        handle = files.open_input_file(self._path)
        if handle.closed:
            raise ConnectionAbortedError(errno.ECONNABORTED, os.strerror(errno.ECONNABORTED))
        found = handle.metadata() or {}
        marks = tuple(found[name].decode() for name in _MARKS if name in found)
        version = Version(handle.size(), marks or (str(files.get_file_info(self._path).mtime_ns),))
        self._handle, self._generation = handle, version if self._scheme == "gs" else None
        return version

    def begin(self, size: int) -> tuple[Version, Answer]:
        """Ask for the version, then for the first bytes."""
        return begun(self, size)

    def read(self, start: int, end: int) -> Answer:
        """Read bytes [start, end)."""
        if self._handle is None:
            self.version()
        return Answer(self._handle.read_at(end - start, start), self._generation)


@lru_cache(maxsize=32)
def _file_system(scheme: str, bucket: str, options: str, _process: int) -> Any:
    """Open a file system once a process: it keeps connections, which a fork must not share. It tries once."""
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
        retry_strategy=AwsStandardS3RetryStrategy(max_attempts=1),
    )
