"""Progress of a task in Prefect: the progress artifact, and a log line per slide."""

import logging
import re
import time
from collections import Counter
from collections.abc import Callable
from uuid import UUID

import httpx
from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.context import TaskRunContext
from prefect.exceptions import PrefectException
from prefect.logging import get_run_logger

from flows.reports.run_log import run_log

API_ERRORS = (httpx.HTTPError, PrefectException)
"""Errors of a server that is unreachable, refuses a request, or does not know the artifact."""
INTERVAL = 1.0
"""Least time between updates in s, so that 100,000 slides do not flood the server."""
MAX_LINES = 1_000
"""Largest number of log lines of a kind per task: 100,000 would bury the rest of the log, and the tables hold all."""
_REPORTED = {"is_reported": True}
"""Attributes of log records that the command line repeats after the run."""


class ProgressArtifact:
    """The progress artifact of one task run; outside a task run, nothing is sent."""

    def __init__(self, task: str, slides: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Create the artifact at 0 %.

        Args:
            task: Name of the task.
            slides: Number of slides to process.
            clock: Returns the time in s.
        """
        self._task, self._slides, self._clock = task, slides, clock
        self._done, self._sent, self._sent_at = 0, 0, clock()
        self._id: UUID | None = None
        if slides and TaskRunContext.get():
            try:
                created = create_progress_artifact(0.0, artifact_key(f"progress {task}"), self._description)
                self._id = created if isinstance(created, UUID) else None  # async code would get a coroutine
            except API_ERRORS as error:
                self._give_up(error)

    def advance(self) -> None:
        """Count one finished or failed slide."""
        self._done += 1
        if self._clock() - self._sent_at >= INTERVAL:
            self._send()

    def end(self) -> None:
        """Send the final count."""
        if self._sent < self._done:
            self._send()

    @property
    def _description(self) -> str:
        return f"{self._task}: {self._done:,} of {self._slides:,} slides"

    def _send(self) -> None:
        self._sent, self._sent_at = self._done, self._clock()
        if self._id is not None:
            try:
                update_progress_artifact(self._id, 100 * self._done / self._slides, self._description)
            except API_ERRORS as error:
                self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        """Go on without the artifact."""
        self._id = None
        get_run_logger().warning("%s: the progress bar stopped, the task goes on: %s", self._task, error)


class SlideLog:
    """Log lines of one task, one per slide."""

    def __init__(self, task: str, level: int) -> None:
        """Open the log of the current run.

        Args:
            task: Name of the task.
            level: Logging level of finished slides; failed slides are warnings.
        """
        self._task, self._level = task, level
        self._log = run_log()
        self._counts = Counter[str]()

    def add(self, slide: str, seconds: float | None, reason: str | None) -> None:
        """Log a slide.

        Args:
            slide: Its path.
            seconds: Time of the workers in s; None if unknown.
            reason: Its error; None if the slide is done.
        """
        status = "done" if reason is None else "failed"
        self._counts[status] += 1
        if self._counts[status] > MAX_LINES:
            return
        if reason is None:
            duration = "" if seconds is None else f" in {seconds:.2f} s"
            self._log.log(self._level, "%s: done %s%s", self._task, slide, duration)
        else:
            self._log.warning("%s: failed %s: %s", self._task, slide, " ".join(reason.split()), extra=_REPORTED)

    def end(self) -> None:
        """Log the number of slides without a line of their own."""
        for status, count in sorted(self._counts.items()):
            if count > MAX_LINES:
                self._log.info("%s: %d more %s, not listed", self._task, count - MAX_LINES, status)


def is_not_reported(record: logging.LogRecord) -> bool:
    """Return True if the command line does not repeat a log record after the run."""
    return not getattr(record, "is_reported", False)


def artifact_key(text: str) -> str:
    """Convert text to an artifact key as Prefect accepts it: lowercase letters, digits and dashes."""
    return re.sub("[^a-z0-9]+", "-", text.lower()).strip("-")
