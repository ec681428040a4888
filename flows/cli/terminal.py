"""Lines that a run prints on the terminal."""

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, TextIO

if TYPE_CHECKING:
    from flows.records.run_record import Summary

SCRIPT = "ratiopath-flows"
"""Name of the console script, and of the package."""
JSON = "--json"
OPTIONS = "--json prints one JSON object instead of lines, -q (--quiet) prints problems only."
"""Options of every verb, as the help names them."""
MAX_SHOWN = 20
"""Failed slides that are printed; failures.parquet lists all."""


def command() -> str:
    """Return the command that the user ran."""
    return SCRIPT if os.path.basename(sys.argv[0]) == SCRIPT else "python -m flows.coverage"


@dataclass(frozen=True, slots=True)
class Printing:
    """Options of every verb: how its answer is printed on stdout. Problems go to stderr in any case."""

    is_json: bool = False
    """True for one JSON object instead of lines."""
    is_quiet: bool = False
    """True for no lines."""

    @classmethod
    def taken_from(cls, arguments: Sequence[str]) -> tuple[Self, list[str]]:
        """Take the options of every verb out of its arguments."""
        quiet = {"-q", "--quiet"}
        others = [argument for argument in arguments if argument not in {JSON, *quiet}]
        return cls(JSON in arguments, not quiet.isdisjoint(arguments)), others

    def say(self, *lines: str) -> None:
        """Print lines for people on stdout."""
        if not (self.is_json or self.is_quiet):
            say(*lines, to=sys.stdout)

    def say_json(self, content: Any) -> None:
        """Print an object for programs on stdout, if that is asked for; numpy's numbers become plain ones."""
        if self.is_json:
            text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False, default=lambda one: one.item())
            say(text, to=sys.stdout)


def say(*lines: str, to: TextIO) -> None:
    """Print lines, the second and later ones indented; a closed pipe, as after `| head`, is not an error.

    Characters that the stream has no code for, such as µ in ASCII, stand as escapes.

    Args:
        lines: Lines to print.
        to: Standard output or standard error.
    """
    text = "\n  ".join(lines)
    try:
        try:
            print(text, file=to, flush=True)
        except UnicodeEncodeError:  # before a character of it is written
            print(text.encode(to.encoding, "backslashreplace").decode(to.encoding), file=to, flush=True)
    except BrokenPipeError:
        # else Python finds the pipe broken at exit and changes the exit code
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, to.fileno())
        os.close(nowhere)


def say_waiting(line: str) -> None:
    """Print what the run waits for, on stderr and only if that is a terminal: logs of scheduled runs stay quiet."""
    if sys.stderr.isatty():
        say(line, to=sys.stderr)


def report(summary: "Summary", printing: Printing, sample: str | None = None) -> None:
    """Print the result and the next step on stdout, and failed slides on stderr.

    Args:
        summary: Summary of the run.
        printing: Form of what is printed on stdout.
        sample: Folder of the sample, if the run was one on it.
    """
    from flows.storage.parquet import read_table  # noqa: PLC0415 - slow, and the first line must come at once
    from flows.storage.workspace import Workspace  # noqa: PLC0415 - ditto

    workspace = Workspace.at(summary.output)
    failures = workspace.published("failures.parquet")
    lines = [
        f"put aside {failure['path']!r}, {failure['stage']}: {failure['error']}: {' '.join(failure['message'].split())}"
        for failure in read_table(failures, workspace.files).slice(0, MAX_SHOWN).to_pylist()
    ]
    if not summary.found:
        lines.append("warning: no slides were found; the tables are empty")
    if summary.put_aside > MAX_SHOWN:
        lines.append(f"and {summary.put_aside - MAX_SHOWN} more: see {failures}")
    for line in lines:
        say(line, to=sys.stderr)
    printing.say_json({**summary.to_json(), "failures": failures})
    printing.say(f"{summary}: see {summary.output}")
    for line in (*summary.exports, *summary.review.lines):
        printing.say(line)
    if summary.put_aside:
        printing.say("next: mend or exclude the slides put aside and run it again: it resumes")
    elif not summary.found:
        printing.say("next: check slides and exclude, and run it again")
    elif not summary.review.is_clean:
        classes = "correct the classes, or " if summary.review.absent else ""
        printing.say(f"next: {classes}look at the slides to review; the tables are complete")
    elif sample is not None:
        _explain_sample(sample, printing)
    else:
        tiles = workspace.published("tiles")
        printing.say(f"next: read the tiles from {tiles}; {verbs()} sweep and export show thresholds and other formats")


def verbs() -> str:
    """Return the command before a verb, as the user ran it."""
    return SCRIPT if os.path.basename(sys.argv[0]) == SCRIPT else "python -m flows"


def _explain_sample(folder: str, printing: Printing) -> None:
    """Print what a run on the sample has written, and the command to go on with."""
    printing.say(
        f"\nThis was a sample, in {folder}/:",
        "slides/                    two synthetic slides with masks and annotations",
        "coverage.yaml              the configuration",
        "tissue.yaml                another, for slides without masks: tissue is detected",
        "coverage/slides.parquet    a row per slide",
        "coverage/coverage/         a row per tile: its shares of tissue, stroma, tumor and necrosis",
        "coverage/tiles/            the tiles that `keep` keeps, a file per slide; read them all with",
        f'                           pyarrow.parquet.read_table("{folder}/coverage/tiles")',
        "coverage/index.html        the slides in a browser, with the tiles that were kept",
        "coverage/failures.parquet  failed slides and their errors (none here)",
    )
    printing.say(f"next: change {folder}/coverage.yaml and run", f"{command()} --config {folder}/coverage.yaml")
