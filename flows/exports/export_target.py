"""Folder of an export: complete files are moved into place, and files of others are never touched."""

import os
import posixpath
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

from pyarrow.fs import FileSelector, FileType

from flows.config.errors import ConfigurationError
from flows.config.model import CoverageConfig
from flows.exports.export_record import FILE, ExportRecord
from flows.exports.registry import refuse_taken_names
from flows.storage.filesystem import Storage, output_errors
from flows.storage.publication import place
from flows.storage.workspace import SUFFIXES, WORK, Workspace

FOLDER = "exports"
"""Folder in the output that exports are written to by default."""


@dataclass(frozen=True, slots=True)
class ExportTarget:
    """Folder of one export, local or on a store; pickled to workers."""

    workspace: Workspace
    """The folder, and a hidden one in it."""
    others: frozenset[str]
    """Paths in the folder of files that no export has written."""

    @classmethod
    def open(
        cls, to: str | None, format_name: str, output: Storage
    ) -> tuple[Self, ExportRecord | None, frozenset[str]]:
        """Look at the folder; nothing is written.

        Args:
            to: Folder, or URI of a store; None for the format's folder in the output.
            format_name: Name of the format.
            output: The output that is exported.

        Returns:
            The folder, the record of the last export, and the files of it that are no longer there.

        Raises:
            ConfigurationError: It is a folder of the tables, or holds another export.
        """
        workspace = _below(output, FOLDER, format_name) if to is None else Workspace.at(to)
        if _is_of_tables(workspace, output):
            found = f"{workspace.output!r} is a folder of the tables"
            raise ConfigurationError(f"to: {found}; set another one, such as {FOLDER}/{format_name} in the output")
        with output_errors(workspace.output):
            kind = workspace.files.get_file_info(workspace.root).type
            if kind == FileType.File:
                raise ConfigurationError(f"to: {workspace.output!r} is a file; set a folder")
            record = ExportRecord.read(workspace, format_name)
            files = _files(workspace)
        written = set(record.files if record else ())
        others = files - written
        if record is not None and not record.is_finished:
            others &= set(record.others)  # the others may be of the export that was killed
        return cls(workspace, frozenset(others)), record, frozenset(written - files)

    @contextmanager
    def staging(self) -> Iterator[Path]:
        """Make an empty folder of this machine from which files can be moved into place."""
        if self.workspace.is_local:
            self.workspace.make_folder(self.workspace.hidden)
        with TemporaryDirectory(dir=self.workspace.hidden if self.workspace.is_local else None) as folder:
            yield Path(folder)

    def publish(self, folder: Path) -> list[str]:
        """Move the files of a folder into place, each whole or absent.

        Returns:
            Their paths in the target, sorted.

        Raises:
            ConfigurationError: One has the name of a file of others; none is moved.
        """
        files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
        for name in files:
            if name in self.others or name == FILE:
                found = f"{posixpath.join(self.workspace.output, name)!r} is a file of others"
                raise ConfigurationError(f"to: {found} under a name of the export; move it away, or set another folder")
        for name in files:
            with output_errors(self.workspace.published(name)):
                place(folder / name, self.workspace.published(name), self.workspace)
        return files

    def remove(self, names: Iterable[str]) -> None:
        """Remove files of earlier exports, and the folders that they leave empty."""
        folders = set()
        for name in names:
            path = self.workspace.published(name)
            if self.workspace.is_file(path):
                self.workspace.remove(path)
                folders.add(posixpath.dirname(path))
        if self.workspace.is_local:
            for folder in folders - {self.workspace.root}:
                self.workspace.remove_if_empty(folder)

    def tidy(self) -> None:
        """Remove the hidden folders of this export and of killed ones."""
        if self.workspace.is_local:
            hidden = self.workspace.published(WORK)
            for name in self.workspace.entries(hidden):
                if re.fullmatch("[0-9a-f]{32}", name):
                    self.workspace.remove_folder(posixpath.join(hidden, name))
            self.workspace.remove_if_empty(hidden)


def refuse_foreign_exports(config: CoverageConfig, output: Storage) -> None:
    """Refuse folders of exports that are none, and names of columns that are taken, before a run does any work.

    Raises:
        ConfigurationError: A folder is one of the tables, or holds another export; two exports have one folder; a
            class or a column of the manifest has the name of a column of a format.
    """
    folders: dict[str, str] = {}
    for name, settings in config.exports.items():
        refuse_taken_names(name, settings, config)
        target, _, _ = ExportTarget.open(settings.to, name, output)
        workspace = target.workspace
        folder = os.path.realpath(workspace.root) if workspace.is_local else workspace.output
        if folders.setdefault(folder, name) != name:
            found = f"{folders[folder]} and {name} have the same folder {workspace.output!r}"
            raise ConfigurationError(f"exports.{name}.to: {found}; set another one")


def _is_of_tables(workspace: Workspace, output: Storage) -> bool:
    """Return True for the output, its folders of tables, and folders in these, also by a link."""
    if type(workspace.files) is not type(output.files):
        return False
    root, to = output.root, workspace.root
    if output.is_local:
        root, to = os.path.realpath(root), os.path.realpath(to)
    return to == root or any(f"{to}/".startswith(f"{posixpath.join(root, name)}/") for name in (*SUFFIXES, WORK))


def _below(output: Storage, *names: str) -> Workspace:
    """Return a folder in an output, whose URI may end with options."""
    head, mark, options = output.output.partition("?") if not output.is_local else (output.output, "", "")
    root = posixpath.join(output.root, *names)
    return Workspace(output.files, root, posixpath.join(head, *names) + mark + options)


def _files(workspace: Workspace) -> set[str]:
    """List the files of a folder and those below it, without hidden ones of this program."""
    found = workspace.files.get_file_info(FileSelector(workspace.root, allow_not_found=True, recursive=True))
    start = len(workspace.root) + 1
    names = {one.path[start:] for one in found if one.type == FileType.File}
    return {name for name in names if name != FILE and not name.startswith((f"{WORK}/", ".lease-"))}
