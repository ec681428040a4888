"""Status of an output: a run that is going on, one that died, or the last one that finished; nothing is written."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa

from flows.config.errors import ConfigurationError
from flows.records.failures import read_failures
from flows.records.fingerprints import Json
from flows.records.output_layout import read_record
from flows.reports.progress_file import Progress, read_progress
from flows.storage.filesystem import Storage
from flows.storage.lock import LeaseTiming, read_holder
from flows.storage.parquet import read_table
from flows.storage.workspace import WORK, Workspace
from ratiopath.errors import RatiopathError

State = Literal["going on", "died", "finished"]
"""State of the last run."""
MINUTE = 60.0
"""Seconds."""
_TIMING = LeaseTiming()
_HARMLESS = ("export", "draw previews")
"""Beginnings of the names of tasks that put no slide aside: what they cannot write is only left out."""


@dataclass(frozen=True, slots=True)
class Status:
    """Status of the last run of an output."""

    state: State
    """State of the run; died: it ended before it finished, and the next one resumes."""
    holder: str | None
    """Process of a run that is going on, as far as it is known."""
    progress: Progress | None
    """Task of a run that is going on or died; None if it has begun none."""
    failures: Sequence[Mapping[str, str]]
    """Slides put aside so far, or by the finished run: path, stage and reason."""
    record: Json | None
    """Content of run.json, that of the last run that finished; None if none has."""

    @property
    def put_aside(self) -> int:
        """Number of slides put aside, also those that `failures` leaves out."""
        if self.state == "finished":
            return len(self.failures)
        if self.progress is None or self.progress.task.startswith(_HARMLESS):
            return len(self.failures)
        return len(self.failures) + self.progress.failed - len(self.progress.failures)

    @property
    def left(self) -> int:
        """Slides that the task has not got to."""
        return 0 if self.progress is None else self.progress.slides - self.progress.done - self.progress.failed

    @property
    def slides_per_minute(self) -> float | None:
        """Rate of the task so far; None before its first slide."""
        if self.progress is None or not self.progress.seconds:
            return None
        rate = MINUTE * (self.progress.done + self.progress.failed) / self.progress.seconds
        return rate or None

    @property
    def seconds_left(self) -> float | None:
        """Time that the task still takes at its rate so far, s; None if it is unknown."""
        rate = self.slides_per_minute
        return None if self.state != "going on" or rate is None else MINUTE * self.left / rate

    @property
    def code(self) -> int:
        """Exit code: 0 going on or finished well, 1 died, 3 finished, but counts as failed."""
        if self.state == "died":
            return 1
        return 3 if self.state == "finished" and self.record is not None and _counts_as_failed(self.record) else 0

    def to_json(self) -> Json:
        """Return the status for programs."""
        progress = self.progress
        return {
            "state": self.state,
            "process": self.holder,
            "task": None if progress is None else progress.task,
            "slides": None if progress is None else progress.slides,
            "done": None if progress is None else progress.done,
            "failed": None if progress is None else progress.failed,
            "left": None if progress is None else self.left,
            "task_began": None if progress is None else progress.began,
            "updated": None if progress is None else progress.updated,
            "slides_per_minute": self.slides_per_minute,
            "seconds_left": self.seconds_left,
            "put_aside": self.put_aside,
            "failures": [dict(failure) for failure in self.failures],
            "last_finished": None
            if self.record is None
            else {name: self.record.get(name) for name in ("counts", "review", "times")},
        }


def read_status(output: str, timing: LeaseTiming = _TIMING) -> Status:
    """Read the status of an output.

    Args:
        output: Folder, or URI of a store.
        timing: Timing of the leases on a store.

    Raises:
        ConfigurationError: It is no output.
        OSError: The storage does not answer.
    """
    workspace = Workspace.at(output)
    is_there = not workspace.is_local or os.path.isdir(workspace.root)
    holder = read_holder(workspace, timing) if is_there else None
    has_work = bool(workspace.entries(workspace.published(WORK)))
    record = _read_record(workspace)
    if record is None and not has_work and holder is None:
        raise ConfigurationError(
            f"output: {output!r} holds no run (neither run.json nor the folder of one that is going on); give the "
            "folder or URI that the configuration names as output"
        )
    if holder is None and not has_work:
        return Status("finished", None, None, _published_failures(workspace), record)
    progress = read_progress(workspace)
    process = None if holder is None else (holder if progress is None else progress.process)
    failures = _failures_so_far(workspace, progress)
    return Status("died" if holder is None else "going on", process, progress, failures, record)


def _read_record(storage: Storage) -> Json | None:
    found = read_record(storage)
    return found if found is not None and isinstance(found.get("counts"), dict) else None


def _published_failures(workspace: Workspace) -> list[dict[str, str]]:
    try:
        rows = read_table(workspace.published("failures.parquet"), workspace.files).to_pylist()
    except FileNotFoundError:
        return []
    return [_failure(row) for row in rows]


def _failures_so_far(workspace: Workspace, progress: Progress | None) -> list[dict[str, str]]:
    """Read the slides put aside by the tasks that have ended, and by the one that is going on."""
    found: dict[str, dict[str, str]] = {}
    for run in workspace.entries(workspace.published(WORK)):
        of_run = Workspace(workspace.files, workspace.root, workspace.output, run)
        try:
            rows = read_failures(of_run)
        except (OSError, RatiopathError, pa.ArrowException):
            continue  # the run has ended meanwhile
        for row in rows:
            found.setdefault(row["path"], _failure(row))
    if progress is not None and not progress.task.startswith(_HARMLESS):
        for failure in progress.failures:
            found.setdefault(failure["path"], {"path": failure["path"], "stage": progress.task, **failure})
    return [found[path] for path in sorted(found)]


def _failure(row: Mapping[str, Any]) -> dict[str, str]:
    return {"path": row["path"], "stage": row["stage"], "reason": f"{row['error']}: {row['message']}"}


def _counts_as_failed(record: Json) -> bool:
    """Return True if the run of a run.json ended with exit code 3; see `Review.is_clean`."""
    counts, review = record["counts"], record.get("review") or {}
    unmatched = [one for one in review.get("absent_classes", []) if one["absent"] == one["slides"]]
    is_strict = (record.get("configuration") or {}).get("strict", False)
    is_clean = not review.get("to_review") and not unmatched
    return counts.get("put_aside", 0) > counts.get("tolerated", 0) or (is_strict and not is_clean)
