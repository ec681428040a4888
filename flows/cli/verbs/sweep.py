"""Verb `sweep`: the tiles and slides that each threshold leaves, before one is chosen."""

from collections.abc import Sequence

from flows.analysis.thresholds.sweep_options import DEFAULT_STEP
from flows.analysis.thresholds.sweep_output import Sweep, sweep_finished
from flows.analysis.thresholds.sweep_page import PAGE
from flows.analysis.thresholds.sweep_summary import content_of, lines_of
from flows.cli.answer import Answer, answer_verb


def answer(arguments: Sequence[str]) -> int:
    """Answer the arguments after `sweep`; return the exit code."""
    return answer_verb(sweep, "sweep", arguments)


def sweep(
    output: str,
    *,
    to: str | None = None,
    step: float = DEFAULT_STEP,
    keep: str | None = None,
    per_slide_min: int = 1,
    artifact: bool = False,
) -> Answer:
    """Count the tiles, slides and areas that thresholds on each class leave, and those that each part of keep leaves.

    Only coverage/ of a finished output is read. The results are sweep.html, a page with a slider for each class, and
    sweep.csv, funnel.csv, slides.csv and slides_keep.csv.

    Exit codes: 0 all slides are counted, 1 failed, 2 refused, 3 a damaged slide was put aside.

    Args:
        output: Output of a finished run.
        to: Folder of the results, by default sweep in the output.
        step: Distance of two thresholds, from 0.001 to 1.
        keep: Condition of the funnel, by default that of the run.
        per_slide_min: Tiles that a slide needs; slides with fewer are named.
        artifact: Also make table artifacts, through the Prefect API that is set.
    """
    options = to, step, keep, per_slide_min
    is_published = artifact and _has_api()
    swept = _published(output, *options) if is_published else sweep_finished(output, *options)
    troubles = [f"put aside {problem}" for problem in swept.put_aside]
    if artifact and not is_published:
        troubles.append("no artifact was made: no Prefect API is set; set PREFECT_API_URL")
    next_step = f"open {swept.folder}/{PAGE}, choose thresholds, and set keep"
    return Answer(lines_of(swept), content_of(swept), next_step, 3 if swept.put_aside else 0, troubles)


def _has_api() -> bool:
    from prefect.settings import PREFECT_API_URL  # noqa: PLC0415 - Prefect takes seconds to import

    return bool(PREFECT_API_URL.value())


def _published(output: str, to: str | None, step: float, keep: str | None, per_slide_min: int) -> Sweep:
    from flows.analysis.thresholds.sweep_flow import sweep as flow  # noqa: PLC0415 - ditto
    from flows.cli.main import quiet_prefect  # noqa: PLC0415 - ditto
    from flows.cli.prefect_server import require_answer, server_errors  # noqa: PLC0415 - ditto

    quiet_prefect()
    require_answer()
    with server_errors():
        return flow(output, to, step, keep, per_slide_min)
