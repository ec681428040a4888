"""Layout of an output that is there: as its last run recorded it, or as its folders show it."""

import json
import posixpath
from dataclasses import replace
from typing import Any, get_args

from flows.records.fingerprints import Json
from flows.storage.filesystem import Storage, output_errors
from flows.storage.listing import list_names
from flows.storage.workspace import SUFFIXES, Folder, Layout, Workspace, subfolder_of

MAX_RECORD = 1 << 26
"""Bytes of run.json."""
KEY = "layout"
"""Key of the layout in run.json."""


def layout_in(record: Json) -> Layout:
    """Return the layout that a run.json records; flat if it has none.

    Raises:
        ValueError: It records another one.
    """
    layout: Layout = record.get(KEY, "flat")
    if layout not in get_args(Layout):
        raise ValueError(f"{KEY} is {layout!r:.99}")
    return layout


def read_record(storage: Storage) -> Json | None:
    """Read run.json; None if there is none, or none that can be read."""
    try:
        found: Any = json.loads(storage.read_head(posixpath.join(storage.root, "run.json"), MAX_RECORD) or b"null")
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def with_stored_layout(workspace: Workspace) -> Workspace:
    """Return the workspace of an output with the layout of its files; nothing is written.

    The folders are listed only where no run has finished: `flat` in run.json means that no file was moved since.

    Raises:
        OutputError: The storage does not answer.
    """
    with output_errors(workspace.output):
        return replace(workspace, layout=_stored_layout(workspace))


def _stored_layout(workspace: Workspace) -> Layout:
    record = read_record(workspace)
    try:
        if record is not None:
            return layout_in(record)
    except ValueError:
        pass  # as good as none
    return "mixed" if any(_has_subfolders(folder, workspace) for folder in SUFFIXES) else "flat"


def _has_subfolders(folder: Folder, workspace: Workspace) -> bool:
    """Return True if a file lies in the subfolder of its slide."""
    names = list_names(workspace, workspace.published(folder))
    return any(subfolder and subfolder == subfolder_of(posixpath.splitext(name)[0]) for name, subfolder in names)
