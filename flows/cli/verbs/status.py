"""Verb `status`: how far a run is, or how the last one ended."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from flows.analysis.status import Status, read_status
from flows.cli.answer import Answer, answer_verb
from flows.cli.terminal import MAX_SHOWN, say_waiting, verbs
from flows.config.uri import is_uri


def status(output: str, /) -> Answer:
    """Tell how far the run of an output is, or how the last one ended.

    OUTPUT is a folder or a URI, and all that is needed: anyone may ask from any machine, and nothing is written. On an
    object store a run shows itself by its heartbeat, which takes some seconds.

    Exit codes: 0 a run is going on or the last one ended well, 1 the last run died, 2 there is no output, 3 the last
    run put more slides aside than were tolerated, or was not clean under strict.
    """
    if is_uri(output):
        say_waiting("waiting for a heartbeat")
    found = read_status(output)
    return Answer(
        lines=[*_of_run(found), *([_of_last(found.record)] if found.record else [])],
        content=found.to_json(),
        next_step=_next_step(found),
        code=found.code,
        troubles=_troubles(found),
    )


def _of_run(found: Status) -> list[str]:
    if found.state == "finished":
        return []
    head = "the run died: it did not finish, and nothing writes to the output"
    if found.state == "going on":
        head = f"a run is going on ({found.holder})"
    progress = found.progress
    if progress is None:
        return [f"{head}; it has begun no task"]
    failed = f", {progress.failed:,} failed" if progress.failed else ""
    counts = f"{progress.done:,} of {progress.slides:,} slides done{failed}, {found.left:,} left"
    lines = [head, f"{progress.task}: {counts}; began {progress.began}, last seen {progress.updated}"]
    if found.slides_per_minute is not None and found.state == "going on":
        lines.append(f"{found.slides_per_minute:,.1f} slides/min; {_duration(found.seconds_left)} left for this task")
    slides = "slide" if found.put_aside == 1 else "slides"
    lines.append(f"{found.put_aside:,} {slides} put aside so far")
    return lines


def _of_last(record: dict[str, Any]) -> str:
    counts, times = record["counts"], record.get("times") or {}
    states = ", ".join(f"{counts.get(name, 0):,} {name}" for name in ("new", "changed", "unchanged", "gone"))
    return (
        f"last finished {times.get('ended', 'at an unknown time')}, after {_duration(times.get('seconds'))}: "
        f"{counts.get('found', 0):,} slides found, {counts.get('put_aside', 0):,} put aside; {states}; "
        f"{counts.get('kept', 0):,} of {counts.get('tiles', 0):,} tiles kept"
    )


def _duration(seconds: float | None) -> str:
    return "an unknown time" if seconds is None else str(timedelta(seconds=round(seconds)))


def _next_step(found: Status) -> str:
    if found.state == "going on":
        return "wait; when the run has ended, its tables can be read"
    if found.state == "died":
        return "run it again: it resumes, finished slides are kept"
    if found.failures:
        return "mend or exclude the slides put aside and run it again: it resumes"
    if found.code:
        return "look at the slides to review in index.html, or correct the classes"
    return f"{verbs()} sweep, split, sample and export go on from the tables"


def _troubles(found: Status) -> list[str]:
    shown = [
        f"put aside {failure['path']!r}, {failure['stage']}: {' '.join(failure['reason'].split())}"
        for failure in found.failures[:MAX_SHOWN]
    ]
    left = found.put_aside - len(shown)
    return [*shown, *([f"and {left:,} more; --json lists them"] if left > 0 else [])]


def answer(arguments: Sequence[str]) -> int:
    """Answer the verb."""
    return answer_verb(status, "status", arguments)
