"""How far a task is: a bar on a terminal, a bar in the Prefect UI, and a line of the log for each slide."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


class Advance(Protocol):
    """What a task calls with each slide it has finished with."""

    def __call__(self, slide: str, seconds: float | None = None, reason: str | None = None) -> None:
        """Tell of a slide.

        Args:
            slide: Its path.
            seconds: How long a worker was busy with it, where that is known.
            reason: Why it is put aside; None if it is done.
        """


@contextmanager
def progress(task: str, slides: int, level: int = logging.DEBUG) -> Iterator[Advance]:
    """Show how far one task is.

    Args:
        task: Its name.
        slides: How many it has to do.
        level: Of the lines in the log; those of slides put aside are warnings.

    Yields:
        What to call with each slide that is done or put aside.
    """
    from flows.reports.prefect_progress import (
        ProgressArtifact,  # noqa: PLC0415 - workers import this too, and not Prefect
        SlideLines,  # noqa: PLC0415 - ditto
    )

    shown, lines = ProgressArtifact(task, slides), SlideLines(task, level)
    with _bar(task, slides) if sys.stderr.isatty() else nullcontext(lambda _: None) as move:

        def advance(slide: str, seconds: float | None = None, reason: str | None = None) -> None:
            move(slide)
            shown.advance()
            if reason is None:
                lines.done(slide, seconds)
            else:
                lines.put_aside(slide, reason)

        yield advance
    shown.end()
    lines.end()


class _Move(Protocol):
    def __call__(self, slide: str, /) -> None: ...


@contextmanager
def _bar(task: str, slides: int) -> Iterator[_Move]:
    counts = TextColumn("{task.description:<22}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    eta = TextColumn("ETA"), TimeRemainingColumn()
    slide_name = TextColumn("{task.fields[slide]}", markup=False)
    with Progress(*counts, *eta, slide_name, console=Console(stderr=True)) as bar:
        shown = bar.add_task(task, total=slides, slide="")
        yield lambda slide: bar.update(shown, advance=1, slide=slide)
        bar.update(shown, slide="")
