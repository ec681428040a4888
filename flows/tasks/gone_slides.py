"""Files of gone slides, which no run can make again: one is removed only if its bytes are at hand and damaged.

whole        kept
damaged      the slide fails, and its files are removed at the end of the run
unreadable   the slide fails, and its files are kept: the storage may give them to the next run
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, Self

import pyarrow as pa
import pyarrow.parquet as pq

from flows.config.model import CoverageConfig
from flows.execution.batch import Row
from flows.records.fingerprints import Json
from flows.records.output_files import OutputFiles
from flows.records.provenance import read_coverage_metadata, read_metadata
from flows.records.slides import Slide
from flows.records.stored_files import (
    StoredFile,
    has_grid,
    has_tiles,
    read_content,
    read_content_metadata,
    read_folder,
    unread,
)
from flows.reports.run_log import run_log
from flows.state.run_state import read_carried
from flows.storage.listing import names_but
from flows.storage.parquet import TableReference, count_rows, groups_of, read_table
from flows.storage.slices import in_slices
from flows.storage.workspace import Workspace
from flows.tasks.map_slides import write_result
from ratiopath.errors import SlideError, TruncatedError
from schemas.intermediate import GONE


def find_gone_slides(
    selected: TableReference, files: OutputFiles, config: CoverageConfig, workspace: Workspace
) -> TableReference:
    """Find files of gone slides that the state index does not know; warn of copies, which belong to no slide.

    A slide whose file cannot be used fails. Where gone slides are to be dropped, none is found.

    Args:
        selected: Slides that are to be done; see `flows.tasks.select_slides`.
        files: Files of the output, listed by this run.
        config: Configuration of the run.
        workspace: Workspace of the last part of the run.

    Returns:
        Table of `schemas.intermediate.GONE`: the gone slides with coverage made by earlier runs with these settings.
    """
    known = _Known.of(selected, workspace)
    rows, failures = _with_coverage(known, files, config, workspace)
    if config.gone == "drop":
        for failure in failures.values():
            run_log().warning("%s", failure["message"])
        return write_result(find_gone_slides, [], [], GONE, workspace)
    names = names_but(files.listings["tiles"].files, ".parquet", known.ids, is_below=workspace.is_below("tiles"))
    for file in read_folder("tiles", names, workspace):
        if not known.has_id(file.stem) and file.stem not in failures:
            failed = _failure_of_tiles(file, known, config, workspace)
            failures |= {} if failed is None else {file.stem: failed}
    return write_result(find_gone_slides, rows, list(failures.values()), GONE, workspace)


@dataclass(frozen=True)
class _Known:
    """Slides that are known: found by this run, carried by it, or found among its files."""

    ids: pa.Array
    """Ids of those found or carried."""
    column: pa.ChunkedArray
    """Their paths."""
    added: set[str] = field(default_factory=set)
    """Ids of those found among the files."""

    @classmethod
    def of(cls, selected: TableReference, workspace: Workspace) -> Self:
        tables = [read_table(selected.path, workspace.files), read_carried(workspace)]
        ids, paths = (
            pa.chunked_array([chunk for one in tables for chunk in one[name].chunks], pa.string())
            for name in ("slide_id", "path")
        )
        return cls(ids.combine_chunks(), paths)

    @cached_property
    def paths(self) -> set[str]:
        """Paths of all, which are needed only if there are files of other slides."""
        return set(in_slices(self.column))

    def add(self, slide: Slide) -> bool:
        """Add a slide; return False if its path was known."""
        if slide.path in self.paths:
            return False
        self.paths.add(slide.path)
        self.added.add(slide.slide_id)
        return True

    def has_id(self, slide_id: str) -> bool:
        """Return True if a slide has been added."""
        return slide_id in self.added


def _with_coverage(
    known: _Known, files: OutputFiles, config: CoverageConfig, workspace: Workspace
) -> tuple[list[Row], dict[str, Row]]:
    """Find gone slides with coverage, and the failures of those whose coverage cannot be used, by name."""
    rows, failures = list[Row](), dict[str, Row]()
    names = names_but(files.listings["coverage"].files, ".parquet", known.ids, is_below=workspace.is_below("coverage"))
    for file in read_folder("coverage", names, workspace):
        if file.state == "copy":
            run_log().warning(
                "ignored %r, which is a copy or in another folder than its slide's; hint: remove it", file.path
            )
        elif file.provenance is None:
            failures[file.stem] = _failure(_slide_of(file, "tiles", workspace), file)
        elif file.provenance.is_current(config) and known.add(file.provenance.slide):
            try:
                rows_there = count_rows(file.path, workspace.files)
            except (pa.ArrowException, OSError) as error:
                failures[file.stem] = _row(file.provenance.slide.path, unread(file.path, error))
            else:
                rows.append(_gone(file.path, rows_there, file.provenance.slide, config, workspace))
    return rows, failures


def _gone(file: str, rows: int, slide: Slide, config: CoverageConfig, workspace: Workspace) -> Row:
    return {
        **slide.to_row(),
        "cells": json.dumps(_stored_cells(slide.slide_id, config, workspace)),
        "file": file,
        "rows": rows,
        "status": "gone",
        "seconds": None,
    }


def _stored_cells(slide_id: str, config: CoverageConfig, workspace: Workspace) -> Json:
    """Read the cells of a gone slide; None where an earlier run did not have the column, or in another kind."""
    if not config.column_kinds:
        return {}
    stored = read_metadata(workspace.of_slide("tiles", slide_id), workspace).provenance
    cells = {} if stored is None else stored.cells
    types = {"text": str, "integer": int, "number": float, "boolean": bool}
    kinds = config.column_kinds.items()
    return {name: cells[name] if type(cells.get(name)) is types[kind] else None for name, kind in kinds}


def _failure_of_tiles(file: StoredFile, known: _Known, config: CoverageConfig, workspace: Workspace) -> Row | None:
    """Return the failure of tiles of a gone slide without coverage, which no worker reads; None if they are whole."""
    if file.state in {"damaged", "unread"}:
        return _failure(file.path, file)
    if file.state == "whole" and file.provenance is not None:
        slide = file.provenance.slide
        if slide.path not in known.paths and file.provenance.is_current(config):
            try:
                _require_tiles(file.path, slide.slide_id, config, workspace)
            except SlideError as error:
                return _row(slide.path, error)
    return None


def _slide_of(file: StoredFile, other: Literal["coverage", "tiles"], workspace: Workspace) -> str:
    """Return the slide of a file without provenance as the file in the other folder has it, or the path of the file."""
    provenance = read_metadata(workspace.of_slide(other, file.stem), workspace).provenance
    is_same = provenance is not None and provenance.slide.slide_id == file.stem
    return provenance.slide.path if provenance is not None and is_same else file.path


def _failure(slide: str, file: StoredFile) -> Row:
    return _row(slide, file.error or _damaged(file.path))


def _row(slide: str, error: SlideError) -> Row:
    return {"path": slide, "error": type(error).__name__, "message": str(error)}


def _damaged(path: str) -> TruncatedError:
    hint = "bring the slide back to have it measured again, or restore the file from a backup, and run again"
    return TruncatedError(
        f"{path!r} of a slide that is gone is damaged or holds other rows, and is removed", path=path, hint=hint
    )


def require_coverage(path: str, config: CoverageConfig, workspace: Workspace) -> None:
    """Read a file of a gone slide in coverage/ in full; see the module.

    Raises:
        TruncatedError: It is damaged.
        UnreadError: It cannot be read, or was unreadable a moment ago.
    """
    error: Exception | None = None
    try:
        provenance = read_coverage_metadata(path, workspace, config.classes)[0]
        if has_grid(path, provenance, config, workspace):
            return
    except (TruncatedError, OSError) as caught:
        error = caught
    content = read_content(path, workspace)
    metadata = read_content_metadata(content)
    if (
        metadata.provenance is None
        or not metadata.is_whole(config.classes)
        or not has_grid(path, metadata.provenance, config, workspace, content)
    ):
        raise _damaged(path)
    raise unread(path, error) from error


def _require_tiles(path: str, slide_id: str, config: CoverageConfig, workspace: Workspace) -> None:
    try:
        if has_tiles(path, slide_id, config, workspace):
            return
    except OSError:
        pass  # reading its bytes tells
    if not has_tiles(path, slide_id, config, workspace, read_content(path, workspace)):
        raise _damaged(path)


@contextmanager
def storage_errors(path: str) -> Iterator[None]:
    """Raise an UnreadError for an error of this block, in which a file that was whole a moment ago is read.

    Args:
        path: File of a gone slide.
    """
    try:
        yield
    except (pa.ArrowException, OSError, TruncatedError) as error:
        raise unread(path, error) from error


def stored_groups(file: pq.ParquetFile, path: str) -> Iterator[pa.Table]:
    """Read the row groups of an open file of a gone slide that was whole a moment ago.

    Raises:
        UnreadError: One cannot be read now.
    """
    with storage_errors(path):
        yield from groups_of(file, path)
