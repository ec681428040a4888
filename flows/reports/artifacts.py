"""Artifacts of a run in the Prefect UI: a table of slides, a table of failed slides and a report."""

from collections.abc import Iterator, Mapping

import pyarrow as pa
from PIL import Image
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.context import FlowRunContext

from flows.config.model import CoverageConfig
from flows.records.run_record import Summary
from flows.reports.prefect_progress import API_ERRORS
from flows.reports.previews.contact_sheet import data_uri, draw_contact_sheet
from flows.reports.previews.files import FOLDER
from flows.reports.run_log import run_log
from flows.reports.run_report import first_for_review, render_report, tabulate_failures, tabulate_slides
from flows.storage.workspace import Workspace
from ratiopath.remote.names import name_of

SLIDES, FAILED, REPORT = "coverage-slides", "coverage-failed", "coverage-report"
"""Keys of the artifacts; the UI keeps a version per run of each."""
MAX_PICTURES = 6
"""Largest number of pictures in the figure of the report."""


def publish_artifacts(
    config: CoverageConfig,
    summary: Summary,
    seconds: Mapping[str, float],
    reports: pa.Table,
    failures: pa.Table,
    drawn: pa.ChunkedArray | None,
    workspace: Workspace,
) -> None:
    """Publish the artifacts of a finished run; outside a flow run, nothing is sent.

    A server that refuses an artifact causes a warning only, since the tables are complete.

    Args:
        config: The configuration.
        summary: Counts of the run.
        seconds: Duration of each task in s.
        reports: Table of `schemas.slide_report`.
        failures: Table of `schemas.failures`.
        drawn: Ids of the slides with a picture; None if previews are off.
        workspace: The output.
    """
    if not FlowRunContext.get():
        return
    try:
        tables = {SLIDES: tabulate_slides(reports, config.classes), FAILED: tabulate_failures(failures)}
        for key, table in tables.items():
            create_table_artifact(table.rows, key, table.description)
        figure = None if drawn is None else _draw_figure(reports, drawn, workspace)
        report = render_report(config, summary, seconds, figure)
        create_markdown_artifact(report, REPORT, str(summary))
    except (*API_ERRORS, OSError) as error:
        run_log().warning("some artifacts are missing in the UI, the tables are complete: %s", error)


def _draw_figure(reports: pa.Table, drawn: pa.ChunkedArray, workspace: Workspace) -> str | None:
    """Draw the pictures of the first slides as a contact sheet, a data URI; None if no slide has a picture."""
    shown = first_for_review(reports, MAX_PICTURES, drawn)
    return data_uri(draw_contact_sheet(_pictures(shown, workspace))) if shown.num_rows else None


def _pictures(slides: pa.Table, workspace: Workspace) -> Iterator[tuple[str, Image.Image]]:
    """Yield the name and the picture of each slide."""
    for slide in slides.to_pylist():
        path = workspace.of_slide(FOLDER, slide["slide_id"])
        with workspace.files.open_input_file(path) as file, Image.open(file, formats=["png"]) as picture:
            yield name_of(slide["path"]), picture.convert("RGB")
