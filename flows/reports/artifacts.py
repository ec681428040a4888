"""Artifacts of a run in the Prefect UI: a table of slides, a table of failed slides and a report."""

from collections.abc import Mapping, Sequence

import pyarrow as pa
from PIL import Image
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.context import FlowRunContext

from flows.config.model import CoverageConfig
from flows.records.run_record import Summary
from flows.reports.prefect_progress import API_ERRORS
from flows.reports.previews.contact_sheet import data_uri, draw_contact_sheet
from flows.reports.previews.files import FOLDER, slides_with_picture
from flows.reports.run_log import run_log
from flows.reports.run_report import Row, render_report, sort_for_review, tabulate_failures, tabulate_slides
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
    pictures: pa.Table | None,
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
        pictures: Table of `schemas.intermediate.PICTURES`; None if previews are off.
        workspace: The output.
    """
    if not FlowRunContext.get():
        return
    slides = reports.to_pylist()
    try:
        tables = {SLIDES: tabulate_slides(slides, config.classes), FAILED: tabulate_failures(failures.to_pylist())}
        for key, table in tables.items():
            create_table_artifact(table.rows, key, table.description)
        figure = None if pictures is None else _draw_figure(slides, pictures, workspace)
        report = render_report(config, summary, seconds, figure)
        create_markdown_artifact(report, REPORT, str(summary))
    except (*API_ERRORS, OSError) as error:
        run_log().warning("some artifacts are missing in the UI, the tables are complete: %s", error)


def _draw_figure(slides: Sequence[Row], pictures: pa.Table, workspace: Workspace) -> str | None:
    """Draw the pictures of the first slides as a contact sheet, a data URI; None if no slide has a picture."""
    drawn = slides_with_picture(pictures)
    found = []
    for slide in [slide for slide in sort_for_review(slides) if slide["slide_id"] in drawn][:MAX_PICTURES]:
        path = workspace.of_slide(FOLDER, slide["slide_id"])
        with workspace.files.open_input_file(path) as file, Image.open(file, formats=["png"]) as picture:
            found.append((name_of(slide["path"]), picture.convert("RGB")))
    return data_uri(draw_contact_sheet(found)) if found else None
