"""Listing of a folder with a file per slide: sizes and times of all files, none of which is opened."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TypeAlias

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow.fs import FileSelector, FileType

from flows.storage.filesystem import Storage
from flows.storage.slices import SLICE, in_slices

FILES = pa.schema([("name", pa.string()), ("subfolder", pa.string()), ("size", pa.int64()), ("mtime_ns", pa.int64())])
"""A row per file: its name, the subfolder it lies in or "", its size in bytes, and its `comparable_time`."""
SUBFOLDER = re.compile("[0-9a-f]{2}")
"""Name of a subfolder of a folder that is split."""
SECOND, LATEST = 10**9, (1 << 63) - 1
"""A second in ns, and the latest time of an int64 in ns."""
_File: TypeAlias = tuple[str, str, int, int]
_Found: TypeAlias = tuple[str, str, int, int | None]


@dataclass(frozen=True, slots=True)
class Listing:
    """Content of a folder with a file per slide, and of its subfolders."""

    files: pa.Table
    """Regular files: table of `FILES`, in no order."""
    others: tuple[str, ...]
    """Paths in the folder of links and of folders that are no subfolders, in no order; none on a store."""


def list_files(storage: Storage, folder: str) -> pa.Table:
    """List the regular files of a folder, and of its subfolders; see `list_folder`."""
    return list_folder(storage, folder).files


def list_folder(storage: Storage, folder: str) -> Listing:
    """List a folder, and its subfolders of two hexadecimal digits.

    Args:
        storage: File system of the folder.
        folder: Path in the storage; an absent folder has no files.

    Returns:
        What is there. An entry whose name is not UTF-8 is left out: no slide has such an id.
    """
    others = list[str]()
    found = _scan(folder, others) if storage.is_local else _list_store(storage, folder)
    chunks, rows = [], list[_File]()
    for name, subfolder, size, mtime_ns in found:
        rows.append((name, subfolder, size, comparable_time(mtime_ns, storage)))
        if len(rows) == SLICE:
            chunks.append(_chunk(rows))
            rows.clear()
    return Listing(pa.Table.from_batches([*chunks, _chunk(rows)], FILES), tuple(others))


def list_names(storage: Storage, folder: str) -> Iterator[tuple[str, str]]:
    """List the name and the subfolder, or "", of each file; see `list_files`."""
    listing = list_files(storage, folder)
    return zip(in_slices(listing["name"]), in_slices(listing["subfolder"]), strict=True)


def names_but(
    listing: pa.Table, suffix: str, ids: pa.Array | pa.ChunkedArray | None = None, *, is_below: bool | None = None
) -> list[str]:
    """Return the paths in the folder of the files with a suffix, by name, without those of some slides.

    Args:
        listing: Table of `FILES`.
        suffix: The suffix.
        ids: Ids of the slides; None for none.
        is_below: True if their files lie in subfolders, False if in the folder itself; None if in either.
    """
    is_named = pc.ends_with(listing["name"], suffix)
    if ids is not None:
        named = pc.binary_join_element_wise(ids, suffix, "")
        values = named.combine_chunks() if isinstance(named, pa.ChunkedArray) else named
        is_known = pc.is_in(listing["name"], value_set=values)
        if is_below is not None:
            is_known = pc.and_(is_known, (pc.not_equal if is_below else pc.equal)(listing["subfolder"], ""))
        is_named = pc.and_not(is_named, is_known)
    found = listing.filter(is_named).sort_by([("name", "ascending"), ("subfolder", "ascending")])
    pairs = zip(in_slices(found["subfolder"]), in_slices(found["name"]), strict=True)
    return [f"{subfolder}/{name}" if subfolder else name for subfolder, name in pairs]


def comparable_time(mtime_ns: int | None, storage: Storage) -> int:
    """Return the time of a file as it is the same however the file was asked for, in ns.

    Stores tell the time of a file to the second, some of them in listings to the millisecond.

    Args:
        mtime_ns: Time that the file system tells; None if it tells none.
        storage: File system of the file.

    Returns:
        The time, of a store in whole seconds; -1 if there is none, or it is before 1970 or after 2262.
    """
    if mtime_ns is None or not 0 <= mtime_ns <= LATEST:
        return -1
    return mtime_ns if storage.is_local else mtime_ns // SECOND * SECOND


def _chunk(rows: list[_File]) -> pa.RecordBatch:
    columns = zip(*rows, strict=True) if rows else [()] * len(FILES)
    return pa.RecordBatch.from_arrays(
        [pa.array(column, field.type) for column, field in zip(columns, FILES, strict=True)], schema=FILES
    )


def _scan(folder: str, others: list[str], subfolder: str = "") -> Iterator[_Found]:
    try:
        entries = os.scandir(os.path.join(folder, subfolder))
    except (FileNotFoundError, NotADirectoryError):
        return
    with entries:
        for entry in entries:
            if not entry.name.isascii() and not _is_text(entry.name):
                continue
            if entry.is_file(follow_symlinks=False):
                state = entry.stat(follow_symlinks=False)
                yield entry.name, subfolder, state.st_size, state.st_mtime_ns
            elif not subfolder and SUBFOLDER.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False):
                yield from _scan(folder, others, entry.name)
            else:
                others.append(os.path.join(subfolder, entry.name))


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _list_store(storage: Storage, folder: str) -> Iterator[_Found]:
    start = len(folder.rstrip("/")) + 1
    for found in storage.files.get_file_info(FileSelector(folder, allow_not_found=True, recursive=True)):
        path = PurePosixPath(found.path[start:])
        subfolder = "" if path.parent == PurePosixPath() else str(path.parent)
        if found.type == FileType.File and (not subfolder or SUBFOLDER.fullmatch(subfolder)):
            yield path.name, subfolder, found.size, found.mtime_ns
