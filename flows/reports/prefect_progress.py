"""A bar in the Prefect UI that moves while slides finish."""

import logging
import re
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

import httpx
from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.context import TaskRunContext
from prefect.exceptions import PrefectException
from prefect.logging import get_run_logger

API_ERRORS = (httpx.HTTPError, PrefectException)
"""A server that is gone, refuses, or does not know what is asked for."""
INTERVAL = 1.0
"""Seconds between updates, so that 100,000 slides do not flood the server."""


class ProgressArtifact:
    """The bar of one task; nothing outside of a task run."""

    def __init__(self, task: str, slides: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Show an empty bar.

        Args:
            task: Its name.
            slides: How many it has to do.
            clock: Seconds.
        """
        self._task, self._slides, self._clock = task, slides, clock
        self._done, self._told, self._at = 0, 0, clock()
        self._id: UUID | None = None
        if slides and TaskRunContext.get():
            try:
                created = create_progress_artifact(0.0, key_of(f"progress {task}"), self._description)
                self._id = created if isinstance(created, UUID) else None  # async code would get a coroutine
            except API_ERRORS as error:
                self._fail(error)

    def advance(self) -> None:
        """Count a slide that is done or put aside."""
        self._done += 1
        if self._clock() - self._at >= INTERVAL:
            self._tell()

    def end(self) -> None:
        """Tell of the last slides."""
        if self._told < self._done:
            self._tell()

    @property
    def _description(self) -> str:
        return f"{self._task}: {self._done:,} of {self._slides:,} slides"

    def _tell(self) -> None:
        self._told, self._at = self._done, self._clock()
        if self._id is not None:
            try:
                update_progress_artifact(self._id, 100 * self._done / self._slides, self._description)
            except API_ERRORS as error:
                self._fail(error)

    def _fail(self, error: Exception) -> None:
        """A run goes on without its bar."""
        self._id = None
        get_run_logger().warning("no progress is shown any more: %s", error)


def key_of(text: str) -> str:
    """A key that Prefect takes for an artifact: lowercase letters, digits and dashes."""
    return re.sub("[^a-z0-9]+", "-", text.lower()).strip("-")


MAX_ROWS = 1_000
"""Lines of a kind that a task writes; a campaign of 100,000 slides would drown the log, and the tables tell all."""
_REPORTED = {"is_reported": True}
"""Marks lines that a run started by hand says at its end."""


def run_log() -> Any:
    """The log of the task run that this is in; outside of one, this module's."""
    return get_run_logger() if TaskRunContext.get() else logging.getLogger(__name__)


class SlideLines:
    """The lines of one task."""

    def __init__(self, task: str, level: int) -> None:
        """Begin.

        Args:
            task: Its name.
            level: Of the line of a slide that is done. A slide put aside is a warning.
        """
        self._task, self._level = task, level
        self._log = run_log()
        self._done = self._aside = 0

    def done(self, slide: str, seconds: float | None) -> None:
        """Say that a slide is done."""
        self._done += 1
        if self._done <= MAX_ROWS:
            self._log.log(self._level, "%s: done %s%s", self._task, slide, _in(seconds))

    def put_aside(self, slide: str, reason: str) -> None:
        """Say that a slide is put aside, and why."""
        self._aside += 1
        if self._aside <= MAX_ROWS:
            self._log.warning("%s: put aside %s: %s", self._task, slide, " ".join(reason.split()), extra=_REPORTED)

    def end(self) -> None:
        """Say how many have no line of their own."""
        for what, count in (("done", self._done), ("put aside", self._aside)):
            if count > MAX_ROWS:
                self._log.info("%s: %d more %s, without a line each", self._task, count - MAX_ROWS, what)


def is_not_reported(record: logging.LogRecord) -> bool:
    """Whether a line is not said at the end of a run started by hand."""
    return not getattr(record, "is_reported", False)


def _in(seconds: float | None) -> str:
    return "" if seconds is None else f" in {seconds:.2f} s"
