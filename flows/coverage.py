"""The coverage flow, and its command line: `python -m flows.coverage --config FILE`."""

import logging
import os
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from datetime import datetime

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.logging.handlers import PrefectConsoleHandler
from prefect.states import Completed, Failed

from flows.command import configuration
from flows.config import CoverageConfig
from flows.engine import ensure_ray
from flows.finish import Summary, finish
from flows.refusal import ConfigurationError
from flows.report import complain, explain_sample, report
from flows.sample import make_sample
from flows.server import ServerError, prefect_server
from flows.tables import TableReference
from flows.tasks import compute_overlaps, derive_overlay_paths, discover_slides, filter_by_coverage, tile_slides
from flows.workspace import Workspace
from ratiopath.errors import RatiopathError
from schemas.failures import STAGES

SAMPLE = "coverage-sample"
"""Folder of the sample that a run without arguments makes."""


_FUNCTIONS: tuple[Callable[..., TableReference], ...] = (
    discover_slides,
    tile_slides,
    derive_overlay_paths,
    compute_overlaps,
    filter_by_coverage,
)
TASKS = {
    stage: task(name=stage, cache_policy=NO_CACHE, persist_result=False)(function)
    for stage, function in zip(STAGES, _FUNCTIONS, strict=True)
}
"""The functions as Prefect tasks: what they return are references, there is nothing to cache."""


class PutAsideError(RatiopathError):
    """The run finished, but more slides were put aside than the configuration tolerates.

    Attributes:
        summary: What the run did.
    """

    def __init__(self, summary: Summary) -> None:
        super().__init__(summary)
        self.summary = summary

    def __str__(self) -> str:
        return f"{self.summary}; {self.summary.tolerated:g} tolerated: failures.parquet tells which and why"


@flow(name="coverage", persist_result=False)
def coverage(config: CoverageConfig) -> State[Summary]:
    """Tile slides, compute how much of each tile its overlays cover, and keep the tiles that are covered enough."""
    started = datetime.now().astimezone()
    workspace = Workspace(os.path.abspath(config.output))
    shutil.rmtree(workspace.hidden, ignore_errors=True)  # of a run that was killed
    given: dict[str, TableReference] = {}
    seconds: dict[str, float] = {}

    def run(stage: str, *references: TableReference) -> TableReference:
        began = time.monotonic()
        given[stage] = TASKS[stage](*references, config, workspace)
        seconds[stage] = time.monotonic() - began
        return given[stage]

    discover, tile, derive, compute, keep = STAGES
    slides = run(discover)
    covered = run(compute, run(tile, slides), run(derive, slides))
    run(keep, covered)
    summary = finish(config, workspace, given, seconds, started)
    if summary.is_tolerated:
        return Completed(message=str(summary), data=summary)
    aside = PutAsideError(summary)
    return Failed(name="PutAside", message=str(aside), data=aside)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the flow from the command line.

    Args:
        arguments: Those of the process by default; none makes a sample and runs on it.

    Returns:
        The exit code: 0 every slide found is in the tables, 1 the run failed, 2 the configuration was refused,
        3 more slides were put aside than are tolerated.
    """
    given = sys.argv[1:] if arguments is None else arguments
    try:
        config = configuration(given) if given else None
    except ConfigurationError as error:
        complain("refused:", *error.problems)
        return 2
    _quiet()
    try:
        with prefect_server() as server, ThreadPoolExecutor(1) as beside:
            ray_started = beside.submit(ensure_ray)  # while the server starts
            if config is None:
                config = make_sample(SAMPLE)
            with server.ready() if server else nullcontext():
                ray_started.result()
                state = coverage(config, return_state=True)
    except ServerError as error:
        complain(str(error))
        return 1
    result = state.result(raise_on_failure=False)
    if isinstance(result, ConfigurationError):
        complain("refused:", *result.problems)
        return 2
    if not isinstance(result, Summary | PutAsideError):
        complain(f"failed: {state.message}", "what was complete before is still there and whole")
        return 1
    summary = result if isinstance(result, Summary) else result.summary
    report(summary)
    if not given:
        explain_sample(SAMPLE)
    return 0 if isinstance(result, Summary) else 3


def _quiet() -> None:
    """Let Prefect print warnings only, unless the user asked for more: the last lines tell the result."""
    if not os.environ.get("PREFECT_LOGGING_LEVEL"):
        for handler in logging.getLogger().handlers:
            if isinstance(handler, PrefectConsoleHandler):
                handler.setLevel(logging.WARNING)


if __name__ == "__main__":
    sys.exit(main())
