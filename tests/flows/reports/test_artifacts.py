"""What the Prefect UI has of a run: artifacts, log lines and states, read back through the API."""

import base64
import json
import logging
import re
import time
from io import BytesIO
from typing import Any
from uuid import UUID

import pytest
from PIL import Image
from prefect import flow, task
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId, LogFilter, LogFilterFlowRunId
from prefect.client.schemas.objects import Artifact
from prefect.logging.handlers import APILogHandler

from flows.reports.artifacts import PUT_ASIDE, REPORT, SLIDES
from flows.reports.prefect_progress import MAX_ROWS, ProgressArtifact
from flows.reports.previews.contact_sheet import CELL
from tests.support.study import TASKS, random_labels, run, write_mask, write_slide_without_mpp, write_study

pytestmark = pytest.mark.usefixtures("local_ray", "server")


def artifacts_of(flow_run: UUID) -> dict[str, Artifact]:
    with get_client(sync_client=True) as client:
        found = client.read_artifacts(
            artifact_filter=ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[flow_run]))
        )
    return {str(artifact.key): artifact for artifact in found}


def lines_of(flow_run: UUID, last: str) -> list[tuple[int, str]]:
    """Level and text of the lines in the log, once the last one is there: they are sent in the background."""
    APILogHandler().flush()
    where = LogFilter(flow_run_id=LogFilterFlowRunId(any_=[flow_run]))
    limit = time.monotonic() + 60
    while True:
        lines: list[tuple[int, str]] = []
        with get_client(sync_client=True) as client:
            while page := client.read_logs(where, offset=len(lines)):
                lines += [(line.level, line.message) for line in page]
        if any(last in text for _, text in lines) or time.monotonic() > limit:
            return lines
        time.sleep(0.2)


@pytest.fixture
def study_run(folder) -> tuple[Any, UUID]:
    """Of three slides: one fine, one without tissue, one put aside."""
    write_study(folder, "a", "b")
    write_mask(folder / "b_tissue.tiff", random_labels(0, (0,)))
    write_slide_without_mpp(folder / "c.tiff")
    state = run(folder, previews=True)
    return state, state.state_details.flow_run_id


def test_a_run_shows_slides_failures_and_a_report(study_run, folder) -> None:
    state, flow_run = study_run
    artifacts = artifacts_of(flow_run)
    rows = json.loads(artifacts[SLIDES].data)
    assert [row["slide"] for row in rows] == [f"{folder}/b.tiff", f"{folder}/a.tiff"]
    assert [row["tiles"] for row in rows] == [12, 12]
    assert rows[0]["kept"] == 0
    assert rows[0]["look at"].startswith("nothing kept; overlay tissue is empty")
    assert (rows[0]["tissue mean"], rows[0]["tissue mm²"], rows[0]["status"]) == (0, 0, "new")
    assert all(row["seconds"] > 0 for row in rows)
    assert artifacts[SLIDES].description == "2 slides in the tables; 1 to look at, first"
    [aside] = json.loads(artifacts[PUT_ASIDE].data)
    assert (aside["slide"], aside["task"], aside["error"]) == (f"{folder}/c.tiff", TASKS[0], "MissingMppError")
    assert aside["reason"].startswith("a slide has a resolution")
    assert "**1 of 3 slides were put aside**, 0 tolerated." in artifacts[REPORT].data
    assert state.message.startswith(artifacts[REPORT].description)
    [figure] = re.findall(r"!\[.*?\]\(data:image/jpeg;base64,(.*?)\)", artifacts[REPORT].data)
    with Image.open(BytesIO(base64.b64decode(figure))) as sheet:
        assert sheet.width > 2 * CELL


def test_each_task_has_a_bar_that_ends_full(study_run) -> None:
    artifacts = artifacts_of(study_run[1])
    bars = {artifact.description: artifact.data for artifact in artifacts.values() if artifact.type == "progress"}
    assert bars == {
        "discover slides: 3 of 3 slides": 100,
        **{f"{stage}: 2 of 2 slides": 100 for stage in TASKS[1:]},
    }


