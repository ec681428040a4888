"""Choice of an output's layout, before the first of its files is read, and the move of the files into subfolders.

An output gets subfolders when a run finds many slides, and keeps them. Each file is moved alone, so that it is there
once at any time; a run that ends before all are moved leaves a mixed output, and the next one goes on:

    run.json says "mixed"    readers that look for one slide's file try both places
    files are moved          coverage/, tiles/, previews/
    the run ends             its run.json says "subfolders"

Files of others stay as they are, and so do masks (`flows.storage.workspace.UNMOVED`).
"""

import os
import posixpath
from collections import defaultdict
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

from flows.config.errors import ConfigurationError
from flows.records.output_files import PLACES
from flows.records.output_layout import KEY, read_record
from flows.records.provenance import read_metadata
from flows.reports.run_log import run_log
from flows.storage.filesystem import output_errors
from flows.storage.listing import list_names
from flows.storage.parquet import write_json
from flows.storage.workspace import SUFFIXES, Folder, Workspace, is_slide_id, subfolder_of

MOVED: tuple[Folder, ...] = ("coverage", "tiles", "previews")
"""Folders whose files are moved: tables first, which know the ids that a manifest has given."""
THREADS = 32
"""Files moved at the same time: an object store takes a tenth of a second for each."""


def settle_layout(workspace: Workspace, found: int, subfolders_from: int) -> Workspace:
    """Choose the layout of an output, and move the files of earlier runs if it gets subfolders.

    Args:
        workspace: Workspace of the run, with the layout of the files that are there.
        found: Slides that the run has found.
        subfolders_from: Slides from which on an output gets subfolders.

    Returns:
        The workspace with the layout, flat or with subfolders.

    Raises:
        ConfigurationError: A file that is to be moved is a link.
        OutputError: The output cannot be read or written.
    """
    if workspace.layout == "subfolders" or (workspace.layout == "flat" and found < subfolders_from):
        return workspace
    with output_errors(workspace.output):
        _move_all(workspace)
    return replace(workspace, layout="subfolders")


def _move_all(workspace: Workspace) -> None:
    _refuse_links(workspace)
    record = read_record(workspace)
    if record is not None:
        write_json({**record, KEY: "mixed"}, workspace.published("run.json"), workspace)
    known = set[str]()
    for folder in MOVED:
        known |= _move_folder(folder, known, workspace)


def _refuse_links(workspace: Workspace) -> None:
    """Refuse links under names of slides' tables: moved they could lead nowhere, left they would double rows."""
    problems = []
    for folder in ("coverage", "tiles") if workspace.is_local else ():
        for name in workspace.entries(workspace.published(folder)):
            path = workspace.published(folder, name)
            stem, suffix = posixpath.splitext(name)
            if suffix == SUFFIXES[folder] and is_slide_id(stem) and os.path.islink(path):
                problems.append(f"output: {path!r} is a link, and cannot be moved into a subfolder; remove it")
    if problems:
        raise ConfigurationError(*problems)


def _move_folder(folder: Folder, known: Collection[str], workspace: Workspace) -> set[str]:
    """Move the slides' files of a folder into subfolders.

    Args:
        folder: The folder.
        known: Ids of slides.
        workspace: The output.

    Returns:
        Ids of the slides that have a file in their subfolder now.
    """
    flat, placed = defaultdict[str, list[str]](list), set[str]()
    for name, subfolder in list_names(workspace, workspace.published(folder)):
        stem, suffix = posixpath.splitext(name)
        if (folder, suffix) in PLACES.values() and subfolder == subfolder_of(stem):
            placed.add(name)
        elif (folder, suffix) in PLACES.values() and not subfolder:
            flat[subfolder_of(stem)].append(name)
    move = partial(_move_files, folder=folder, placed=placed, known=known, workspace=workspace)
    with ThreadPoolExecutor(THREADS) as pool:
        moved = [name for names in pool.map(move, flat, flat.values()) for name in names]
    if moved:
        run_log().info("moved %s files of %s/ into subfolders", f"{len(moved):,}", folder)
    return {posixpath.splitext(name)[0] for name in (*placed, *moved)}


def _move_files(
    subfolder: str,
    names: Sequence[str],
    folder: Folder,
    placed: Collection[str],
    known: Collection[str],
    workspace: Workspace,
) -> list[str]:
    """Move the files of slides, of those that have one subfolder; return their names."""
    moved = []
    for name in names:
        source, target = workspace.published(folder, name), workspace.published(folder, subfolder, name)
        if not _is_of_slide(source, known, workspace):
            continue
        if name not in placed:
            workspace.move(source, target)
            moved.append(name)
        elif _content(source, workspace) == _content(target, workspace):
            workspace.remove(source)  # a store had copied it when a run was killed
    return moved


def _is_of_slide(path: str, known: Collection[str], workspace: Workspace) -> bool:
    """Return True if a file is that of a slide, by its name or, as a manifest gives any names, by its provenance."""
    stem, suffix = posixpath.splitext(posixpath.basename(path))
    if is_slide_id(stem) or stem in known:
        return True
    provenance = read_metadata(path, workspace).provenance if suffix == SUFFIXES["coverage"] else None
    return provenance is not None and provenance.slide.slide_id == stem


def _content(path: str, workspace: Workspace) -> bytes:
    with workspace.files.open_input_file(path) as file:
        content: bytes = file.read()
        return content
