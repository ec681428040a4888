"""The sweep as a Prefect flow, whose tables are artifacts in the UI."""

from typing import Annotated

from prefect.artifacts import create_table_artifact
from prefect.context import FlowRunContext
from pydantic import AfterValidator

from flows.analysis.thresholds.sweep_options import DEFAULT_STEP
from flows.analysis.thresholds.sweep_output import Sweep, sweep_finished
from flows.analysis.thresholds.sweep_tables import Row
from flows.config.uri import check_output
from flows.execution.checked_flow import checked_flow
from flows.reports.prefect_progress import API_ERRORS
from flows.reports.run_log import run_log

SWEEP, FUNNEL = "coverage-sweep", "coverage-funnel"
"""Keys of the artifacts; the UI keeps a version per run of each."""
MAX_ROWS = 1_000
"""Largest number of rows of an artifact; of more thresholds, every second, third, ... is in it."""


@checked_flow(name="sweep", persist_result=False)
def sweep(
    output: Annotated[str, AfterValidator(check_output)],
    to: str | None = None,
    step: float = DEFAULT_STEP,
    keep: str | None = None,
    per_slide_min: int = 1,
) -> Sweep:
    """Sweep a finished output, and publish its tables; see `flows.analysis.thresholds.sweep_output.sweep_finished`."""
    swept = sweep_finished(output, to, step, keep, per_slide_min)
    publish_sweep_artifacts(swept)
    return swept


def publish_sweep_artifacts(swept: Sweep) -> None:
    """Publish the tables of a sweep; outside a flow run, nothing is sent.

    A server that refuses an artifact causes a warning only, since the files are complete.
    """
    if not FlowRunContext.get():
        return
    tables = {SWEEP: artifact_rows(swept, MAX_ROWS), FUNNEL: list(swept.funnel)}
    described = f"{swept.slides:,} slides, files in {swept.folder}"
    try:
        for key, rows in tables.items():
            create_table_artifact(rows, key, described)
    except API_ERRORS as error:
        run_log().warning("the artifacts are missing in the UI, the files are complete: %s", error)


def artifact_rows(swept: Sweep, limit: int) -> list[Row]:
    """Select rows of sweep.csv for an artifact: all, or those of some thresholds, the first one included.

    Args:
        swept: The sweep.
        limit: Largest number of rows, unless there are more classes.
    """
    thresholds = len(swept.options.thresholds)
    stride = next(n for n in range(1, thresholds + 1) if n == thresholds or _kept(swept, n) <= limit)
    return [row for number, row in enumerate(swept.rows) if number % thresholds % stride == 0]


def _kept(swept: Sweep, stride: int) -> int:
    thresholds = len(swept.options.thresholds)
    return len(swept.rows) // thresholds * -(-thresholds // stride)
