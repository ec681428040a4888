"""Files on web servers, read by httpx."""

import errno
import logging
import os
import re
from functools import lru_cache
from http import HTTPStatus

import httpx

from ratiopath.remote.retries import CONNECT_SECONDS, STALL_SECONDS
from ratiopath.remote.store import Answer, without_ranges, without_size
from ratiopath.remote.version import Version

_MARKS = ("ETag", "Last-Modified")
_ABSENT = (HTTPStatus.NOT_FOUND, HTTPStatus.GONE)
_RANGE = re.compile(r"bytes (\d{1,18})-\d{1,18}/(\d{1,18})")
_NETRC = "~/.netrc"


class StatusError(Exception):
    """An answer without the bytes."""

    def __init__(self, status: int) -> None:
        """Keep the status of HTTP; the address may hold a signature if the server sent us there."""
        super().__init__(f"HTTP status {status}")
        self.status = status


class WebFile:
    """A file on a web server, a `Store`. Each answer tells the version, so that it is not asked for."""

    def __init__(self, uri: str) -> None:
        """Name a file; nothing is requested.

        Args:
            uri: `https://host/path`, or `http://`.
        """
        self._uri = uri

    def version(self) -> Version:
        """Ask for one byte."""
        return self._answer(0, 1)[1]

    def begin(self, size: int, whole: int) -> tuple[Version, Answer]:
        """Ask for the first bytes; a server without ranges answers with all."""
        content, version = self._answer(0, size, whole)
        return version, Answer(content, version)

    def read(self, start: int, end: int) -> Answer:
        """Read bytes [start, end)."""
        return Answer(*self._answer(start, end))

    def _answer(self, start: int, end: int, whole: int = 0) -> tuple[bytes, Version]:
        headers = {"Range": f"bytes={start}-{end - 1}", "Accept-Encoding": "identity"}
        with _client(os.getpid()).stream("GET", self._uri, headers=headers) as response:
            size = self._size(response, start, max(end, whole))
            marks = tuple(response.headers[name] for name in _MARKS if name in response.headers)
            return b"".join(response.iter_raw()) if size else b"", Version(size, marks)

    def _size(self, response: httpx.Response, start: int, end: int) -> int:
        """Return the size of the file, of which the answer is the range."""
        status, headers = response.status_code, response.headers
        if status in _ABSENT:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        if headers.get("Content-Encoding", "identity") != "identity":
            raise without_ranges(self._uri)
        if status == HTTPStatus.PARTIAL_CONTENT:
            found = _RANGE.fullmatch(headers.get("Content-Range", ""))
            if found is None:
                raise without_size(self._uri)
            if int(found[1]) != start:
                raise without_ranges(self._uri)
            return int(found[2])
        if status == HTTPStatus.OK:
            size = int(headers.get("Content-Length", -1))
            if size < 0:
                raise without_size(self._uri)
            if start or size > end:
                raise without_ranges(self._uri)
            return size  # a server may answer so where the range is the whole file
        if status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and headers.get("Content-Range") == "bytes */0":
            return 0
        raise StatusError(status)


@lru_cache(maxsize=1)
def _client(_process: int) -> httpx.Client:
    """Open a client once a process: it keeps connections, which a fork must not share."""
    logging.getLogger("httpx").addFilter(_without_query)
    netrc = os.environ.get("NETRC", os.path.expanduser(_NETRC))
    timeout = httpx.Timeout(STALL_SECONDS, connect=CONNECT_SECONDS)
    auth = httpx.NetRCAuth(netrc) if os.path.isfile(netrc) else None
    return httpx.Client(timeout=timeout, auth=auth, follow_redirects=True)


def _without_query(record: logging.LogRecord) -> bool:
    """Leave the queries of addresses out of a log: a server may redirect to one with a signature."""
    if isinstance(record.args, tuple):
        record.args = tuple(one.copy_with(query=None) if isinstance(one, httpx.URL) else one for one in record.args)
    return True
