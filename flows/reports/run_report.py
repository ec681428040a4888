"""The report on a run for the Prefect UI: tables of bounded length and a Markdown text."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import yaml

from flows.config.model import CoverageConfig
from flows.records.run_record import Summary
from flows.reports.shown_text import escaped
from flows.reports.tissue_share import TISSUE, has_tissue, tissue_share
from schemas.slide_report import area_of, mean_of

MAX_ROWS = 500
"""Largest number of rows of a table in the UI; browsers are slow with more, and the Parquet files hold all."""
MAX_TEXT = 500
"""Largest number of characters of a cell."""
MAX_YAML = 20_000
"""Largest number of characters of the configuration, which may list thousands of slides."""

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class BoundedTable:
    """The first rows of a table."""

    rows: list[Row]
    """Rows whose cells are text, numbers or None."""
    description: str
    """Contents of the table, and the number of rows left out."""


def first_for_review(reports: pa.Table, count: int, ids: pa.ChunkedArray | None = None) -> pa.Table:
    """Return the first rows of `schemas.slide_report`: slides to review first, then slides that this run measured.

    Args:
        reports: The rows.
        count: Maximum number of rows.
        ids: Ids of the slides to choose from; None for all.
    """
    keys = pa.table(
        {
            "is_clean": pc.equal(pc.list_value_length(reports["suspicions"]), 0),
            "is_kept": reports["seconds"].is_null(),
            "number": np.arange(reports.num_rows),
        }
    )
    if ids is not None:
        keys = keys.filter(pc.is_in(reports["slide_id"], value_set=ids))
    order = pc.sort_indices(keys, [(name, "ascending") for name in keys.column_names])
    return reports.take(keys["number"].take(order[:count]))


def tabulate_slides(reports: pa.Table, classes: Sequence[str]) -> BoundedTable:
    """Tabulate the slides in the tables, those to review first.

    Args:
        reports: Table of `schemas.slide_report`.
        classes: Names of the classes.
    """
    rows = [
        {
            "slide": _one_line(slide["path"]),
            "review": _one_line("; ".join(slide["suspicions"])),
            "notes": _one_line("; ".join(slide["notes"])),
            "tiles": slide["tiles"],
            "kept": slide["kept"],
            **{f"{name}, % of tiles": _percent(slide[mean_of(name)]) for name in classes},
            **{
                f"{name}, % of tissue": _percent(tissue_share(slide, name, classes)) for name in _within_tissue(classes)
            },
            **{f"{name}, mm²": _round(slide[area_of(name)], 3) for name in classes},
            "seconds": _round(slide["seconds"], 2),
            "status": slide["status"],
        }
        for slide in first_for_review(reports, MAX_ROWS).to_pylist()
    ]
    counted = _count(reports.num_rows, "slides in the tables", "slides.parquet")
    to_review = pc.sum(pc.greater(pc.list_value_length(reports["suspicions"]), 0)).as_py() or 0
    return BoundedTable(rows, f"{counted}; {to_review:,} to review, listed first")


def tabulate_failures(failures: pa.Table) -> BoundedTable:
    """Tabulate the failed slides, a table of `schemas.failures`."""
    rows = [
        {
            "slide": _one_line(slide["path"]),
            "task": slide["stage"],
            "error": slide["error"],
            "reason": _one_line(slide["message"]),
        }
        for slide in failures.slice(0, MAX_ROWS).to_pylist()
    ]
    return BoundedTable(rows, _count(failures.num_rows, "failed slides", "failures.parquet"))


def render_report(config: CoverageConfig, summary: Summary, seconds: Mapping[str, float], figure: str | None) -> str:
    """Render a run's counts, thresholds, times and configuration as Markdown.

    Args:
        config: The configuration.
        summary: Counts of the run.
        seconds: Duration of each task in s.
        figure: A picture of some slides as a data URI; None if there is none.
    """
    end = "Every slide found is in the tables." if not summary.put_aside else (
        f"**{summary.put_aside:,} of {summary.found:,} slides failed** (tolerated: {summary.tolerated:g})."
    )  # fmt: skip
    counts = [
        ("slides found", summary.found), ("new", summary.new), ("changed", summary.changed),
        ("recomputed", summary.recomputed), ("unchanged", summary.unchanged), ("failed", summary.put_aside),
        ("gone", summary.gone), ("to review", summary.review.to_review), ("tiles", summary.tiles),
        ("tiles kept", summary.kept),
    ]  # fmt: skip
    thresholds = [("keep", config.keep or "all tiles"), ("tolerate", f"{config.tolerate:g}")]
    return "\n\n".join(
        [
            "# Coverage",
            end,
            f"The tables are in {_code(summary.output)}.",
            *(["\n".join(f"- {_one_line(line)}" for line in summary.exports)] if summary.exports else []),
            _markdown_table(("", "count"), ((name, f"{count:,}") for name, count in counts)),
            *([] if figure is None else [f"![tiles and coverage of the first slides]({figure})"]),
            *(["## Review", "\n".join(f"- {line}" for line in summary.review.lines)] if summary.review.lines else []),
            "## Thresholds",
            _markdown_table(("", "value"), ((name, _code(value)) for name, value in thresholds)),
            "## Seconds",
            _markdown_table(("task", "seconds"), ((task, f"{spent:.1f}") for task, spent in seconds.items())),
            "## Configuration",
            _fence(yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)),
        ]
    )


def _count(count: int, noun: str, table: str) -> str:
    left_out = f", the first {MAX_ROWS:,} shown (all are in {table})" if count > MAX_ROWS else ""
    return f"{count:,} {noun}{left_out}"


def _round(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _percent(share: float | None) -> float | None:
    return None if share is None else round(100 * share, 2)


def _within_tissue(classes: Sequence[str]) -> list[str]:
    """Return the classes with a share of the tissue."""
    return [name for name in classes if name != TISSUE and has_tissue(classes)]


def _one_line(text: str) -> str:
    line = escaped(" ".join(text.split()))
    return line if len(line) <= MAX_TEXT else f"{line[: MAX_TEXT - 1]}…"


def _markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _code(text: str) -> str:
    """Quote text as code in a table cell, so that nothing in it is taken for Markdown."""
    line = _one_line(text).replace("|", "\\|")
    fence = "`" * (1 + _longest_run(line))
    return f"{fence} {line} {fence}" if "`" in line else f"`{line}`"


def _fence(text: str) -> str:
    fence = "`" * max(3, 1 + _longest_run(text))
    more = len(text) - MAX_YAML
    shown = f"{text[:MAX_YAML]}\n# {more:,} more characters: see run.json\n" if more > 0 else text
    return f"{fence}yaml\n{shown}{fence}"


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)
