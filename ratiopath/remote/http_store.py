"""Files on web servers, read by httpx."""

import logging
import os
import re
from dataclasses import dataclass
from functools import lru_cache

import httpx

from ratiopath.errors import UnsupportedFormatError
from ratiopath.remote.version import COPY_HINT, Version

TIMEOUT = 10.0
"""Seconds without a connection or a byte after which a request fails, and is tried again."""
_MARKS = ("etag", "last-modified")
"""Headers that tell a version, the best first."""
_NO_HEAD = frozenset({403, 405, 501})
"""Answers of servers that do not answer HEAD, among others."""
_PARTIAL = 206
_NOT_FOUND = frozenset({404, 410})


class HttpError(Exception):
    """An answer that is no success; its text holds no address.

    Attributes:
        status: Status of HTTP.
    """

    def __init__(self, status: int) -> None:
        super().__init__(f"HTTP status {status}")
        self.status = status


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: httpx.Headers
    content: bytes


class HttpFile:
    """A file on a web server, a `Store`."""

    def __init__(self, uri: str) -> None:
        """Name a file; nothing is requested."""
        self._uri = uri

    def version(self) -> Version:
        """Ask for size, and for ETag or time.

        Raises:
            UnsupportedFormatError: The server does not tell the size.
        """
        try:
            headers = self._request("HEAD").headers
            size = headers.get("content-length")
        except HttpError as error:
            if error.status not in _NO_HEAD:
                raise
            headers = self._request("GET", {"Range": "bytes=0-0"}).headers
            found = re.fullmatch(r"bytes 0-0/(\d+)", headers.get("content-range", ""))
            size = found and found[1]
        if size is None:
            problem = f"cannot open {self._uri!r}: its server does not tell its size"
            raise UnsupportedFormatError(problem, path=self._uri, hint=COPY_HINT)
        return Version(int(size), tuple(headers[name] for name in _MARKS if name in headers)[:1])

    def read(self, start: int, end: int) -> bytes:
        """Read bytes [start, end).

        Raises:
            UnsupportedFormatError: The server answers with the whole file.
        """
        answer = self._request("GET", {"Range": f"bytes={start}-{end - 1}"}, end - start)
        if len(answer.content) > end - start or (start and answer.status != _PARTIAL):
            problem = f"cannot read {self._uri!r}: its server does not answer with ranges of bytes"
            raise UnsupportedFormatError(problem, path=self._uri, hint=COPY_HINT)
        return answer.content

    def _request(self, method: str, headers: dict[str, str] | None = None, size: int = 0) -> _Answer:
        """Make a request; of its answer no more than `size` bytes are read, and one more."""
        with _client(os.getpid()).stream(method, self._uri, headers=headers) as answer:
            if answer.status_code in _NOT_FOUND:
                raise FileNotFoundError(self._uri)
            if not answer.is_success:
                raise HttpError(answer.status_code)
            content = bytearray()
            for part in answer.iter_raw():
                content += part
                if len(content) > size:
                    break
            return _Answer(answer.status_code, answer.headers, bytes(content[: size + 1]))


@lru_cache(maxsize=1)
def _client(_process: int) -> httpx.Client:
    """Open a client once a process: it keeps connections, which a fork must not share."""
    logging.getLogger("httpx").addFilter(_without_query)
    return httpx.Client(follow_redirects=True, timeout=TIMEOUT, headers={"Accept-Encoding": "identity"})


def _without_query(record: logging.LogRecord) -> bool:
    """Leave the queries of addresses out of a log: a server may redirect to one with a signature."""
    if isinstance(record.args, tuple):
        record.args = tuple(one.copy_with(query=None) if isinstance(one, httpx.URL) else one for one in record.args)
    return True
