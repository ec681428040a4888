"""File system of the output, local or an object store, on which a file is whole or absent.

folder          written beside, flushed to the disk, moved (flows/storage/publication.py)
object store    written to an unnamed temporary file, uploaded in one piece: stores publish a put when it is complete
"""

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from mmap import ACCESS_READ, mmap
from typing import BinaryIO, Self
from urllib.parse import urlsplit

import fsspec
import pyarrow as pa
from pyarrow.fs import FileSelector, FileSystem, FileType, FSSpecHandler, LocalFileSystem, PyFileSystem

from flows.config.errors import ConfigurationError
from flows.config.uri import check_output, is_uri
from ratiopath.errors import RatiopathError

_BUCKET_HINT = "create the bucket or check its name, and region and endpoint_override behind ?"


class OutputError(RatiopathError):
    """The output cannot be written: the run stops, no slide is at fault.

    Attributes:
        errno: Number of the operating system's error, if it was one; the cause is lost on the way from a worker.
    """

    def __init__(self, message: str, errno: int | None = None) -> None:
        super().__init__(message)
        self.errno = errno


@contextmanager
def output_errors(path: str) -> Iterator[None]:
    """Raise an OutputError for an OSError of this block, since an OSError elsewhere fails a slide only."""
    try:
        yield
    except OSError as error:
        found = error.strerror or str(error)
        hint = _BUCKET_HINT if "NO_SUCH_BUCKET" in found else "check space and permissions"
        raise OutputError(f"cannot write {path!r}: {found}; hint: {hint}", error.errno) from error


@dataclass(frozen=True, slots=True)
class Storage:
    """Root of an output on its file system; pickled to workers, without credentials."""

    files: FileSystem
    """File system that reads, lists and removes."""
    root: str
    """Output on that file system: an absolute path, or bucket and prefix."""
    output: str
    """Output as users name it: an absolute path, or the URI."""

    @classmethod
    def at(cls, output: str) -> Self:
        """Open an output.

        Args:
            output: Path, or URI of a store that pyarrow or fsspec knows, with the store's options in its query.

        Raises:
            ConfigurationError: The kind of store is unknown, or the URI may hold a credential.
        """
        if not is_uri(output):
            path = os.path.abspath(output)
            return cls(LocalFileSystem(), path, path)
        try:
            check_output(output)
        except ValueError as error:
            raise ConfigurationError(f"output: {error}") from None
        try:
            files, root = _open(output)
        except (ValueError, ImportError, OSError) as error:
            remedy = "give a folder, or a URI such as s3://bucket/prefix?region=eu-central-1"
            raise ConfigurationError(f"output: {output!r} cannot be used: {error}; {remedy}") from error
        if not root.strip("/"):
            raise ConfigurationError(f"output: {output!r} has no bucket or folder; add one")
        root = root.rstrip("/")
        return cls(files, root, root if isinstance(files, LocalFileSystem) else output)

    @property
    def is_local(self) -> bool:
        """True for a file system of this machine, shared or not."""
        return isinstance(self.files, LocalFileSystem)

    def names(self, folder: str) -> list[str]:
        """List the names of a folder's regular files, sorted; links are left out, an absent folder has none."""
        found = self.files.get_file_info(FileSelector(folder, allow_not_found=True))
        names = sorted(file.base_name for file in found if file.type == FileType.File)
        return [name for name in names if self.is_file(os.path.join(folder, name))] if self.is_local else names

    def entries(self, folder: str) -> list[str]:
        """List the names of all that a folder holds, sorted; an absent folder holds nothing."""
        found = self.files.get_file_info(FileSelector(folder, allow_not_found=True))
        return sorted(entry.base_name for entry in found)

    def is_file(self, path: str) -> bool:
        """Return True for a regular file; a link to one is none, and a FIFO would never answer."""
        if not self.is_local:
            return bool(self.files.get_file_info(path).type == FileType.File)
        try:
            return stat.S_ISREG(os.lstat(path).st_mode)
        except (FileNotFoundError, NotADirectoryError):
            return False

    def read_head(self, path: str, size: int) -> bytes:
        """Read the first bytes of a regular file; none of what is absent or something else."""
        if not self.is_file(path):
            return b""
        with self.files.open_input_file(path) as file:
            head: bytes = file.read(size)
            return head

    def make_folder(self, folder: str) -> None:
        """Make a folder; object stores need none."""
        if self.is_local:
            os.makedirs(folder, exist_ok=True)

    def remove(self, path: str) -> None:
        """Remove a file."""
        self.files.delete_file(path)

    def move(self, source: str, target: str) -> None:
        """Move a file in one step; an object store copies it, without sending it here, and then removes it."""
        if self.is_local:
            os.makedirs(os.path.dirname(target), exist_ok=True)
            os.rename(source, target)
        else:
            self.files.move(source, target)

    def remove_folder(self, folder: str) -> None:
        """Remove a folder with its content, if it exists; what links in it point to stays."""
        if self.files.get_file_info(folder).type != FileType.Directory:
            return
        if self.is_local:
            shutil.rmtree(folder)
        else:
            self.files.delete_dir(folder)

    def remove_if_empty(self, folder: str) -> None:
        """Remove a folder, if it exists and is empty."""
        if not self.files.get_file_info(FileSelector(folder, allow_not_found=True)):
            self.remove_folder(folder)


def _open(uri: str) -> tuple[FileSystem, str]:
    """Open a URI with pyarrow where it knows the scheme, else with fsspec."""
    if urlsplit(uri).scheme not in {"file", "s3", "gs", "gcs", "abfs", "abfss", "hdfs", "viewfs"}:
        files, root = fsspec.core.url_to_fs(uri)
        return PyFileSystem(FSSpecHandler(files)), root
    files, root = FileSystem.from_uri(uri)
    return files, root


@contextmanager
def upload(path: str, files: FileSystem) -> Iterator[BinaryIO]:
    """Upload after the block: pyarrow's stream would complete the upload even if the block failed."""
    with tempfile.TemporaryFile() as file:
        yield file
        file.flush()
        with mmap(file.fileno(), 0, access=ACCESS_READ) as content, files.open_output_stream(path) as stream:
            stream.write(pa.py_buffer(content))
