"""A line in the run's log for each slide, written by the driver: what workers log is lost when they stop."""

import logging
from typing import Any

from prefect.context import TaskRunContext
from prefect.logging import get_run_logger

MOST = 1_000
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
        if self._done <= MOST:
            self._log.log(self._level, "%s: done %s%s", self._task, slide, _in(seconds))

    def put_aside(self, slide: str, reason: str) -> None:
        """Say that a slide is put aside, and why."""
        self._aside += 1
        if self._aside <= MOST:
            self._log.warning("%s: put aside %s: %s", self._task, slide, " ".join(reason.split()), extra=_REPORTED)

    def end(self) -> None:
        """Say how many have no line of their own."""
        for what, count in (("done", self._done), ("put aside", self._aside)):
            if count > MOST:
                self._log.info("%s: %d more %s, without a line each", self._task, count - MOST, what)


def is_not_reported(record: logging.LogRecord) -> bool:
    """Whether a line is not said at the end of a run started by hand."""
    return not getattr(record, "is_reported", False)


def _in(seconds: float | None) -> str:
    return "" if seconds is None else f" in {seconds:.2f} s"
