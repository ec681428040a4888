"""Record of a run: its summary, run.json, and the files that no longer belong to the output."""

import platform
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from importlib.metadata import version
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

from flows.config.model import CoverageConfig
from flows.records.fingerprints import Json
from flows.records.masks import remove_masks
from flows.records.output_files import OutputFiles
from flows.records.output_layout import KEY
from flows.records.provenance import EMPTY, coverage_settings, tiles_schema, tiles_settings, with_settings
from flows.records.review import Review
from flows.records.stored_files import UnreadError, read_folder
from flows.storage.listing import list_files, names_but
from flows.storage.parquet import write_json, write_table
from flows.storage.slices import in_slices
from flows.storage.workspace import SUFFIXES, Workspace
from ratiopath.errors import RatiopathError
from schemas.coverage import coverage

PACKAGES = ("ratiopath-flows", "prefect", "ray", "pandera", "pyarrow", "numpy", "tifffile", "imagecodecs", "shapely")
"""Packages that the results depend on, whose versions are written to run.json."""


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts of a run."""

    output: str
    """Folder or URI of the tables."""
    found: int
    """Slides found."""
    new: int
    """Slides that were not in the tables before, or not with this tiling."""
    changed: int
    """Slides measured again because they, their overlays or the configuration changed."""
    recomputed: int
    """Slides measured again because of `force`."""
    unchanged: int
    """Slides whose files were kept."""
    put_aside: int
    """Failed slides, named in failures.parquet and not in the tables."""
    gone: int
    """Slides of earlier runs that were not found this time."""
    tolerated: float
    """Slides that may fail before the run counts as failed."""
    tiles: int
    """Tiles of the slides in the tables."""
    kept: int
    """Tiles that `keep` keeps."""
    review: Review = field(default_factory=Review)
    """Classes that match nothing, and slides to review."""
    exports: tuple[str, ...] = ()
    """A line per export: the format, its slides, and the folder."""

    def to_json(self) -> Json:
        """Return the counts and the review as plain values."""
        counts = {name: count for name, count in asdict(self).items() if name not in {"review", "exports"}}
        return {**counts, "review": self.review.to_json(), "exports": list(self.exports)}

    def __str__(self) -> str:
        in_tables = self.found - self.put_aside
        recomputed = f"{self.recomputed} recomputed, " if self.recomputed else ""
        return (
            f"{in_tables} of {self.found} slides in the tables, {self.put_aside} put aside; {self.new} new, "
            f"{self.changed} changed, {recomputed}{self.unchanged} unchanged, {self.gone} gone; "
            f"{self.kept} of {self.tiles} tiles kept"
        )


class FinishedError(RatiopathError):
    """The run finished, but counts as failed.

    Attributes:
        summary: Counts of the run.
    """

    def __init__(self, summary: Summary) -> None:
        super().__init__(summary)
        self.summary = summary


class PutAsideError(FinishedError):
    """More slides failed than the configuration tolerates."""

    def __str__(self) -> str:
        return f"{self.summary}; {self.summary.tolerated:g} tolerated: see failures.parquet for each slide and reason"


class ReviewError(FinishedError):
    """A class matches nothing or slides are to be reviewed, and `strict` is set."""

    def __str__(self) -> str:
        return f"{self.summary}; not clean under strict: {'; '.join(self.summary.review.lines)}"


def finish(
    config: CoverageConfig,
    workspace: Workspace,
    slides: pa.Table,
    reports: pa.Table,
    failures: pa.Table,
    exports: Sequence[Mapping[str, Any]],
    seconds: Mapping[str, float],
    started: datetime,
) -> Summary:
    """Publish run.json, and remove files that no longer belong to the output.

    Files of slides that failed in this run are removed, and so are damaged files and files of other settings, since a
    folder is one table. Files of slides that were not found are kept, unless the configuration drops them; also those
    that cannot be read at the moment.

    Args:
        config: Configuration of the run.
        workspace: Workspace of the run.
        slides: Content of slides.parquet.
        reports: Table of `schemas.slide_report`.
        failures: Failed slides.
        exports: A row of `schemas.intermediate.EXPORTS` per format.
        seconds: Duration of each task by name, in seconds.
        started: Time when the run began.
    """
    is_done = pc.not_equal(reports["status"], "gone")
    done = reports.filter(is_done)
    gone = {*reports.filter(pc.invert(is_done))["path"].to_pylist()}
    gone |= _tidy_folder(workspace, "coverage", reports, failures, config)
    _tidy_folder(workspace, "tiles", reports, failures, config)
    if config.detected is not None:
        covered = OutputFiles.of(workspace).ids_in("coverage")
        remove_masks(workspace, but=pa.chunked_array([*slides["slide_id"].chunks, *covered.chunks]))
    statuses = Counter(in_slices(done["status"]))
    found = done.num_rows + failures.num_rows
    summary = Summary(
        output=workspace.output,
        found=found,
        new=statuses["new"],
        changed=statuses["changed"],
        recomputed=statuses["recomputed"],
        unchanged=statuses["unchanged"],
        put_aside=failures.num_rows,
        gone=len(gone),
        tolerated=config.may_put_aside(found),
        tiles=pc.sum(done["tiles"]).as_py() or 0,
        kept=pc.sum(done["kept"]).as_py() or 0,
        review=Review.of(reports, config),
        exports=tuple(map(_export_line, exports)),
    )
    alignments: dict[str, Counter[str]] = {name: Counter() for name in config.overlays}
    for cases in in_slices(done["alignments"]):
        for name, case in cases:
            alignments[name][case] += 1
    formats = {row["format"]: {key: value for key, value in row.items() if key != "format"} for row in exports}
    found_out = {
        KEY: workspace.layout,
        "alignments": {name: dict(cases) for name, cases in alignments.items()},
        "exports": formats,
    }
    record = _record(config, summary, found_out, sorted(gone), seconds, started)
    write_json(record, workspace.published("run.json"), workspace)
    return summary


def _export_line(row: Mapping[str, Any]) -> str:
    aside = f", {row['put_aside']:,} put aside: see export.json in it" if row["put_aside"] else ""
    return f"export {row['format']}: {row['slides']:,} slides, {row['written']:,} written, in {row['folder']}{aside}"


def _record(
    config: CoverageConfig,
    summary: Summary,
    found: Mapping[str, Any],
    gone: list[str],
    seconds: Mapping[str, float],
    started: datetime,
) -> Json:
    """Return the content of run.json."""
    ended = datetime.now().astimezone()
    return {
        "configuration": config.model_dump(mode="json"),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}},
        "counts": {name: count for name, count in asdict(summary).items() if name not in {"review", "exports"}},
        "review": summary.review.to_json(),
        **found,
        "gone": gone,
        "times": {
            "started": started.isoformat(),
            "ended": ended.isoformat(),
            "seconds": round((ended - started).total_seconds(), 3),
            "seconds_per_task": {task: round(spent, 3) for task, spent in seconds.items()},
        },
    }


def _tidy_folder(
    workspace: Workspace,
    folder: Literal["coverage", "tiles"],
    reports: pa.Table,
    failures: pa.Table,
    config: CoverageConfig,
) -> set[str]:
    """Leave a folder that reads as one table: of these settings, without the failed slides and without damage.

    Args:
        workspace: Workspace of the run.
        folder: Name of the folder.
        reports: Slides in the tables, whose files this run made or kept.
        failures: Failed slides; files of those that are gone and could not be read are kept.
        config: Configuration of the run.

    Returns:
        Paths of slides without a report that have a file in the folder and were not found this time.
    """
    path = workspace.published(folder)
    workspace.make_folder(path)
    listing, is_below = list_files(workspace, path), workspace.is_below(folder)
    others = names_but(listing, SUFFIXES[folder], reports["slide_id"], is_below=is_below)
    left = pc.sum(pc.ends_with(listing["name"], SUFFIXES[folder])).as_py() or 0
    found, gone = set[str](), set[str]()
    if others:
        found = {*reports.filter(pc.not_equal(reports["status"], "gone"))["path"].to_pylist()}
        found.update(failures.filter(pc.not_equal(failures["error"], UnreadError.__name__))["path"].to_pylist())
    for file in read_folder(folder, others, workspace):
        is_removed = file.state == "damaged"
        if file.state == "whole" and file.provenance is not None:
            slide = file.provenance.slide.path
            if slide not in found:
                gone.add(slide)
            is_removed = slide in found or not file.provenance.is_current(config) or config.gone == "drop"
        if is_removed:
            workspace.remove_of_slide(file.path)
            left -= 1
    _settle_empty(workspace, folder, config, tables=left, is_there=EMPTY in others)
    return gone


def _settle_empty(
    workspace: Workspace,
    folder: Literal["coverage", "tiles"],
    config: CoverageConfig,
    *,
    tables: int,
    is_there: bool,
) -> None:
    """Write the file that carries the schema of a folder without slides, or remove it.

    Args:
        workspace: Workspace of the run.
        folder: Name of the folder.
        config: Configuration of the run.
        tables: Number of tables in the folder.
        is_there: True if this file is one of them.
    """
    empty = workspace.published(folder, EMPTY)
    if tables == is_there:
        schema, settings = (
            (coverage(config.overlay_columns), coverage_settings(config))
            if folder == "coverage"
            else (tiles_schema(config), tiles_settings(config))
        )
        columns = with_settings(schema.arrow, settings)
        write_table(columns.empty_table(), empty, workspace)
    elif is_there:
        workspace.remove(empty)
