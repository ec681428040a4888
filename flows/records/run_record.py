"""Record of a run: its summary, run.json, and the files that no longer belong to the output."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Literal, TypeVar

import pyarrow as pa

from flows.config.model import CoverageConfig
from flows.records.fingerprints import Json
from flows.records.provenance import (
    EMPTY,
    coverage_settings,
    package_versions,
    tiles_settings,
    with_settings,
)
from flows.records.review import Review
from flows.records.slides import CoveredSlide, SlideFile
from flows.records.stored_files import read_folder
from flows.storage.parquet import TableReference, read_table, write_json, write_table
from flows.storage.workspace import Workspace
from ratiopath.errors import RatiopathError
from schemas.coverage import coverage, tiles

File = TypeVar("File", bound=SlideFile)


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

    @property
    def is_tolerated(self) -> bool:
        """True if no more slides failed than are tolerated."""
        return self.put_aside <= self.tolerated

    def __str__(self) -> str:
        in_tables = self.found - self.put_aside
        recomputed = f"{self.recomputed} recomputed, " if self.recomputed else ""
        return (
            f"{in_tables} of {self.found} slides in the tables, {self.put_aside} put aside; {self.new} new, "
            f"{self.changed} changed, {recomputed}{self.unchanged} unchanged, {self.gone} gone; "
            f"{self.kept} of {self.tiles} tiles kept"
        )


class PutAsideError(RatiopathError):
    """The run finished, but more slides failed than the configuration tolerates.

    Attributes:
        summary: Counts of the run.
    """

    def __init__(self, summary: Summary) -> None:
        super().__init__(summary)
        self.summary = summary

    def __str__(self) -> str:
        return f"{self.summary}; {self.summary.tolerated:g} tolerated: see failures.parquet for each slide and reason"


class ReviewError(RatiopathError):
    """The run finished, but a class matches nothing or slides are to be reviewed, and `strict` is set.

    Attributes:
        summary: Counts of the run.
    """

    def __init__(self, summary: Summary) -> None:
        super().__init__(summary)
        self.summary = summary

    def __str__(self) -> str:
        return f"{self.summary}; not clean under strict: {'; '.join(self.summary.review.lines)}"


@dataclass(frozen=True, slots=True)
class TaskResults:
    """Results of a run's tasks."""

    slides: TableReference
    """Slides that were discovered."""
    grids: TableReference
    """Index of the grids."""
    overlays: TableReference
    """Overlay paths of each slide."""
    covered: TableReference
    """Index of the files in coverage/."""
    kept: TableReference
    """Index of the files in tiles/, with the report on each slide."""
    pictures: TableReference | None
    """Pictures of the slides; None if none are to be drawn."""

    @property
    def in_order(self) -> tuple[TableReference, ...]:
        """Results in the order of the tasks."""
        tables = (self.slides, self.grids, self.overlays, self.covered, self.kept)
        return tables if self.pictures is None else (*tables, self.pictures)

    @property
    def seconds(self) -> dict[str, float]:
        """Duration of each task by name, in seconds."""
        return {result.task: result.seconds for result in self.in_order}


def finish(
    config: CoverageConfig,
    workspace: Workspace,
    results: TaskResults,
    reports: pa.Table,
    failures: pa.Table,
    started: datetime,
) -> Summary:
    """Publish run.json, and remove files that no longer belong to the output.

    Files of slides that failed in this run are removed, and so are files of other settings, since a folder is one
    table. Files of slides that were not found are kept, unless the configuration drops them.

    Args:
        config: Configuration of the run.
        workspace: Workspace of the run.
        results: Results of the tasks.
        reports: Table of `schemas.slide_report`.
        failures: Failed slides.
        started: Time when the run began.
    """
    failed = set(failures["path"].to_pylist())
    found = failed.union(read_table(results.slides.path, workspace.files)["path"].to_pylist())
    covered = _in_tables(CoveredSlide, results.covered, workspace, found - failed)
    kept = _in_tables(SlideFile, results.kept, workspace, found - failed)
    gone = _tidy_folder(workspace, "coverage", covered, found, config)
    _tidy_folder(workspace, "tiles", kept, found, config)
    statuses = [slide.status for slide in covered]
    summary = Summary(
        output=workspace.output,
        found=len(found),
        new=statuses.count("new"),
        changed=statuses.count("changed"),
        recomputed=statuses.count("recomputed"),
        unchanged=statuses.count("unchanged"),
        put_aside=failures.num_rows,
        gone=len(gone),
        tolerated=config.may_put_aside(len(found)),
        tiles=sum(slide.rows for slide in covered),
        kept=sum(slide.rows for slide in kept),
        review=Review.of(reports, config),
    )
    write_json(_record(config, summary, gone, results.seconds, started), workspace.published("run.json"), workspace)
    return summary


def _in_tables(kind: type[File], index: TableReference, workspace: Workspace, paths: Collection[str]) -> list[File]:
    """Read the files of the slides with some paths from an index."""
    rows = read_table(index.path, workspace.files).to_pylist()
    return [kind.from_row(row) for row in rows if row["path"] in paths]


def _record(
    config: CoverageConfig, summary: Summary, gone: list[str], seconds: Mapping[str, float], started: datetime
) -> Json:
    """Return the content of run.json."""
    ended = datetime.now().astimezone()
    return {
        "configuration": config.model_dump(mode="json"),
        "versions": package_versions(),
        "counts": {name: count for name, count in asdict(summary).items() if name != "review"},
        "review": summary.review.to_json(),
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
    files: Iterable[SlideFile],
    found: Collection[str],
    config: CoverageConfig,
) -> list[str]:
    """Leave a folder that reads as one table: of these settings, without the failed slides.

    Args:
        workspace: Workspace of the run.
        folder: Name of the folder.
        files: Files of slides found that this run made or kept.
        found: Paths of all slides found, failed ones included.
        config: Configuration of the run.

    Returns:
        Paths of the slides that have a file in the folder and were not found this time, sorted.
    """
    storage, path = workspace.storage, workspace.published(folder)
    storage.make_folder(path)
    gone = set()
    for file, provenance in read_folder(path, storage, skip={slide.file for slide in files}):
        if provenance is None:
            continue
        slide = provenance.slide.path
        if slide not in found:
            gone.add(slide)
        if slide in found or not provenance.is_current(config) or config.gone == "drop":
            storage.remove(file)
    tables = {name for name in storage.names(path) if name.endswith(".parquet")}
    empty = workspace.published(folder, EMPTY)
    if not tables - {EMPTY}:
        schema, settings = {"coverage": (coverage, coverage_settings), "tiles": (tiles, tiles_settings)}[folder]
        columns = with_settings(schema(config.overlay_columns).arrow, settings(config))
        write_table(columns.empty_table(), empty, workspace)
    elif EMPTY in tables:
        storage.remove(empty)
    return sorted(gone)
