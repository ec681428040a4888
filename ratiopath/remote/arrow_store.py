"""Objects of Amazon S3, compatible stores and Google Cloud Storage, read by pyarrow."""

import os
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

from pyarrow.fs import FileSystem

from ratiopath.remote.version import Version

_MARKS = ("ETag", "Generation", "generation", "Last-Modified")


class ArrowObject:
    """An object, a `Store`. An open handle reads any number of ranges, one request each."""

    def __init__(self, uri: str) -> None:
        """Name an object; nothing is requested.

        Args:
            uri: `s3://bucket/key` or `gs://bucket/key`; characters of the key may be percent-encoded.
        """
        whole, _, query = uri.partition("?")
        scheme, _, path = whole.partition("://")
        bucket, _, key = path.partition("/")
        self._root = f"{scheme.lower()}://{bucket}" + (f"?{query}" if query else "")
        self._path = f"{bucket}/{unquote(key)}"
        self._handle: Any = None

    def version(self) -> Version:
        """Ask for size, and for ETag or generation; and once for the region of a bucket that the URI does not name."""
        files = _file_system(self._root, os.getpid())
        self._handle = files.open_input_file(self._path)
        found = self._handle.metadata() or {}
        marks = tuple(found[name].decode() for name in _MARKS if name in found)
        return Version(self._handle.size(), marks or (str(files.get_file_info(self._path).mtime_ns),))

    def read(self, start: int, end: int) -> bytes:
        """Read bytes [start, end)."""
        if self._handle is None:
            self.version()
        return bytes(self._handle.read_at(end - start, start))


@lru_cache(maxsize=32)
def _file_system(uri: str, _process: int) -> Any:
    """Open a file system once a process: it keeps connections, which a fork must not share."""
    return FileSystem.from_uri(uri)[0]
