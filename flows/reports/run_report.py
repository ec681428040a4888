"""What people are shown of a run: tables of bounded length and a report, as plain lists and text."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from flows.config.model import CoverageConfig
from flows.records.run_record import Summary
from schemas.slide_report import area_of, mean_of

MAX_ROWS = 500
"""Rows of a table that are shown: the Parquet files hold all, a browser would choke on them."""
MAX_TEXT = 500
"""Characters of a cell that are shown."""
MAX_YAML = 20_000
"""Characters of a configuration that are shown: a list of slides may be long."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A table as it is shown."""

    rows: Sequence[Mapping[str, Any]]
    """The first rows: cells are text, numbers or None."""
    description: str
    """What it holds, and how much is left out."""


def by_interest(report: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Rows of `schemas.slide_report`, suspicious slides first; among equals those that the run measured."""
    return sorted(report, key=lambda row: (not row["suspicions"], row["seconds"] is None))


def suspicious(report: Iterable[Mapping[str, Any]]) -> int:
    """How many of the rows of `schemas.slide_report` are of slides to look at."""
    return sum(bool(row["suspicions"]) for row in report)


def shown_slides(report: Sequence[Mapping[str, Any]], classes: Sequence[str]) -> Shown:
    """A row per slide in the tables, by interest.

    Args:
        report: Rows of `schemas.slide_report`.
        classes: Names of the classes.
    """
    rows = [
        {
            "slide": _text(row["path"]),
            "look at": _text("; ".join(row["suspicions"])),
            "tiles": row["tiles"],
            "kept": row["kept"],
            **{f"{name} mean": _rounded(row[mean_of(name)], 4) for name in classes},
            **{f"{name} mm²": _rounded(row[area_of(name)], 3) for name in classes},
            "seconds": _rounded(row["seconds"], 2),
            "status": row["status"],
        }
        for row in by_interest(report)[:MAX_ROWS]
    ]
    return Shown(
        rows,
        f"{_counted(len(report), 'slides in the tables', 'slides.parquet')}; {suspicious(report):,} to look at, first",
    )


def shown_failures(failures: Sequence[Mapping[str, Any]]) -> Shown:
    """A row per slide put aside.

    Args:
        failures: Rows of failures.parquet.
    """
    rows = [
        {"slide": _text(row["path"]), "task": row["stage"], "error": row["error"], "reason": _text(row["message"])}
        for row in failures[:MAX_ROWS]
    ]
    return Shown(rows, _counted(len(failures), "slides put aside", "failures.parquet"))


def report_text(
    config: CoverageConfig, summary: Summary, seconds: Mapping[str, float], to_look_at: int, figure: str | None
) -> str:
    """What the run did, in Markdown: counts, thresholds, times and the configuration.

    Args:
        config: Of the run.
        summary: What it did.
        seconds: What each task took.
        to_look_at: Slides in the tables that are suspicious.
        figure: A picture of some slides, as a data URI; None where there is none.
    """
    end = "Every slide found is in the tables." if not summary.put_aside else (
        f"**{summary.put_aside:,} of {summary.found:,} slides were put aside**, {summary.tolerated:g} tolerated."
    )  # fmt: skip
    counts = [
        ("slides found", summary.found), ("new", summary.new), ("changed", summary.changed),
        ("unchanged", summary.unchanged), ("put aside", summary.put_aside), ("gone", summary.gone),
        ("to look at", to_look_at), ("tiles", summary.tiles), ("tiles kept", summary.kept),
    ]  # fmt: skip
    thresholds = [("keep", config.keep or "all tiles"), ("tolerate", f"{config.tolerate:g}")]
    return "\n\n".join(
        [
            "# Coverage",
            end,
            f"The tables are in {_code(summary.output)}.",
            _table(("", "count"), ((name, f"{count:,}") for name, count in counts)),
            *([] if figure is None else [f"![tiles and coverage of the first slides]({figure})"]),
            "## Thresholds",
            _table(("", "value"), ((name, _code(value)) for name, value in thresholds)),
            "## Seconds",
            _table(("task", "seconds"), ((task, f"{spent:.1f}") for task, spent in seconds.items())),
            "## Configuration",
            _fenced(yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)),
        ]
    )


def _counted(count: int, what: str, table: str) -> str:
    left_out = f", the first {MAX_ROWS:,} shown: {table} holds all" if count > MAX_ROWS else ""
    return f"{count:,} {what}{left_out}"


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _text(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= MAX_TEXT else f"{line[: MAX_TEXT - 1]}…"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _code(text: str) -> str:
    """Text as code in a cell of a table, whatever is in it."""
    line = _text(text).replace("|", "\\|")
    fence = "`" * (1 + _longest_run(line))
    return f"{fence} {line} {fence}" if "`" in line else f"`{line}`"


def _fenced(text: str) -> str:
    fence = "`" * max(3, 1 + _longest_run(text))
    cut = (
        text
        if len(text) <= MAX_YAML
        else f"{text[:MAX_YAML]}\n# and {len(text) - MAX_YAML:,} characters more: see run.json\n"
    )
    return f"{fence}yaml\n{cut}{fence}"


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)
