"""Files of a folder that appear under their names whole, one by one or those of a batch together.

published       written beside, flushed to the disk, moved; then the list of names of the folder is flushed
between tasks   written beside and moved: no run reads what a crash has left of another one
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Self
from uuid import uuid4

from flows.storage.filesystem import Storage, output_errors


class Publication:
    """Files of a folder that appear under their names together, when its `with` block ends without an error.

    All are flushed to the disk, then all are moved, then the list of names of each folder is flushed. Disks write their
    journal for each flush that follows a change of names: for a file at a time this takes ten times as long.
    """

    def __init__(self) -> None:
        """Start without files."""
        self._beside: dict[str, str] = {}

    @contextmanager
    def open(self, path: str, work: str) -> Iterator[BinaryIO]:
        """Open a file that is published if the block ends without an error.

        Args:
            path: Path of the file.
            work: Folder of the same file system, in which the file lies until then.
        """
        with _unfinished(work) as (file, beside):
            yield file
        self.add(beside, path)

    def add(self, beside: str, path: str) -> None:
        """Add a complete file that lies elsewhere on the file system."""
        self._beside[path] = beside

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            for beside in self._beside.values():
                os.unlink(beside)
            return
        for path, beside in self._beside.items():
            with output_errors(path):
                _flush(beside)
        folders = dict.fromkeys(map(os.path.dirname, self._beside))
        for folder in folders:
            with output_errors(folder):
                os.makedirs(folder, exist_ok=True)
        for path, beside in self._beside.items():
            with output_errors(path):
                os.replace(beside, path)
        for folder in folders:
            with output_errors(folder):
                _flush(folder)  # the names are on the disk too


@contextmanager
def publish(path: str, work: str) -> Iterator[BinaryIO]:
    """Open one file in a folder of the same file system; see `Publication`."""
    with Publication() as publication, publication.open(path, work) as file:
        yield file


@contextmanager
def move_into_place(path: str, work: str) -> Iterator[BinaryIO]:
    """Open a file in a folder of the same file system, and move it, not flushed, if the block ends without an error."""
    with _unfinished(work) as (file, beside):
        yield file
    os.makedirs(os.path.dirname(path), exist_ok=True)
    os.replace(beside, path)


@contextmanager
def _unfinished(work: str) -> Iterator[tuple[BinaryIO, str]]:
    """Open a new file in a folder, which is removed if the block fails; yield it and its path."""
    os.makedirs(work, exist_ok=True)
    beside = os.path.join(work, f"{uuid4().hex}.unfinished")
    try:
        with open(beside, "xb") as file:
            yield file, beside
    except BaseException:
        os.unlink(beside)
        raise


def place(source: Path, path: str, storage: Storage) -> None:
    """Move a complete file of this machine to its place; on a folder, both are on one file system."""
    if not storage.is_local:
        with source.open("rb") as file, storage.files.open_output_stream(path) as stream:
            shutil.copyfileobj(file, stream)
        return
    with Publication() as publication:
        publication.add(str(source), path)


def _flush(path: str | Path) -> None:
    """Wait until a file, or a folder's list of names, is on the disk."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
