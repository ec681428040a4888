"""One file of a store: its version, and ranges of its bytes."""

from dataclasses import dataclass
from typing import Any, Protocol

from ratiopath.errors import SlideNotFoundError, UnsupportedFormatError
from ratiopath.remote.uri import WITH_OPTIONS, scheme_of
from ratiopath.remote.version import COPY_HINT, Version

_MARKS = ("ETag", "etag", "generation", "mtime", "LastModified", "last_modified", "created")
"""Names under which file systems of fsspec tell versions."""


class Store(Protocol):
    """One file of a store. Its methods each are one request, or a few, and raise the exceptions of the store."""

    def version(self) -> Version:
        """Ask for the present version."""
        ...

    def read(self, start: int, end: int) -> bytes:
        """Read bytes [start, end) of whichever version is present."""
        ...


@dataclass(frozen=True, slots=True)
class FsspecStore:
    """A file on a file system of fsspec, with `info` and `cat_file`; a `Store`."""

    files: Any
    """The file system."""
    path: str
    """Path of the file on it."""
    uri: str

    def version(self) -> Version:
        """Ask for size, and for ETag or times as far as the file system tells them."""
        found: dict[str, Any] = self.files.info(self.path)
        if found.get("type") == "directory":
            raise IsADirectoryError(self.path)
        if not isinstance(found.get("size"), int):
            problem = f"cannot open {self.uri!r}: its server does not tell its size"
            raise UnsupportedFormatError(problem, path=self.uri, hint=COPY_HINT)
        return Version(found["size"], tuple(str(found[name]) for name in _MARKS if name in found))

    def read(self, start: int, end: int) -> bytes:
        """Read bytes [start, end)."""
        return bytes(self.files.cat_file(self.path, start=start, end=end))


def open_store(uri: str) -> Store:
    """Choose the store of a file by its scheme; nothing is requested.

    Args:
        uri: A URI that `check_uri` accepts. s3:// and gs:// are read by pyarrow, as the output of a flow; all others by
            fsspec.

    Raises:
        SlideNotFoundError: Nothing installed reads such a URI.
    """
    if scheme_of(uri) in WITH_OPTIONS:
        from ratiopath.remote.arrow_store import ArrowObject  # noqa: PLC0415 - pyarrow only where it is needed

        return ArrowObject(uri)
    import fsspec  # noqa: PLC0415 - as above

    try:
        files, path = fsspec.core.url_to_fs(uri, use_listings_cache=False)
    except (ImportError, ValueError) as error:
        problem = f"cannot open {uri!r}: {' '.join(str(error).split())}"
        hint = "install a package that reads it, or copy the file to a folder of this machine"
        raise SlideNotFoundError(problem, path=uri, hint=hint) from error
    return FsspecStore(files, path, uri)
