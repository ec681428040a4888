"""A bar in the Prefect UI that moves while slides finish."""

import re
import time
from collections.abc import Callable
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
