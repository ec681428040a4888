"""The check that an existing output is one of this program, before anything in it is replaced or removed.

A file is known by its content, never by its name alone:

    run.json, failures.log              names in the JSON, the first line
    index.html, index-2.html, ...       the generator, as in index-names.js
    previews/SLIDE.png, SLIDE.js        the source recorded in the picture, the first line
    tissue/SLIDE.tiff                   the source recorded in the mask
    slides.parquet, failures.parquet    their columns; one that is damaged, by a run.json that is ours
    coverage/, tiles/, previews/, ...   folders, no links, and so are their subfolders; files in them that no slide id
                                        names stay as they are
    .work/                              nothing but folders of runs
    .state/                             a folder, no link; only files with names of the state index are read and removed
"""

import os
import posixpath
import re
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from flows.config.errors import ConfigurationError
from flows.records.failures import LOG, LOG_HEAD
from flows.records.masks import FOLDER as MASKS
from flows.records.masks import is_replaceable_mask
from flows.records.output_files import PLACES, OutputFiles
from flows.records.provenance import EMPTY, PROVENANCE_KEY
from flows.reports.gallery import is_drawn, is_page_name
from flows.reports.previews.files import is_replaceable
from flows.storage.filesystem import Storage, output_errors
from flows.storage.listing import SUBFOLDER
from flows.storage.workspace import STATE, SUFFIXES, WORK, Folder, is_slide_id

_COLUMNS = {
    "slides.parquet": {"slide_id", "path", "extent_x", "tile_extent_x", "stride_x", "downsample"},
    "failures.parquet": {"path", "stage", "error", "message"},
}
"""Columns that mark a table as one of this program, in every version."""
_HEAD = 1024
"""Number of leading bytes that mark a page or a log."""
_MAX_RECORD = 1 << 26
"""Number of bytes of run.json that are searched for its marks."""
_OLD_LOG = re.compile(rb"1\. ['\"].*, (discover|tile|derive|compute|filter|draw) [a-z ]+: \w+: ")
"""First line of failures.log as version 2 of the files had it."""
_RUN = re.compile("[0-9a-f]{32}")
"""Name of a run's folder in .work/."""


def refuse_foreign(files: OutputFiles, known: pa.Table | None = None, *, previews: bool, masks: bool = False) -> None:
    """Refuse an output that holds files of others under names that a run writes or removes.

    Args:
        files: Files of the output.
        known: Slides whose files in previews/ and tissue/ are ours if they have these sizes and times: columns of
            `schemas.state.slide_state`.
        previews: True if the run writes index.html.
        masks: True if the run writes tissue/.

    Raises:
        ConfigurationError: Names each such file.
        OutputError: The output cannot be read.
    """
    output = files.workspace.output
    with output_errors(output):
        problems = [
            f"output: {posixpath.join(output, name)!r} {found}; move it away, or set another output"
            for name, found in _foreign(files, known, previews=previews, masks=masks)
        ]
    if problems:
        raise ConfigurationError(*problems)


def _foreign(files: OutputFiles, known: pa.Table | None, *, previews: bool, masks: bool) -> Iterator[tuple[str, str]]:
    """Yield the name of each foreign file and what is wrong with it."""
    workspace = files.workspace
    entries = set(workspace.entries(workspace.root))
    folders = [name for name in (*SUFFIXES, WORK, STATE) if name in entries and (masks or name != MASKS)]
    links = [name for name in folders if workspace.is_local and not _is_folder(workspace.published(name))]
    yield from ((name, "is not a folder of this program") for name in links)
    if WORK in folders and WORK not in links:
        for name in workspace.entries(workspace.published(WORK)):
            if not _RUN.fullmatch(name) or workspace.is_file(workspace.published(WORK, name)):
                yield f"{WORK}/{name}", "is not a file of this program"
    for name in sorted(entries & {"run.json", LOG, *_COLUMNS, *(filter(is_page_name, entries) if previews else [])}):
        if not _is_ours(name, workspace):
            yield name, "is not a file of this program"
    for folder in SUFFIXES:
        if folder in folders and folder not in links:
            yield from ((f"{folder}/{name}", found) for name, found in _foreign_in(folder, files, known))


def _foreign_in(folder: Folder, files: OutputFiles, known: pa.Table | None) -> Iterator[tuple[str, str]]:
    """Yield what stands under the name of a slide's file and is none; a link there is replaced, never followed."""
    workspace, listing = files.workspace, files.listings[folder]
    names = listing.files["name"].filter(pc.equal(listing.files["subfolder"], ""))
    suffixes = {file: suffix for file, (place, suffix) in PLACES.items() if place == folder}
    like_subfolders = names.filter(pc.match_substring_regex(names, f"^{SUBFOLDER.pattern}$")).to_pylist()
    for name in sorted([*like_subfolders, *listing.others] if workspace.is_local else ()):  # a store has no folders
        stem, suffix = posixpath.splitext(posixpath.basename(name))
        if SUBFOLDER.fullmatch(name):
            yield name, "is not a folder of this program"
        elif suffix in suffixes.values() and is_slide_id(stem) and _is_folder(workspace.published(folder, name)):
            yield name, "is a folder where a file of this program belongs"
    has_marks = folder in {"previews", MASKS} and workspace.is_local  # on a store, a request for each is slow
    for file in suffixes if has_marks else ():
        for name in files.unmatched(file, known):
            stem, path = posixpath.splitext(posixpath.basename(name))[0], workspace.published(folder, name)
            is_ours = is_replaceable_mask if folder == MASKS else is_replaceable
            if is_slide_id(stem) and not is_ours(path, workspace):
                yield name, f"is not a {file} of this program"
    if folder in {"coverage", "tiles"} and (EMPTY in listing.others or pc.index(names, EMPTY).as_py() >= 0):
        found = _read_schema(workspace.published(folder, EMPTY), workspace)
        if found is None or PROVENANCE_KEY not in (found.metadata or {}):
            yield EMPTY, "is not a file of this program"


def _is_folder(path: str) -> bool:
    return os.path.isdir(path) and not os.path.islink(path)


def _is_ours(name: str, storage: Storage) -> bool:
    """Return True if a run wrote a file of the output."""
    path = posixpath.join(storage.root, name)
    if name == "run.json":
        content = storage.read_head(path, _MAX_RECORD)
        return b'"configuration"' in content and b'"ratiopath-flows"' in content
    head = storage.read_head(path, _HEAD)
    if name == LOG:
        return head.startswith(LOG_HEAD.encode()) or _OLD_LOG.match(head) is not None
    if is_page_name(name):
        return is_drawn(head)
    schema = _read_schema(path, storage)
    if schema is None:
        return head.startswith(b"PAR1") and _is_ours("run.json", storage)
    return set(schema.names) >= _COLUMNS[name]


def _read_schema(path: str, storage: Storage) -> pa.Schema | None:
    try:
        return pq.read_schema(path, filesystem=storage.files) if storage.is_file(path) else None
    except (pa.ArrowException, OSError, ValueError):
        return None
