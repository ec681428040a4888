"""TODO."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

import pyarrow as pa

from flows.config.model import CoverageConfig
from flows.records.provenance import (
    EMPTY,
    FORMAT,
    Record,
    coverage_configuration,
    records_in,
    tiles_configuration,
    versions,
    with_metadata,
)
from flows.storage.parquet import TableReference, read_table, write_json, write_table
from flows.storage.workspace import Workspace
from ratiopath.errors import RatiopathError
from schemas.coverage import coverage, tiles
from schemas.failures import STAGES


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run did."""

    output: str
    """Folder of the tables."""
    found: int
    """Slides found."""
    new: int
    """Slides that were not in the tables before, or not with this tiling."""
    changed: int
    """Slides that were, and were computed anew: they, their overlays or the configuration changed."""
    unchanged: int
    """Slides that were left alone."""
    put_aside: int
    """Slides that are not in the tables, for reasons in failures.parquet."""
    gone: int
    """Slides of earlier runs that were not found this time."""
    tolerated: float
    """Slides that may be put aside before the run counts as failed."""
    tiles: int
    """Tiles of the slides that are in the tables."""
    kept: int
    """Tiles that `keep` keeps."""

    @property
    def is_tolerated(self) -> bool:
        """Whether few enough slides were put aside."""
        return self.put_aside <= self.tolerated

    def __str__(self) -> str:
        in_tables = self.found - self.put_aside
        return (
            f"{in_tables} of {self.found} slides in the tables, {self.put_aside} put aside; {self.new} new, "
            f"{self.changed} changed, {self.unchanged} unchanged, {self.gone} gone; "
            f"{self.kept} of {self.tiles} tiles kept"
        )


class PutAsideError(RatiopathError):
    """The run finished, but more slides were put aside than the configuration tolerates.

    Attributes:
        summary: What the run did.
    """

    def __init__(self, summary: Summary) -> None:
        super().__init__(summary)
        self.summary = summary

    def __str__(self) -> str:
        return f"{self.summary}; {self.summary.tolerated:g} tolerated: failures.parquet tells which and why"


def finish(
    config: CoverageConfig,
    workspace: Workspace,
    given: Mapping[str, TableReference],
    failures: pa.Table,
    seconds: Mapping[str, float],
    started: datetime,
) -> Summary:
    """Publish run.json, and remove what no longer belongs.

    Files of slides that were put aside in this run are removed, and so are files of another configuration, since a
    folder is one table. Files of slides that were not found this time stay, unless the configuration drops them.

    Args:
        config: Of the run.
        workspace: Where it wrote.
        given: What each task gave, by stage.
        failures: The slides put aside.
        seconds: What each task took, by stage.
        started: When the run began.
    """
    discover, covered, kept = (given[STAGES[number]] for number in (0, 3, 4))
    put_aside = set(failures["path"].to_pylist())
    found = put_aside.union(read_table(discover.path, workspace.files)["path"].to_pylist())
    in_tables = found - put_aside
    covered_rows, kept_rows = (
        [row for row in read_table(index.path, workspace.files).to_pylist() if row["path"] in in_tables]
        for index in (covered, kept)
    )
    gone = _tidy(workspace, "coverage", covered_rows, found, coverage_configuration(config), config)
    _tidy(workspace, "tiles", kept_rows, found, tiles_configuration(config), config)
    statuses = [row["status"] for row in covered_rows]
    summary = Summary(
        output=workspace.output,
        new=statuses.count("new"),
        changed=statuses.count("changed"),
        unchanged=statuses.count("unchanged"),
        gone=len(gone),
        found=len(found),
        put_aside=failures.num_rows,
        tolerated=config.may_put_aside(len(found)),
        tiles=sum(row["rows"] for row in covered_rows),
        kept=sum(row["rows"] for row in kept_rows),
    )
    ended = datetime.now().astimezone()
    record = {
        "configuration": config.model_dump(mode="json"),
        "versions": versions(),
        "counts": asdict(summary),
        "gone": gone,
        "times": {
            "started": started.isoformat(),
            "ended": ended.isoformat(),
            "seconds": round((ended - started).total_seconds(), 3),
            "seconds_per_task": {stage: round(spent, 3) for stage, spent in seconds.items()},
        },
    }
    write_json(record, workspace.published("run.json"), workspace)
    return summary


def _tidy(
    workspace: Workspace,
    folder: Literal["coverage", "tiles"],
    rows: Sequence[Mapping[str, Any]],
    found: Collection[str],
    configuration: Record,
    config: CoverageConfig,
) -> list[str]:
    """Leave a folder that reads as one table: of this configuration, without the slides put aside.

    Args:
        workspace: Where the folder is.
        folder: Which one.
        rows: The files of slides found that this run made or left alone.
        found: All slides found, also those put aside.
        configuration: What files carry that belong here.
        config: Whether gone slides are dropped.

    Returns:
        The slides in it, until now, that were not found this time.
    """
    storage = workspace.storage
    storage.make_folder(workspace.published(folder))
    gone = set()
    for path, record in records_in(workspace.published(folder), storage, but={row["file"] for row in rows}):
        slide = record["slide"]["identity"]["path"]
        if slide not in found:
            gone.add(slide)
        is_ours = record["format"] == FORMAT and record["configuration"] == configuration
        if slide in found or not is_ours or config.gone == "drop":
            storage.remove(path)
    tables = {name for name in storage.names(workspace.published(folder)) if name.endswith(".parquet")}
    empty = workspace.published(folder, EMPTY)
    if not tables - {EMPTY}:
        schema = {"coverage": coverage, "tiles": tiles}[folder](config.overlay_columns).arrow
        write_table(with_metadata(schema, {"configuration": configuration}).empty_table(), empty, workspace)
    elif EMPTY in tables:
        storage.remove(empty)
    return sorted(gone)
