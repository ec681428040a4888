"""The end of a run: what was put aside, what no longer belongs into the tables, and what the run has to say."""

import os
import shutil
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from flows.config import CoverageConfig
from flows.provenance import KEY, coverage_metadata, made_with, tiles_metadata, versions
from flows.tables import TableReference, read_table, write_json, write_table
from flows.tasks.discover_slides import slide_id
from flows.workspace import Workspace
from schemas.coverage import coverage, tiles
from schemas.failures import FAILURES, STAGES
from schemas.table import checked

EMPTY = "empty.parquet"
"""Carries the schema of a folder without slides."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run did."""

    output: str
    """Folder of the tables."""
    found: int
    """Slides found."""
    put_aside: int
    """Slides that are not in the tables, for reasons in failures.parquet."""
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
            f"{in_tables} of {self.found} slides in the tables, {self.put_aside} put aside; "
            f"{self.kept} of {self.tiles} tiles kept"
        )


def finish(
    config: CoverageConfig,
    workspace: Workspace,
    given: Mapping[str, TableReference],
    seconds: Mapping[str, float],
    started: datetime,
) -> Summary:
    """Publish failures.parquet and run.json, and remove what no longer belongs.

    Files of slides that were put aside in this run are removed, and so are files of another configuration, since a
    folder is one table. Files of slides that were not found this time stay.

    Args:
        config: Of the run.
        workspace: Where it wrote.
        given: What each task gave, by stage.
        seconds: What each task took, by stage.
        started: When the run began.
    """
    discovered, covered, kept = (given[STAGES[number]] for number in (0, 3, 4))
    failures = _failures(given)
    write_table(failures, workspace.published("failures.parquet"), workspace.hidden)
    aside = {slide_id(path, config) for path in failures["path"].to_pylist()}
    found = discovered.rows + discovered.put_aside
    summary = Summary(
        output=workspace.output,
        found=found,
        put_aside=failures.num_rows,
        tolerated=config.may_put_aside(found),
        tiles=_rows(covered),
        kept=_rows(kept),
    )
    coverage_schema = coverage(config.overlay_columns).arrow.with_metadata(coverage_metadata(config))
    tiles_schema = tiles(config.overlay_columns).arrow.with_metadata(tiles_metadata(config))
    _tidy(workspace, "coverage", covered, aside, coverage_schema)
    _tidy(workspace, "tiles", kept, aside, tiles_schema)
    ended = datetime.now().astimezone()
    record = {
        "configuration": config.model_dump(mode="json"),
        "versions": versions(),
        "counts": asdict(summary),
        "times": {
            "started": started.isoformat(),
            "ended": ended.isoformat(),
            "seconds": round((ended - started).total_seconds(), 3),
            "seconds_per_task": {stage: round(spent, 3) for stage, spent in seconds.items()},
        },
    }
    write_json(record, workspace.published("run.json"), workspace.hidden)
    shutil.rmtree(workspace.hidden, ignore_errors=True)
    return summary


def _failures(given: Mapping[str, TableReference]) -> pa.Table:
    """Each slide put aside once, for the first reason there was."""
    first: dict[str, dict[str, str]] = {}
    for stage in STAGES:
        for failure in read_table(given[stage].failures).to_pylist():
            first.setdefault(failure["path"], failure)
    return checked(pa.Table.from_pylist([first[path] for path in sorted(first)], FAILURES.arrow), FAILURES)


def _rows(index: TableReference) -> int:
    return int(pc.sum(read_table(index.path)["rows"]).as_py() or 0)


def _tidy(workspace: Workspace, folder: str, index: TableReference, aside: Collection[str], schema: pa.Schema) -> None:
    """Leave a folder that reads as one table: of this configuration, without the slides put aside."""
    os.makedirs(workspace.published(folder), exist_ok=True)
    current = {os.path.basename(file) for file in read_table(index.path)["file"].to_pylist()}
    for name in set(os.listdir(workspace.published(folder))) - current:
        path = workspace.published(folder, name)
        stem, suffix = os.path.splitext(name)
        if suffix == ".parquet" and (stem in aside or made_with(path) not in (None, schema.metadata[KEY])):
            os.unlink(path)
    tables = {name for name in os.listdir(workspace.published(folder)) if name.endswith(".parquet")}
    if not tables - {EMPTY}:
        write_table(schema.empty_table(), workspace.published(folder, EMPTY), workspace.hidden)
    elif EMPTY in tables:
        os.unlink(workspace.published(folder, EMPTY))
