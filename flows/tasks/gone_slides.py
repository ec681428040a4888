"""Files of gone slides, which no run can make again: one is removed only if its bytes are at hand and damaged.

whole        kept
damaged      the slide fails, and its files are removed at the end of the run
unreadable   the slide fails, and its files are kept: the storage may give them to the next run
"""

import posixpath
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Literal

import pyarrow as pa

from flows.config.model import CoverageConfig
from flows.config.slide_id import slide_id_of
from flows.execution.batch import Row
from flows.records.failures import failed_before, read_failures
from flows.records.provenance import read_coverage_metadata, read_metadata
from flows.records.slides import CoveredSlide
from flows.records.stored_files import (
    StoredFile,
    UnreadError,
    has_grid,
    has_tiles,
    read_content,
    read_content_metadata,
    read_folder,
    unread,
)
from flows.reports.run_log import run_log
from flows.storage.parquet import count_rows, row_groups
from flows.storage.workspace import Workspace, is_slide_id
from ratiopath.errors import SlideError, TruncatedError
from schemas.intermediate import COVERED


def find_gone(covered: pa.Table, task: str, config: CoverageConfig, workspace: Workspace) -> tuple[pa.Table, list[Row]]:
    """Find files of gone slides, made by earlier runs with these settings; warn of copies, which belong to no slide.

    Args:
        covered: Slides found, with their files in coverage/.
        task: Name of the task that asks.
        config: Configuration of the run.
        workspace: Workspace of the run.

    Returns:
        The gone slides with coverage, a row of `schemas.intermediate.COVERED` each; and a failure for each gone slide
        that no worker can take up, since a file of it is damaged or cannot be read: path, error and message. There are
        none where gone slides are to be dropped.
    """
    found = failed_before(task, workspace).union(covered["path"].to_pylist())
    ids = {slide_id_of(path, config) for path in found}
    rows, failures = list[Row](), dict[str, Row]()
    for file in read_folder("coverage", workspace, skip=set(covered["file"].to_pylist())):
        if file.state == "copy":
            run_log().warning(
                "ignored %r, which is a copy or in another folder than its slide's; hint: remove it", file.path
            )
        elif file.provenance is None:
            if file.stem not in ids:
                failures[file.stem] = _failure(_slide_of(file, "tiles", workspace), file)
        elif file.provenance.is_current(config) and file.provenance.slide.path not in found:
            slide = file.provenance.slide
            found.add(slide.path)
            ids.add(slide.slide_id)
            try:
                rows_there = count_rows(file.path, workspace.files)
            except (pa.ArrowException, OSError) as error:
                failures[slide.slide_id] = _row(slide.path, unread(file.path, error))
            else:
                rows.append(CoveredSlide(slide.slide_id, slide.path, file.path, rows_there, "gone").to_row())
    if config.gone == "drop":
        for failure in failures.values():
            run_log().warning("%s", failure["message"])
        return COVERED.arrow.empty_table(), []
    failures |= _failed_tiles(ids.union(failures), found, config, workspace)
    return pa.Table.from_pylist(rows, COVERED.arrow), list(failures.values())


def _failed_tiles(
    known: Collection[str], found: Collection[str], config: CoverageConfig, workspace: Workspace
) -> dict[str, Row]:
    """Find tiles of gone slides that have lost their coverage, which no worker reads, and of them those that fail."""
    failures = {}
    skip = {workspace.of_slide("tiles", slide_id) for slide_id in known}
    for file in read_folder("tiles", workspace, skip=skip):
        if file.state in {"damaged", "unread"}:
            failures[file.stem] = _failure(file.path, file)
        elif file.state == "whole" and file.provenance is not None:
            slide = file.provenance.slide
            if slide.path not in found and file.provenance.is_current(config):
                try:
                    _require_tiles(file.path, slide.slide_id, config, workspace)
                except SlideError as error:
                    failures[file.stem] = _row(slide.path, error)
    return failures


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


def stored_groups(path: str, workspace: Workspace) -> Iterator[pa.Table]:
    """Read the row groups of a file of a gone slide that was whole a moment ago.

    Raises:
        UnreadError: One cannot be read now.
    """
    with storage_errors(path):
        yield from row_groups(path, workspace.files)


def unread_slides(config: CoverageConfig, workspace: Workspace) -> set[str]:
    """Return the ids of the gone slides that could not be read in this run, whose rows stay."""
    paths = [row["path"] for row in read_failures(workspace) if row["error"] == UnreadError.__name__]
    stems = {posixpath.splitext(posixpath.basename(path))[0] for path in paths}  # of a slide named by its file
    return {slide_id_of(path, config) for path in paths} | {stem for stem in stems if is_slide_id(stem)}
