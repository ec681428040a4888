"""The artifacts of a run, which the Prefect UI shows: the one place that hands them to Prefect."""

import posixpath
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
from PIL import Image
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.context import FlowRunContext
from prefect.logging import get_run_logger

from flows.config.model import CoverageConfig
from flows.records.run_record import Summary
from flows.reports.prefect_progress import API_ERRORS
from flows.reports.previews.contact_sheet import contact_sheet, data_uri
from flows.reports.previews.files import picture_of, with_picture
from flows.reports.run_report import Shown, by_interest, report_text, shown_failures, shown_slides, suspicious
from flows.storage.workspace import Workspace

SLIDES, PUT_ASIDE, REPORT = "coverage-slides", "coverage-put-aside", "coverage-report"
"""Keys: the UI keeps the versions of a key, one per run."""
MAX_PICTURES = 6
"""In the figure of the report."""


def publish(
    config: CoverageConfig,
    summary: Summary,
    seconds: Mapping[str, float],
    slides: pa.Table,
    failures: pa.Table,
    pictures: pa.Table | None,
    workspace: Workspace,
) -> None:
    """Show a run that is over; nothing outside of a flow run.

    A server that does not take an artifact costs a warning: the tables are there.

    Args:
        config: Of the run.
        summary: What it did.
        seconds: What each task took.
        slides: The report on each slide in the tables.
        failures: The slides put aside.
        pictures: Which slide has one; None where none was to be drawn.
        workspace: Where they are.
    """
    if not FlowRunContext.get():
        return
    rows = slides.to_pylist()
    try:
        _show(SLIDES, shown_slides(rows, config.classes))
        _show(PUT_ASIDE, shown_failures(failures.to_pylist()))
        figure = None if pictures is None else _figure(rows, pictures, workspace)
        create_markdown_artifact(report_text(config, summary, seconds, suspicious(rows), figure), REPORT, str(summary))
    except (*API_ERRORS, OSError) as error:
        get_run_logger().warning("not all artifacts are shown: %s", error)


def _figure(rows: Sequence[Mapping[str, Any]], pictures: pa.Table, workspace: Workspace) -> str | None:
    """A sheet with the pictures of the first slides that have one, as text; None where none has."""
    draw_scene = with_picture(pictures)
    shown = [row for row in by_interest(rows) if row["slide_id"] in draw_scene][:MAX_PICTURES]
    found = []
    for row in shown:
        path = picture_of(row["slide_id"], workspace)
        with workspace.files.open_input_file(path) as file, Image.open(file, formats=["png"]) as picture:
            found.append((posixpath.basename(row["path"]), picture.convert("RGB")))
    return data_uri(contact_sheet(found)) if found else None


def _show(key: str, table: Shown) -> None:
    create_table_artifact([dict(row) for row in table.rows], key, table.description)
