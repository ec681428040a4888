"""Choice of the verb that was asked for."""

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from typing import NoReturn

from flows.cli.terminal import SCRIPT, say

VERBS = {
    "coverage": "tile slides and compute how much of each tile their overlays cover",
    "plan": "tell what a run would find, measure, keep and put aside; nothing is written",
    "status": "tell how far a run is, or how the last one ended",
    "inspect": "show what is in a slide, a mask or an annotation, and what is wrong with it",
    "sweep": "count the tiles and slides that thresholds and the parts of keep leave",
    "split": "divide the slides into train, val and test, all slides of a patient in one part",
    "sample": "draw tiles per slide and per class",
    "export": "write the kept tiles of a finished run in the format of another program",
}
"""Verbs in the order of use, each a module of this folder with `answer`, and what it does."""


def run() -> NoReturn:
    """Run the verb that the command line names and end the process with its exit code."""
    arguments = sys.argv[1:]
    if not arguments or arguments[0] == "coverage" or (arguments[0].startswith("-") and arguments[0] not in _HELP):
        from flows.cli.main import run as run_coverage  # noqa: PLC0415 - only this verb needs it

        run_coverage(arguments[arguments[:1] == ["coverage"] :])
    sys.exit(main(arguments))


_HELP = {"-h", "--help", "--version"}


def main(arguments: Sequence[str]) -> int:
    """Run a verb other than `coverage`; return its exit code."""
    verb, *others = arguments
    if verb == "--version":
        say(version(SCRIPT), to=sys.stdout)
        return 0
    if verb in _HELP:
        width = max(map(len, VERBS))
        lines = [f"{name:{width}}  {text}" for name, text in VERBS.items()]
        say("Verbs, each with --help, --json and -q:", *lines, to=sys.stdout)
        return 0
    if verb not in VERBS:
        say(f"refused: no verb {verb[:80]!r}; the verbs are {', '.join(VERBS)}", to=sys.stderr)
        return 2
    code: int = import_module(f"flows.cli.verbs.{verb}").answer(others)
    return code
