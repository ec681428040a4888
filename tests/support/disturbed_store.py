"""A file system of fsspec that records its requests and fails on demand, as disturbed://NAME."""

import time
from collections.abc import Callable
from typing import Any, ClassVar

import fsspec
from fsspec import AbstractFileSystem

Request = tuple[int, int] | str
"""Range of bytes of a request, or "info"."""
Fault = Callable[[bytes], bytes]
"""Change of an answer, or an exception instead of it."""


class HttpError(Exception):
    """An answer of a web server, as client libraries raise it: neither an OSError nor numbered."""

    def __init__(self, status: int) -> None:
        super().__init__(f"{status} at https://key:TOPSECRET@example.org")
        self.status = status


def error(raised: Exception) -> Fault:
    """A fault that is an exception."""

    def fail(content: bytes) -> bytes:
        raise raised

    return fail


def cut(content: bytes) -> bytes:
    """A fault: the connection ends early."""
    return content[: len(content) // 2]


def slow(content: bytes) -> bytes:
    """A fault that is none."""
    time.sleep(0.01)
    return content


def unchanged(content: bytes) -> bytes:
    return content


class DisturbedStore(AbstractFileSystem):
    """Files in memory. Each request for bytes takes the next fault."""

    protocol = "disturbed"
    contents: ClassVar[dict[str, bytes]] = {}
    """Files by name."""
    requests: ClassVar[list[Request]] = []
    """Requests in order."""
    faults: ClassVar[list[Fault]] = []
    """Faults of the next requests for bytes; the others are answered."""
    has_size = True

    @classmethod
    def holding(cls, name: str, content: bytes, *faults: Fault) -> str:
        """Put a file and return its URI; the record and the faults begin anew."""
        fsspec.register_implementation("disturbed", cls, clobber=True)
        cls.contents[name] = content
        cls.requests.clear()
        cls.faults[:] = faults
        cls.has_size = True
        return f"disturbed://{name}"

    def info(self, path: str, **options: Any) -> dict[str, Any]:
        self.requests.append("info")
        found = self._content(path)
        return {"name": path, "type": "file", "size": len(found) if self.has_size else None, "ETag": hash(found)}

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **options: Any) -> bytes:
        self.requests.append((start or 0, end or 0))
        fault = self.faults.pop(0) if self.faults else unchanged
        return fault(self._content(path)[start:end])

    def _content(self, path: str) -> bytes:
        if path not in self.contents:
            raise FileNotFoundError(path)
        return self.contents[path]
