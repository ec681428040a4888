"""The artifacts of a run, which the Prefect UI shows: the one place that hands them to Prefect."""

from collections.abc import Mapping

import pyarrow as pa
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.context import FlowRunContext
from prefect.logging import get_run_logger

from flows.config import CoverageConfig
from flows.finish import Summary
from flows.progress_artifact import API_ERRORS
from flows.shown import Shown, report_text, shown_failures, shown_slides

SLIDES, PUT_ASIDE, REPORT = "coverage-slides", "coverage-put-aside", "coverage-report"
"""Keys: the UI keeps the versions of a key, one per run."""


def publish(
    config: CoverageConfig,
    summary: Summary,
    seconds: Mapping[str, float],
    slides: pa.Table,
    failures: pa.Table,
) -> None:
    """Show a run that is over; nothing outside of a flow run.

    A server that does not take an artifact costs a warning: the tables are there.

    Args:
        config: Of the run.
        summary: What it did.
        seconds: What each task took.
        slides: The report on each slide in the tables.
        failures: The slides put aside.
    """
    if not FlowRunContext.get():
        return
    rows = slides.to_pylist()
    suspicious = sum(bool(row["suspicions"]) for row in rows)
    try:
        _show(SLIDES, shown_slides(rows, config.classes))
        _show(PUT_ASIDE, shown_failures(failures.to_pylist()))
        create_markdown_artifact(report_text(config, summary, seconds, suspicious), REPORT, str(summary))
    except API_ERRORS as error:
        get_run_logger().warning("not all artifacts are shown: %s", error)


def _show(key: str, table: Shown) -> None:
    create_table_artifact([dict(row) for row in table.rows], key, table.description)
