"""The last lines of a run started by hand."""

import sys

from flows.finish import Summary
from flows.say import say
from flows.tables import read_table
from flows.workspace import Workspace

SHOWN = 20
"""Slides put aside that are told of; failures.parquet tells all."""


def report(summary: Summary) -> None:
    """Say what the run did, on stdout, and what it put aside, on stderr."""
    workspace = Workspace.at(summary.output)
    failures = workspace.published("failures.parquet")
    told = [
        f"put aside {failure['path']!r}, {failure['stage']}: {failure['error']}: {' '.join(failure['message'].split())}"
        for failure in read_table(failures, workspace.files).slice(0, SHOWN).to_pylist()
    ]
    if not summary.found:
        told.append("warning: no slides were found; the tables are empty")
    if summary.put_aside > SHOWN:
        told.append(f"and {summary.put_aside - SHOWN} more: see {failures}")
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
