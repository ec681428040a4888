"""Progress of a task: a bar on the terminal, an artifact in the Prefect UI, a log line per slide, and a file."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from flows.reports.progress_file import ProgressFile
from flows.storage.workspace import Workspace


class Advance(Protocol):
    """Callback invoked once per finished or failed slide."""

    def __call__(self, slide: str, seconds: float | None = None, reason: str | None = None) -> None:
        """Report a slide.

        Args:
            slide: Its path.
            seconds: Time of the workers in s; None if unknown.
            reason: Its error; None if the slide is done.
        """


@contextmanager
def progress(task: str, slides: int, workspace: Workspace, level: int = logging.DEBUG) -> Iterator[Advance]:
    """Show the progress of one task.

    Args:
        task: Name of the task.
        slides: Number of slides to process.
        workspace: Workspace of the run.
        level: Logging level of finished slides; failed slides are warnings.

    Yields:
        The callback for each finished or failed slide.
    """
    from flows.reports.prefect_progress import ProgressArtifact, SlideLog  # noqa: PLC0415 - workers do without Prefect

    name = f"{task} ({workspace.part.label})" if workspace.part.label else task
    artifact, log = ProgressArtifact(name, slides), SlideLog(task, level)
    file = ProgressFile(task, slides, workspace)
    is_hidden = not sys.stderr.isatty()
    counts = TextColumn("{task.description:<22}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    eta = TextColumn("ETA"), TimeRemainingColumn()
    slide_name = TextColumn("{task.fields[slide]}", markup=False)
    console = Console(stderr=True, quiet=is_hidden)
    with Progress(*counts, *eta, slide_name, console=console, disable=is_hidden) as bar:
        shown = bar.add_task(name, total=slides, slide="")

        def advance(slide: str, seconds: float | None = None, reason: str | None = None) -> None:
            bar.update(shown, advance=1, slide=slide)
            artifact.advance()
            file.advance(slide, reason)
            log.add(slide, seconds, reason)

        yield advance
        bar.update(shown, slide="")
    artifact.end()
    file.end()
    log.end()
