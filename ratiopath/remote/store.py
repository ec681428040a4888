"""One file of a store: its version, and ranges of its bytes."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from ratiopath.errors import SlideNotFoundError, UnsupportedFormatError
from ratiopath.remote.uri import WEB, WITH_OPTIONS, scheme_of
from ratiopath.remote.version import COPY_HINT, Version

if TYPE_CHECKING:
    from typing_extensions import Buffer  # of collections.abc from Python 3.12 on

_MARKS = ("ETag", "etag", "generation", "mtime", "LastModified", "last_modified", "created")
"""Names under which file systems of fsspec tell versions."""


class Answer(NamedTuple):
    """Bytes that a store returned."""

    content: "Buffer"
    version: Version | None
    """Version that they are of; None if the store does not tell it with them."""


class Store(Protocol):
    """One file of a store. Its methods each are one request, or a few, and raise the exceptions of the store."""

    def version(self) -> Version:
        """Ask for the present version."""
        ...

    def begin(self, size: int, whole: int) -> tuple[Version, Answer]:
        """Ask for the version and for the first bytes.

        Args:
            size: Bytes to ask for, as far as there are as many.
            whole: Size of the largest file that may be asked for as a whole, at least `size`.
        """
        ...

    def read(self, start: int, end: int) -> Answer:
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
            raise without_size(self.uri)
        return Version(found["size"], tuple(str(found[name]) for name in _MARKS if name in found))

    def begin(self, size: int, whole: int) -> tuple[Version, Answer]:
        """Ask for the version, then for the first bytes."""
        return begun(self, size, whole)

    def read(self, start: int, end: int) -> Answer:
        """Read bytes [start, end)."""
        return Answer(self.files.cat_file(self.path, start=start, end=end), None)


def begun(store: Store, size: int, whole: int) -> tuple[Version, Answer]:
    """Ask for the version of a file, then for its first bytes."""
    version = store.version()
    end = version.size if version.size <= whole else size
    return version, store.read(0, end) if end else Answer(b"", None)


def without_size(uri: str) -> UnsupportedFormatError:
    """Return the error about a server that does not tell the size of a file."""
    return UnsupportedFormatError(f"cannot open {uri!r}: its server does not tell its size", path=uri, hint=COPY_HINT)


def without_ranges(uri: str) -> UnsupportedFormatError:
    """Return the error about a server that answers with other bytes than those asked for."""
    problem = f"cannot read {uri!r}: its server does not answer with ranges of bytes"
    return UnsupportedFormatError(problem, path=uri, hint=COPY_HINT)


def open_store(uri: str) -> Store:
    """Choose the store of a file by its scheme; nothing is requested.

    Args:
        uri: A URI that `check_uri` accepts. s3:// and gs:// are read by pyarrow, https:// and http:// by httpx; all
            others by fsspec.

    Raises:
        SlideNotFoundError: Nothing installed reads such a URI.
    """
    if scheme_of(uri) in WITH_OPTIONS:
        from ratiopath.remote.arrow_store import ArrowObject  # noqa: PLC0415 - pyarrow only where it is needed

        return ArrowObject(uri)
    if scheme_of(uri) in WEB:
        from ratiopath.remote.web_store import WebFile  # noqa: PLC0415 - as above

        return WebFile(uri)
    return FsspecStore(*fsspec_files(uri), uri)


def fsspec_files(uri: str) -> tuple[Any, str]:
    """Open the file system of a URI with fsspec, and return it with the path on it.

    Raises:
        SlideNotFoundError: Nothing installed reads such a URI.
    """
    import fsspec  # noqa: PLC0415 - only where it is needed

    try:
        files, path = fsspec.core.url_to_fs(uri, use_listings_cache=False)
    except (ImportError, ValueError) as error:
        problem = f"cannot open {uri!r}: {' '.join(str(error).split())}"
        hint = "install a package that reads it, or copy the file to a folder of this machine"
        raise SlideNotFoundError(problem, path=uri, hint=hint) from error
    return files, path
