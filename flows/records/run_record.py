"""Record of a run: its summary, run.json, and the files that no longer belong to the output."""

import platform
import posixpath
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from importlib.metadata import version
from typing import Any, Literal

import pyarrow as pa

from flows.config.model import CoverageConfig
from flows.records.fingerprints import Json
from flows.records.masks import remove_masks
from flows.records.output_layout import KEY
from flows.records.provenance import EMPTY, coverage_settings, tiles_schema, tiles_settings, with_settings
from flows.records.review import Review
from flows.records.stored_files import UnreadError, read_folder
from flows.storage.listing import list_names
from flows.storage.parquet import read_table, write_json, write_table
from flows.storage.workspace import Workspace
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
        reports: Table of `schemas.slide_report`.
        failures: Failed slides.
        exports: A row of `schemas.intermediate.EXPORTS` per format.
        seconds: Duration of each task by name, in seconds.
        started: Time when the run began.
    """
    done = [slide for slide in reports.to_pylist() if slide["status"] != "gone"]
    ids, paths = ({slide[name] for slide in done} for name in ("slide_id", "path"))
    found = paths.union(failures["path"].to_pylist())
    kept = {row["path"] for row in failures.to_pylist() if row["error"] == UnreadError.__name__}
    gone = _tidy_folder(workspace, "coverage", ids, found - kept, config)
    _tidy_folder(workspace, "tiles", ids, found - kept, config)
    if config.detected is not None:
        readable = read_table(workspace.published("slides.parquet"), workspace.files)["slide_id"].to_pylist()
        covered = (posixpath.splitext(name)[0] for name, _ in list_names(workspace, workspace.published("coverage")))
        remove_masks(workspace, but={*readable, *covered})
    statuses = Counter(slide["status"] for slide in done)
    summary = Summary(
        output=workspace.output,
        found=len(found),
        new=statuses["new"],
        changed=statuses["changed"],
        recomputed=statuses["recomputed"],
        unchanged=statuses["unchanged"],
        put_aside=failures.num_rows,
        gone=len(gone),
        tolerated=config.may_put_aside(len(found)),
        tiles=sum(slide["tiles"] for slide in done),
        kept=sum(slide["kept"] for slide in done),
        review=Review.of(reports, config),
        exports=tuple(map(_export_line, exports)),
    )
    cases = [case for slide in done for case in slide["alignments"]]
    alignments = {name: dict(Counter(case for one, case in cases if one == name)) for name in config.overlays}
    formats = {row["format"]: {key: value for key, value in row.items() if key != "format"} for row in exports}
    noted = {KEY: workspace.layout, "alignments": alignments, "exports": formats}
    record = _record(config, summary, noted, gone, seconds, started)
    write_json(record, workspace.published("run.json"), workspace)
    return summary


def _export_line(row: Mapping[str, Any]) -> str:
    aside = f", {row['put_aside']:,} put aside: see export.json in it" if row["put_aside"] else ""
    return f"export {row['format']}: {row['slides']:,} slides, {row['written']:,} written, in {row['folder']}{aside}"


def _record(
    config: CoverageConfig,
    summary: Summary,
    noted: Mapping[str, Any],
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
        **noted,
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
    ids: Iterable[str],
    found: Collection[str],
    config: CoverageConfig,
) -> list[str]:
    """Leave a folder that reads as one table: of these settings, without the failed slides and without damage.

    Args:
        workspace: Workspace of the run.
        folder: Name of the folder.
        ids: Slides found whose files this run made or kept.
        found: Paths of all slides found, failed ones included; without gone slides that could not be read.
        config: Configuration of the run.

    Returns:
        Paths of the slides that have a file in the folder and were not found this time, sorted.
    """
    path = workspace.published(folder)
    workspace.make_folder(path)
    gone = set()
    for file in read_folder(folder, workspace, skip={workspace.of_slide(folder, slide) for slide in ids}):
        if file.state == "damaged":
            workspace.remove_of_slide(file.path)
        if file.state != "whole" or file.provenance is None:
            continue
        slide = file.provenance.slide.path
        if slide not in found:
            gone.add(slide)
        if slide in found or not file.provenance.is_current(config) or config.gone == "drop":
            workspace.remove_of_slide(file.path)
    tables = {name for name, _ in list_names(workspace, path) if name.endswith(".parquet")}
    empty = workspace.published(folder, EMPTY)
    if not tables - {EMPTY}:
        schema, settings = (
            (coverage(config.overlay_columns), coverage_settings(config))
            if folder == "coverage"
            else (tiles_schema(config), tiles_settings(config))
        )
        columns = with_settings(schema.arrow, settings)
        write_table(columns.empty_table(), empty, workspace)
    elif EMPTY in tables:
        workspace.remove(empty)
    return sorted(gone)