def test_each_slide_has_a_line_with_its_seconds_or_the_reason(study_run, folder) -> None:
    lines = lines_of(study_run[1], "compute overlaps: done")
    done = sorted(text for level, text in lines if level == logging.INFO and "compute overlaps: done" in text)
    assert [text.partition(" in ")[0] for text in done] == [
        f"compute overlaps: done {folder}/{name}.tiff" for name in "ab"
    ]
    assert all(text.endswith(" s") for text in done)
    [aside] = [text for level, text in lines if level == logging.WARNING]
    assert aside.startswith(f"discover slides: put aside {folder}/c.tiff: MissingMppError: a slide has a resolution")


def test_an_unchanged_slide_is_shown_too_but_was_not_measured(folder) -> None:
    write_study(folder, "a")
    run(folder)
    write_study(folder, "b")
    artifacts = artifacts_of(run(folder).state_details.flow_run_id)
    new, unchanged = json.loads(artifacts[SLIDES].data)
    assert (new["slide"], new["status"], new["seconds"] > 0) == (f"{folder}/b.tiff", "new", True)
    assert (unchanged["slide"], unchanged["status"], unchanged["seconds"]) == (f"{folder}/a.tiff", "unchanged", None)
    assert unchanged["tissue mean"] > 0


def test_a_run_without_slides_shows_empty_tables(folder) -> None:
    artifacts = artifacts_of(run(folder).state_details.flow_run_id)
    assert [json.loads(artifacts[key].data) for key in (SLIDES, PUT_ASIDE)] == [[], []]


def test_a_bar_moves_once_a_second_however_many_slides_finish() -> None:
    now, seen = [0.0], []

    @task
    def work() -> UUID:
        flow_run = this_run()
        bar = ProgressArtifact("some task", 1000, clock=lambda: now[0])
        for number in range(1000):
            now[0] += 1 / 64
            bar.advance()
            if number % 50 == 49:
                [shown] = artifacts_of(flow_run).values()
                seen.append(shown.data)
        bar.end()
        return flow_run

    @flow
    def one() -> UUID:
        return work()

    [shown] = artifacts_of(one()).values()
    assert (shown.key, shown.data, shown.description) == ("progress-some-task", 100, "some task: 1,000 of 1,000 slides")
    assert seen == pytest.approx([100 * (done - done % 64) / 1000 for done in range(50, 1001, 50)])


def test_many_slides_are_counted_where_they_have_no_line() -> None:
    from flows.reports.progress import progress  # noqa: PLC0415 - as the tasks do

    @task
    def work() -> UUID:
        with progress("some task", MAX_ROWS + 3, logging.INFO) as advance:
            for number in range(MAX_ROWS + 2):
                advance(f"/{number}", 0.5)
            advance("/last", reason="odd")
        return this_run()

    @flow
    def one() -> UUID:
        return work()

    lines = lines_of(one(), "some task: 2 more")
    texts = [text for _, text in lines if text.startswith("some task")]
    assert len(texts) == MAX_ROWS + 2
    assert "some task: done /0 in 0.50 s" in texts
    assert "some task: put aside /last: odd" in texts
    assert "some task: 2 more done, without a line each" in texts


def this_run() -> UUID:
    """The flow run that this is in."""
    from prefect.runtime import flow_run  # noqa: PLC0415 - a module that looks its values up

    return UUID(flow_run.id)


def test_a_bar_that_cannot_be_moved_costs_a_warning_and_not_the_run() -> None:
    @task
    def work() -> UUID:
        flow_run = this_run()
        bar = ProgressArtifact("some task", 2, clock=iter(range(0, 100, 2)).__next__)
        [shown] = artifacts_of(flow_run).values()
        with get_client(sync_client=True) as client:
            client.request("DELETE", "/artifacts/{id}", path_params={"id": shown.id})
        bar.advance()
        bar.advance()
        bar.end()
        return flow_run

    @flow
    def one() -> UUID:
        return work()

    lines = lines_of(one(), "no progress is shown")
    assert len([text for level, text in lines if level == logging.WARNING]) == 1
