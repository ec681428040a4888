"""Series of DICOM files, kept from run to run, so that none is opened again to tell which of them are one slide.

    OUTPUT/.state/dicom-1-SHA256.index     a row per file that discovery has met

A row counts only while the file has the size and time in it, and not where changes are told by content. A file that has
no series, or could not be read, has no row. Like the state index (docs/decisions/0027-state-index.md), the file has the
digest of its bytes in its name and counts as absent if it is damaged; the number before is its version. Deleting it
costs time only.
"""

import os
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

from flows.inputs.source_table import name_bytes, name_text
from flows.storage.digest_files import DigestFiles
from flows.storage.listing import LATEST
from flows.storage.parquet import open_table
from flows.storage.slices import slices_of
from flows.storage.workspace import Workspace
from ratiopath.errors import SlideError
from ratiopath.files import require_regular
from ratiopath.slides.dicom import SUFFIX, Instances

State: TypeAlias = dict[str, str | int]
"""Fingerprint of a file: path, size in bytes and mtime_ns."""
START = "dicom-1"
"""Begin of the file's name, with its version."""
_SCHEMA = pa.schema(
    [
        ("path", pa.binary()),
        ("size", pa.int64()),
        ("mtime_ns", pa.int64()),
        ("series", pa.string()),
        ("is_known", pa.bool_()),
    ]
)


@dataclass(slots=True)
class _File:
    size: int
    mtime_ns: int
    series: str | None
    is_known: bool = False
    """True if OpenSlide has opened it."""


class DicomIndex(Instances):
    """The DICOM files of a run; each is opened once, and again only after it has changed."""

    def __init__(self, workspace: Workspace, *, by_content: bool = False) -> None:
        """Take the workspace of the output, whose index is read when the first file is met.

        Args:
            workspace: The output.
            by_content: True to read each file once a run, whatever its size and time.
        """
        self._workspace, self._by_content = workspace, by_content
        self._files = DigestFiles(workspace, START)
        self._found: dict[str, _File] = {}
        self._folders: dict[str, dict[str, list[str]]] = {}
        self._is_changed = False

    def series(self, path: str) -> str | None:
        """Return the SeriesInstanceUID of a file; None if it has none."""
        file = self._file(path)
        return None if file is None else file.series

    def is_known(self, path: str) -> bool:
        """Return True if OpenSlide opens a file."""
        file = self._file(path)
        if file is None:
            return False
        if not file.is_known:
            file.is_known = super().is_known(path)
            self._is_changed |= file.is_known
        return file.is_known

    def others(self, path: str) -> list[State]:
        """Return the states of the other files of a slide: those of its series in its folder, by name."""
        folder = os.path.dirname(path)
        if folder not in self._folders:
            self._folders[folder] = self._series_in(folder)
        files = self._folders[folder].get(self.series(path) or "", [])
        return [self._state(other) for other in files if other != path]

    def save(self) -> None:
        """Write the index anew, if this run has read a file or no longer met one."""
        rows = {path: file for path, file in self._found.items() if file.series and 0 <= file.mtime_ns <= LATEST}
        if not self._is_changed and rows.keys() == self._before.keys():
            return
        sink = pa.BufferOutputStream()
        with pq.ParquetWriter(sink, _SCHEMA, write_page_checksum=True) as writer:
            for some in slices_of(sorted(rows)):
                files = [rows[path] for path in some]
                columns = [[getattr(file, name) for file in files] for name in _SCHEMA.names[1:]]
                writer.write_table(pa.table([list(map(name_bytes, some)), *columns], _SCHEMA))
        before, name = self._files.names(), self._files.write(START, sink.getvalue())
        self._files.remove(other for other in before if other != name)

    def _file(self, path: str) -> _File | None:
        """Return a file as it is; None if there is none that can be read."""
        if path not in self._found:
            try:
                state = require_regular(path)
            except (SlideError, OSError):
                return None
            file = self._before.get(path)
            if file is None or (file.size, file.mtime_ns) != (state.st_size, state.st_mtime_ns):
                file = _File(state.st_size, state.st_mtime_ns, super().series(path))
                self._is_changed |= file.series is not None
            self._found[path] = file
        return self._found[path]

    def _series_in(self, folder: str) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        try:
            names = sorted(os.listdir(folder))
        except OSError:  # a file that is named can be read where its folder cannot be listed
            return found
        for name in names:
            path = os.path.join(folder, name)
            series = self.series(path) if name.lower().endswith(SUFFIX) and not name.startswith(".") else None
            if series is not None:
                found.setdefault(series, []).append(path)
        return found

    def _state(self, path: str) -> State:
        file = self._found[path]
        return {"path": path, "size": file.size, "mtime_ns": file.mtime_ns}

    @cached_property
    def _before(self) -> dict[str, _File]:
        """Files as the last run knew them."""
        contents = [] if self._by_content else map(self._files.read, self._files.names())
        for content in filter(None, contents):
            try:
                with open_table(content, self._workspace.files) as table:
                    columns = table.read().select(_SCHEMA.names).to_pydict().values()
            except (pa.ArrowException, OSError, ValueError, KeyError):
                continue  # saves no work, and costs nothing else
            return {name_text(path): _File(*others) for path, *others in zip(*columns, strict=True)}
        return {}
