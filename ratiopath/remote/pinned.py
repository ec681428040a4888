"""Ranges of bytes of one version of a file on a store, with tries again and the errors of this library."""

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from ratiopath.errors import SlideError, TruncatedError
from ratiopath.remote.background import started
from ratiopath.remote.failures import counted, hint_for, not_opened, numbered
from ratiopath.remote.retries import TRY_SECONDS, retrying, status_of
from ratiopath.remote.store import Answer, Store, open_store, without_ranges
from ratiopath.remote.uri import check_uri
from ratiopath.remote.version import Version

_LATER = "read it again once it is complete"
_BEYOND_THE_END = 416
"""Answer of HTTP to a range that a file has no longer."""
_Found = TypeVar("_Found")


@dataclass(frozen=True, slots=True)
class PinnedFile:
    """A version of a file. Several threads may read it."""

    uri: str
    """URI without credentials, for messages."""
    store: Store
    version: Version
    """Version that all bytes have to be of."""

    @classmethod
    def begin(cls, uri: str, size: int, whole: int = 0) -> "tuple[PinnedFile, memoryview]":
        """Pin the version of a file, and read its first bytes.

        The bytes are of one version, which is another one if the file changed in this moment; `read` and `check` find
        that out.

        Args:
            uri: The file.
            size: Bytes to read, as far as there are as many.
            whole: Size of the largest file that may be read as a whole instead.

        Raises:
            ParameterError: The URI may hold a credential, or names no file.
            SlideNotFoundError: The file does not exist, or the store does not let it be read, or fails.
            UnsupportedFormatError: Its server does not tell its size, or does not answer with ranges.
        """
        store = open_store(check_uri(uri))
        try:
            return tried(lambda: _begun(store, uri, size, max(size, whole)))
        except SlideError:
            raise
        except Exception as error:  # noqa: BLE001 - client libraries have classes of their own
            raise not_opened(uri, error) from numbered(error)

    def read(self, start: int, end: int, *, is_checked: bool = True) -> memoryview:
        """Read bytes [start, end).

        Args:
            start: Place of the first byte.
            end: Place behind the last byte.
            is_checked: Ask for the version afterwards, unless it came with the bytes; False if `check` will.

        Raises:
            TruncatedError: The file has changed since it was opened, or the store still fails after several tries.
            UnsupportedFormatError: The server answers with other bytes than those asked for.
        """
        with self._named_errors():
            content, version = tried(lambda: self._range(start, end))
        if version is not None:
            self._require(version)
        elif is_checked:
            self.check()
        return content

    def check(self) -> None:
        """Ask for the version.

        Raises:
            TruncatedError: The file has changed since it was opened, or the store still fails after several tries.
        """
        with self._named_errors():
            present = tried(self.store.version)
        self._require(present)

    def _require(self, present: Version) -> None:
        if present != self.version:
            raise self._changed()

    def _range(self, start: int, end: int) -> tuple[memoryview, Version | None]:
        answer = self.store.read(start, end)
        content, version = _ranged(answer, end - start, self.uri), answer.version
        if len(content) < end - start:
            version = version or self.store.version()
            if version == self.version:
                raise _cut(content, end - start)
        return content, version

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except SlideError:
            raise
        except FileNotFoundError as error:
            problem = f"{self.uri!r} was removed or replaced while it was read"
            raise TruncatedError(problem, path=self.uri, hint=_LATER) from numbered(error)
        except Exception as error:  # noqa: BLE001 - as above
            if status_of(error) == _BEYOND_THE_END:
                raise self._changed() from None
            problem = f"cannot read {self.uri!r} ({counted(error)})"
            hint = hint_for(error, "check the store and the network")
            raise TruncatedError(problem, path=self.uri, hint=hint) from numbered(error)

    def _changed(self) -> TruncatedError:
        return TruncatedError(f"{self.uri!r} changed while it was read", path=self.uri, hint=_LATER)


def _begun(store: Store, uri: str, size: int, whole: int) -> tuple[PinnedFile, memoryview]:
    version, answer = store.begin(size, whole)
    least = min(size, version.size)
    most = version.size if version.size <= whole else least
    content = _ranged(answer, most, uri)
    if len(content) not in {least, most}:
        raise _cut(content, most)
    return PinnedFile(uri, store, version), content


def _ranged(answer: Answer, wanted: int, uri: str) -> memoryview:
    content = memoryview(answer.content).cast("B")
    if len(content) > wanted:
        raise without_ranges(uri)
    return content


def _cut(content: memoryview, wanted: int) -> ConnectionResetError:
    return ConnectionResetError(errno.ECONNRESET, f"{len(content):,} of {wanted:,} bytes")


def tried(request: Callable[[], _Found]) -> _Found:
    """Make a request, several times if it fails with an error that may pass, or is not answered in time.

    Raises:
        Exception: The store's last error.
    """
    found: _Found = retrying()(lambda: started(request).result(TRY_SECONDS))
    return found
