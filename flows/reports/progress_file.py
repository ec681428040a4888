"""Progress of the task that is going on, as a file in the hidden folder of the run, for the verb `status`."""

import json
import os
import platform
import posixpath
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from flows.storage.filesystem import OutputError, Storage
from flows.storage.parquet import write_json
from flows.storage.workspace import WORK, Workspace

NAME = "progress.json"
"""File in the hidden folder of a run."""
INTERVAL = 5.0
"""Least time between writes in s; each is one request to an object store."""
MAX_FAILURES = 1000
"""Failed slides of the task that the file names."""
MAX_REASON = 500
"""Characters of the reason of each."""
MAX_BYTES = 1 << 23
"""Bytes of the file that are read."""


@dataclass(slots=True)
class Progress:
    """Progress of one task."""

    task: str
    """Name of the task."""
    slides: int
    """Slides of the task."""
    began: str
    """Time when the task began, in ISO format."""
    updated: str
    """Time of this state, likewise."""
    seconds: float = 0.0
    """Time from the one to the other, in s."""
    done: int = 0
    """Slides that are done."""
    failed: int = 0
    """Slides that failed in this task."""
    failures: list[dict[str, str]] = field(default_factory=list)
    """Path and reason of the first of them."""
    part: str = ""
    """Part of the slides that the task works on; empty if there is only one."""
    process: str = field(default_factory=lambda: f"process {os.getpid()} on {platform.node()}")
    """Process of the run."""


class ProgressFile:
    """The file of one task of a run; if it cannot be written, the task goes on without it."""

    def __init__(
        self, task: str, slides: int, workspace: Workspace, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Write the file of a task at its beginning.

        Args:
            task: Name of the task.
            slides: Number of slides to process.
            workspace: Workspace of the run.
            clock: Returns the time in s.
        """
        self._workspace, self._clock = workspace, clock
        self._began = self._written = clock()
        now = _now()
        self._progress = Progress(task, slides, now, now, part=workspace.part.label)
        self._write()

    def advance(self, slide: str, reason: str | None) -> None:
        """Count a slide that is done or, with a reason, has failed."""
        if reason is None:
            self._progress.done += 1
        else:
            self._progress.failed += 1
            if len(self._progress.failures) < MAX_FAILURES:
                shown = " ".join(reason.split())[:MAX_REASON]
                self._progress.failures.append({"path": slide, "reason": shown})
        if self._clock() - self._written >= INTERVAL:
            self._write()

    def end(self) -> None:
        """Write the last state of the task."""
        self._write()

    def _write(self) -> None:
        self._written = self._clock()
        self._progress.updated, self._progress.seconds = _now(), self._written - self._began
        try:
            write_json(asdict(self._progress), self._workspace.of_run(NAME), self._workspace)
        except OutputError:
            return  # the tables tell if the output cannot be written


def read_progress(storage: Storage) -> Progress | None:
    """Read the progress of the run that is going on, or of the last one that died; None if there is none."""
    runs = posixpath.join(storage.root, WORK)
    found = [_read(posixpath.join(runs, run, NAME), storage) for run in storage.entries(runs)]
    return max((one for one in found if one is not None), key=lambda one: one.updated, default=None)


def _read(path: str, storage: Storage) -> Progress | None:
    try:
        content: dict[str, Any] = json.loads(storage.read_head(path, MAX_BYTES))
        return Progress(**content)
    except (ValueError, TypeError, OSError):
        return None


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="seconds")
