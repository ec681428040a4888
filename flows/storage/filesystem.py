"""Where the output is: a folder, or a place on an object store; in both, a file is there whole or not at all.

folder          written beside, flushed to the disk, moved
object store    written to an unnamed temporary file, handed over in one piece: stores publish a put when it is whole
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from mmap import ACCESS_READ, mmap
from typing import BinaryIO
from urllib.parse import urlsplit
from uuid import uuid4

import fsspec
import pyarrow as pa
from pyarrow.fs import FileSelector, FileSystem, FileType, FSSpecHandler, LocalFileSystem, PyFileSystem

from flows.config.errors import ConfigurationError
from flows.config.uri import is_uri
from ratiopath.errors import RatiopathError


@dataclass(frozen=True, slots=True)
class Storage:
    """A place for files that workers reach too: it is shipped to them; credentials are in their own environment."""

    files: FileSystem
    """What reads, lists and removes."""
    root: str
    """The output on it: an absolute path, or bucket and prefix."""
    name: str
    """What users call it: that path, or the URI."""

    @classmethod
    def at(cls, output: str) -> "Storage":
        """Find it by path or URI.

        Args:
            output: A path, or a URI that pyarrow or fsspec knows; options of the store are its query.

        Raises:
            ConfigurationError: No such kind of store, or it holds a password, which run.json and Prefect would show.
        """
        if not is_uri(output):
            path = os.path.abspath(output)
            return cls(LocalFileSystem(), path, path)
        if urlsplit(output).password is not None:
            remedy = "give credentials by the environment, such as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            raise ConfigurationError(f"output: a URI has no password, since run.json and Prefect show it; {remedy}")
        try:
            files, root = _found(output)
        except (ValueError, ImportError, OSError) as error:
            remedy = "give a folder, or a URI such as s3://bucket/prefix?region=eu-central-1"
            raise ConfigurationError(f"output: {output!r} cannot be used: {error}; {remedy}") from error
        if not root.strip("/"):
            raise ConfigurationError(f"output: {output!r} names no place for files; add a bucket or a folder")
        root = root.rstrip("/")
        return cls(files, root, root if isinstance(files, LocalFileSystem) else output)

    @property
    def is_local(self) -> bool:
        """Whether it is a file system of this machine, shared or not."""
        return isinstance(self.files, LocalFileSystem)

    def names(self, folder: str) -> list[str]:
        """The files in a folder, which need not exist, sorted."""
        found = self.files.get_file_info(FileSelector(folder, allow_not_found=True))
        return sorted(file.base_name for file in found if file.type == FileType.File)

    def make_folder(self, folder: str) -> None:
        """Make a folder; a store of objects has none."""
        if self.is_local:
            os.makedirs(folder, exist_ok=True)

    def remove(self, path: str) -> None:
        """Remove a file."""
        self.files.delete_file(path)

    def remove_folder(self, folder: str) -> None:
        """Remove a folder and all in it, if it is there."""
        if self.files.get_file_info(folder).type == FileType.Directory:
            self.files.delete_dir(folder)

    def remove_if_empty(self, folder: str) -> None:
        """Remove a folder, if it is there and holds nothing."""
        if not self.files.get_file_info(FileSelector(folder, allow_not_found=True)):
            self.remove_folder(folder)

    @contextmanager
    def atomic_write(self, path: str, work: str) -> Iterator[BinaryIO]:
        """A file to write to, which appears under its name when the block ends without an error.

        Args:
            path: Its name.
            work: Folder of unfinished files, in the same storage.
        """
        put = _moved(path, work) if self.is_local else _handed_over(path, self.files)
        with put as file:
            yield file


def _found(uri: str) -> tuple[FileSystem, str]:
    """The file system that a URI names: one of pyarrow's, else one of fsspec's."""
    if urlsplit(uri).scheme not in {"file", "s3", "gs", "gcs", "abfs", "abfss", "hdfs", "viewfs"}:
        files, root = fsspec.core.url_to_fs(uri)
        return PyFileSystem(FSSpecHandler(files)), root
    files, root = FileSystem.from_uri(uri)
    return files, root


@contextmanager
def _moved(path: str, work: str) -> Iterator[BinaryIO]:
    os.makedirs(work, exist_ok=True)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    beside = os.path.join(work, f"{uuid4().hex}.unfinished")
    try:
        with open(beside, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        os.unlink(beside)
        raise
    os.replace(beside, path)
    folder = os.open(os.path.dirname(path), os.O_RDONLY)
    try:
        os.fsync(folder)  # the name is on the disk too
    finally:
        os.close(folder)


@contextmanager
def _handed_over(path: str, files: FileSystem) -> Iterator[BinaryIO]:
    """The stream of pyarrow completes an upload whatever happened in its block: it is opened when all is written."""
    with tempfile.TemporaryFile() as file:
        yield file
        file.flush()
        with mmap(file.fileno(), 0, access=ACCESS_READ) as content, files.open_output_stream(path) as stream:
            stream.write(pa.py_buffer(content))


class OutputError(RatiopathError):
    """The output folder cannot be written: no fault of a slide, the run stops.

    Attributes:
        errno: What the operating system said, where it was asked; the cause itself is lost on the way from a worker.
    """

    def __init__(self, message: str, errno: int | None = None) -> None:
        super().__init__(message)
        self.errno = errno


@contextmanager
def output_errors(path: str) -> Iterator[None]:
    """Tell an error of the output from one of a slide, which is an OSError too."""
    try:
        yield
    except OSError as error:
        found = error.strerror or str(error)
        message = f"the output can be written: path={path!r}, {found}; check space and permissions"
        raise OutputError(message, error.errno) from error
