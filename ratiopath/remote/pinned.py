"""Ranges of bytes of one version of a file on a store, with tries again and the errors of this library."""

import errno
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from ratiopath.errors import SlideError, TruncatedError, UnsupportedFormatError
from ratiopath.remote.failures import counted, hint_for, not_opened, numbered
from ratiopath.remote.retries import retrying, status_of
from ratiopath.remote.store import Store, open_store
from ratiopath.remote.uri import check_uri
from ratiopath.remote.version import COPY_HINT, Version

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
    def of(cls, uri: str) -> "PinnedFile":
        """Ask for the version of a file and pin it.

        Raises:
            ParameterError: The URI may hold a credential, or names no file.
            SlideNotFoundError: The file does not exist, or the store does not let it be read, or fails.
            UnsupportedFormatError: Its server does not tell its size.
        """
        store = open_store(check_uri(uri))
        try:
            version = _tried(store.version)
        except SlideError:
            raise
        except Exception as error:  # noqa: BLE001 - client libraries have classes of their own
            raise not_opened(uri, error) from numbered(error)
        return cls(uri, store, version)

    def read(self, start: int, end: int) -> bytes:
        """Read bytes [start, end), and ask for the version afterwards.

        Raises:
            TruncatedError: The file has changed since it was opened, or the store still fails after several tries.
            UnsupportedFormatError: The server answers with other bytes than those asked for.
        """
        try:
            content, present = _tried(lambda: self._range(start, end)), _tried(self.store.version)
        except SlideError:
            raise
        except FileNotFoundError as error:
            problem = f"{self.uri!r} was removed while it was read"
            raise TruncatedError(problem, path=self.uri, hint=_LATER) from numbered(error)
        except Exception as error:  # noqa: BLE001 - as above
            if status_of(error) != _BEYOND_THE_END:
                problem = f"cannot read {self.uri!r} ({counted(error)})"
                hint = hint_for(error, "check the store and the network")
                raise TruncatedError(problem, path=self.uri, hint=hint) from numbered(error)
            content, present = b"", Version(-1)
        if present != self.version:
            raise TruncatedError(f"{self.uri!r} changed while it was read", path=self.uri, hint=_LATER)
        return content

    def _range(self, start: int, end: int) -> bytes:
        content = self.store.read(start, end)
        if len(content) > end - start:
            problem = f"cannot read {self.uri!r}: its server does not answer with ranges of bytes"
            raise UnsupportedFormatError(problem, path=self.uri, hint=COPY_HINT)
        if len(content) < end - start and self.store.version() == self.version:
            raise ConnectionResetError(errno.ECONNRESET, f"{len(content):,} of {end - start:,} bytes")
        return content


def _tried(request: Callable[[], _Found]) -> _Found:
    """Make a request, several times if it fails with an error that may pass."""
    found: _Found = retrying()(request)
    return found
