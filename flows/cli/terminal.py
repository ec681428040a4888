"""The last lines of a run started by hand."""

import os
import sys
from typing import TextIO

from flows.records.run_record import Summary
from flows.storage.parquet import read_table
from flows.storage.workspace import Workspace

MAX_SHOWN = 20
"""Slides put aside that are told of; failures.parquet tells all."""


def report(summary: Summary) -> None:
    """Say what the run did, on stdout, and what it put aside, on stderr."""
    workspace = Workspace.at(summary.output)
    failures = workspace.published("failures.parquet")
    told = [
        f"put aside {failure['path']!r}, {failure['stage']}: {failure['error']}: {' '.join(failure['message'].split())}"
        for failure in read_table(failures, workspace.files).slice(0, MAX_SHOWN).to_pylist()
    ]
    if not summary.found:
        told.append("warning: no slides were found; the tables are empty")
    if summary.put_aside > MAX_SHOWN:
        told.append(f"and {summary.put_aside - MAX_SHOWN} more: see {failures}")
    for line in told:
        say(line, to=sys.stderr)
    say(f"{summary}: see {summary.output}", to=sys.stdout)


def explain_sample(folder: str) -> None:
    """Say what to look at after a run on the sample."""
    say(
        f"\nThis was a sample, in {folder}/:",
        "slides/                    two synthetic slides with their masks",
        "coverage.yaml              the configuration; change it and run",
        f"                           python -m flows.coverage --config {folder}/coverage.yaml",
        "coverage/slides.parquet    a row per slide",
        "coverage/coverage/         a row per tile: how much of it is tissue, stroma, tumor and necrosis",
        "coverage/tiles/            the tiles that `keep` keeps, a file per slide; read them all with",
        f'                           pyarrow.parquet.read_table("{folder}/coverage/tiles")',
        "coverage/index.html        the slides in a browser: what their tiles hold, which are kept",
        "coverage/failures.parquet  slides put aside, and why (none here)",
        to=sys.stdout,
    )


def say(*lines: str, to: TextIO) -> None:
    """Print lines, the second and later ones indented; a reader that has gone, such as `head`, ends no run.

    Args:
        lines: What is said.
        to: Standard output or standard error.
    """
    try:
        print(*lines, sep="\n  ", file=to, flush=True)
    except BrokenPipeError:
        # so that Python does not find the pipe broken at its end, where that would change the exit code
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, to.fileno())
        os.close(nowhere)
