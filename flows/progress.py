"""How far a task is, on a terminal; nothing elsewhere."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


@contextmanager
def progress(task: str, slides: int) -> Iterator[Callable[[str], None]]:
    """Show a bar for one task.

    Args:
        task: Its name.
        slides: How many it has to do.

    Yields:
        What to call with each slide that is done.
    """
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    text = TextColumn("{task.description:<22}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*text, TextColumn("{task.fields[slide]}", markup=False), console=Console(stderr=True)) as bar:
        shown = bar.add_task(task, total=slides, slide="")
        yield lambda slide: bar.update(shown, advance=1, slide=slide)
        bar.update(shown, slide="")
