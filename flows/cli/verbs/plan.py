"""Verb `plan`: what a run would do, without doing it."""

import shlex
from collections.abc import Sequence
from typing import Annotated

from cyclopts import Parameter

from flows.analysis.plan import Plan, plan_run
from flows.cli.answer import Answer, answer_verb
from flows.cli.options import read_configuration
from flows.cli.terminal import MAX_SHOWN, verbs
from flows.exports.export_target import refuse_foreign_exports
from flows.exports.names import refuse_equal_stems
from flows.storage.workspace import Workspace

GIGA = 1e9
"""Bytes of a GB."""


def plan(*arguments: Annotated[str, Parameter(allow_leading_hyphen=True)]) -> Answer:
    """Tell what a run would find, measure, keep and put aside; the same as `coverage --dry-run`.

    The arguments are those of `coverage`, such as --config FILE and --tiling.mpp 0.5; `coverage --help` lists them.
    Only headers are read, and the tables of slides that are up to date; nothing is written, nothing is started.

    Exit codes: 0 all is well, 2 refused, 3 more slides would be put aside than are tolerated.
    """
    config = read_configuration(arguments)
    refuse_foreign_exports(config, Workspace.at(config.output))
    planned = plan_run(config)
    refuse_equal_stems((slide.path for slide in planned.slides), config.exports, config.classes)
    is_bad = len(planned.put_aside) > planned.tolerated
    step = f"{verbs()} coverage {shlex.join(arguments)}"
    return Answer(
        lines=_lines(planned),
        content=planned.to_json(),
        next_step=f"mend or exclude the slides that would be put aside, or run {step}" if planned.put_aside else step,
        code=3 if is_bad else 0,
        troubles=_troubles(planned),
    )


def _lines(planned: Plan) -> list[str]:
    counts, found = planned.counts, len(planned.slides)
    states = ", ".join(
        f"{counts[name]:,} {name}"
        for name in ("new", "changed", "recomputed", "unchanged")
        if counts[name] or name != "recomputed"
    )
    lines = [f"{found:,} slides found: {states}, {len(planned.put_aside):,} to be put aside; {counts['gone']:,} gone"]
    for name, missing in planned.missing.items():
        lines.append(f"overlay {name}: {found - missing:,} of {found:,} slides have it")
    lines.append(
        f"{counts['tiles']:,} tiles, {counts['tiles_to_measure']:,} of them to measure; "
        f"{counts['bytes_to_read'] / GIGA:,.3f} GB of overlays to read"
    )
    return lines


def _troubles(planned: Plan) -> list[str]:
    failures = [(slide.path, slide.failure) for slide in planned.put_aside if slide.failure is not None]
    lines = [
        f"to be put aside {path!r}, {failure['stage']}: {failure['error']}: {' '.join(failure['message'].split())}"
        for path, failure in failures[:MAX_SHOWN]
    ]
    if len(failures) > MAX_SHOWN:
        lines.append(f"and {len(failures) - MAX_SHOWN:,} more; --json lists all")
    remarks = list(planned.remarks.items())
    lines += [f"warning: {remark}" for remark, _ in remarks[:MAX_SHOWN]]
    if len(remarks) > MAX_SHOWN:
        lines.append(f"and {len(remarks) - MAX_SHOWN:,} more warnings; --json lists all")
    if not planned.slides:
        lines.append("warning: no slides were found; the tables would be empty")
    return lines


def answer(arguments: Sequence[str]) -> int:
    """Answer the verb."""
    return answer_verb(plan, "plan", arguments)
