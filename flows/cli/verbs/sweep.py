"""Verb `sweep`: the tiles and slides that each threshold leaves, before one is chosen."""

import sys
from collections.abc import Sequence

from rich.console import Console
from rich.progress import track

from flows.analysis.sweep_output import SweepOptions, claimed_folder, slides_of, sweep_output
from flows.analysis.sweep_summary import content_of, lines_of
from flows.cli.answer import Answer, answer_verb
from flows.records.finished_output import FinishedOutput


def answer(arguments: Sequence[str]) -> int:
    """Answer the arguments after `sweep`; return the exit code."""
    return answer_verb(sweep, "sweep", arguments)


def sweep(
    output: str,
    *,
    to: str | None = None,
    step: float = 0.05,
    keep: str | None = None,
    per_slide_min: int = 1,
) -> Answer:
    """Count the tiles, slides and areas that thresholds on each class leave, and those that each part of keep leaves.

    Only coverage/ of a finished output is read. The results are sweep.html, a page with a slider for each class, and
    sweep.csv, funnel.csv, slides.csv and slides_keep.csv.

    Args:
        output: Output of a finished run.
        to: Folder of the results, by default sweep in the output.
        step: Distance of two thresholds, from 0.001 to 1.
        keep: Condition of the funnel, by default that of the run.
        per_slide_min: Tiles that a slide needs; slides with fewer are named.
    """
    opened = FinishedOutput.open(output)
    folder = claimed_folder(opened, to)
    options = SweepOptions.of(opened.config, step, keep, per_slide_min)
    is_hidden = not sys.stderr.isatty()
    console = Console(stderr=True, quiet=is_hidden)
    slides = track(slides_of(opened), "counting tiles", console=console, disable=is_hidden)
    swept = sweep_output(opened, options, folder, slides)
    troubles = [f"put aside {problem}" for problem in swept.put_aside]
    step_after = f"open {folder}/sweep.html, choose thresholds, and set keep"
    return Answer(lines_of(swept), content_of(swept), step_after, 3 if swept.put_aside else 0, troubles)
