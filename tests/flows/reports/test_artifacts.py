"""A run in the Prefect UI: artifacts, log lines and states, read back through the API."""

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

from flows.reports.artifacts import FAILED, REPORT, SLIDES
from flows.reports.prefect_progress import MAX_LINES, ProgressArtifact
from flows.reports.previews.contact_sheet import CELL
from flows.reports.progress import progress
from flows.storage.workspace import Workspace
from tests.support.study import random_labels, run, write_mask, write_slide_without_mpp, write_study

pytestmark = pytest.mark.usefixtures("local_ray", "server")


def artifacts_of(flow_run: UUID) -> dict[str, Artifact]:
    with get_client(sync_client=True) as client:
        found = client.read_artifacts(
            artifact_filter=ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[flow_run]))
        )
    return {str(artifact.key): artifact for artifact in found}


def lines_of(flow_run: UUID, last: str) -> list[tuple[int, str]]:
    """Level and text of the log lines, once the last one has arrived: they are sent in the background."""
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


def warnings_of(flow_run: UUID, last: str) -> list[str]:
    return [text for level, text in lines_of(flow_run, last) if level == logging.WARNING]


def run_task(work: Any) -> UUID:
    """Run a function as a task; return the id of its flow run."""

    @flow
    def one() -> UUID:
        task(work)()
        return this_run()

    return one()


def this_run() -> UUID:
    """Id of the current flow run."""
    from prefect.runtime import flow_run  # noqa: PLC0415 - a module that looks its values up

    return UUID(flow_run.id)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Slide a is fine, b has no tissue, c fails."""
    study = tmp_path_factory.mktemp("study") / "slides"
    study.mkdir()
    write_study(study, "a", "b")
    write_mask(study / "b_tissue.tiff", random_labels(0, (0,)))
    write_slide_without_mpp(study / "c.tiff")
    return study


@pytest.fixture(scope="module")
def state(local_ray, server, study):
    return run(study, previews=True)


@pytest.fixture(scope="module")
def artifacts(state):
    return artifacts_of(state.state_details.flow_run_id)


@pytest.fixture(scope="module")
def slides(artifacts):
    return json.loads(artifacts[SLIDES].data)


@pytest.fixture(scope="module")
def lines(state):
    return lines_of(state.state_details.flow_run_id, "compute overlaps: done")


class TestRunOfThreeSlides:
    def test_slides_in_the_tables_are_listed_those_to_review_first(self, slides, study) -> None:
        assert [row["slide"] for row in slides] == [f"{study}/b.tiff", f"{study}/a.tiff"]

    def test_the_reasons_to_review_a_slide_are_listed(self, slides) -> None:
        expected = "nothing kept; overlay tissue is empty: only the value 0"
        assert [row["review"] for row in slides] == [expected, ""]

    def test_tiles_are_counted(self, slides) -> None:
        assert [row["tiles"] for row in slides] == [12, 12]

    def test_a_slide_without_tissue_has_no_coverage(self, slides) -> None:
        assert (slides[0]["kept"], slides[0]["tissue, % of tiles"], slides[0]["tissue, mm²"]) == (0, 0, 0)

    def test_measured_slides_have_their_seconds(self, slides) -> None:
        assert all(row["seconds"] > 0 for row in slides)

    def test_the_table_counts_slides_to_review(self, artifacts) -> None:
        assert artifacts[SLIDES].description == "2 slides in the tables; 1 to review, listed first"

    def test_failed_slides_are_listed_with_task_and_error(self, artifacts, study) -> None:
        [row] = json.loads(artifacts[FAILED].data)
        assert (row["slide"], row["task"], row["error"]) == (f"{study}/c.tiff", "discover slides", "MissingMppError")

    def test_a_failed_slide_has_the_reason_of_failures_parquet(self, artifacts) -> None:
        [row] = json.loads(artifacts[FAILED].data)
        assert row["reason"].endswith("[failures.log, no. 1]")

    def test_the_report_counts_failed_slides(self, artifacts) -> None:
        assert "**1 of 3 slides failed** (tolerated: 0)." in artifacts[REPORT].data

    def test_the_report_is_described_by_the_summary(self, artifacts, state) -> None:
        assert state.message.startswith(artifacts[REPORT].description)

    def test_the_report_shows_a_picture_per_slide(self, artifacts) -> None:
        [figure] = re.findall(r"!\[.*?\]\(data:image/jpeg;base64,(.*?)\)", artifacts[REPORT].data)
        with Image.open(BytesIO(base64.b64decode(figure))) as sheet:
            assert sheet.width > 2 * CELL

    def test_each_task_has_a_progress_artifact_that_ends_full(self, artifacts) -> None:
        bars = {artifact.description: artifact.data for artifact in artifacts.values() if artifact.type == "progress"}
        assert bars == {
            "discover slides: 3 of 3 slides": 100,
            "tile slides: 2 of 2 slides": 100,
            "derive overlay paths: 2 of 2 slides": 100,
            "compute overlaps: 2 of 2 slides": 100,
            "filter by coverage: 2 of 2 slides": 100,
            "draw previews: 2 of 2 slides": 100,
        }

    def test_each_measured_slide_has_a_log_line_with_its_seconds(self, lines, study) -> None:
        done = sorted(text for level, text in lines if level == logging.INFO and "compute overlaps: done" in text)
        timeless = [re.sub(r" in [0-9.]+ s$", " in T s", text) for text in done]
        assert timeless == [f"compute overlaps: done {study}/{name}.tiff in T s" for name in "ab"]

    def test_each_failed_slide_has_a_warning_with_its_error(self, lines, study) -> None:
        [warning] = [text for level, text in lines if level == logging.WARNING]
        assert warning.startswith(f"discover slides: failed {study}/c.tiff: MissingMppError: ")


@pytest.fixture(scope="module")
def resumed_study(tmp_path_factory):
    """Slide a was there in an earlier run, b is new."""
    study = tmp_path_factory.mktemp("resumed") / "slides"
    study.mkdir()
    return study


@pytest.fixture(scope="module")
def resumed_slides(local_ray, server, resumed_study):
    write_study(resumed_study, "a")
    run(resumed_study)
    write_study(resumed_study, "b")
    return json.loads(artifacts_of(run(resumed_study).state_details.flow_run_id)[SLIDES].data)


class TestUnchangedSlide:
    def test_it_is_listed_after_measured_slides(self, resumed_slides, resumed_study) -> None:
        rows = [(row["slide"], row["status"]) for row in resumed_slides]
        assert rows == [(f"{resumed_study}/b.tiff", "new"), (f"{resumed_study}/a.tiff", "unchanged")]

    def test_it_has_no_seconds(self, resumed_slides) -> None:
        assert resumed_slides[1]["seconds"] is None

    def test_it_keeps_its_coverage(self, resumed_slides) -> None:
        assert resumed_slides[1]["tissue, % of tiles"] > 0


def test_a_run_without_slides_has_empty_tables(folder) -> None:
    artifacts = artifacts_of(run(folder).state_details.flow_run_id)
    assert [json.loads(artifacts[key].data) for key in (SLIDES, FAILED)] == [[], []]


class TestPicturesOfEarlierRuns:
    @pytest.mark.parametrize(
        ("slides", "removed"), [(("a",), "1 picture and index.html"), (("a", "b"), "2 pictures and index.html")]
    )
    def test_a_run_without_previews_warns_of_what_it_removes(self, folder, slides, removed) -> None:
        write_study(folder, *slides)
        run(folder, previews=True)
        warnings = warnings_of(run(folder, previews=False).state_details.flow_run_id, "previews are off")
        assert warnings == [f"previews are off: removed {removed} of earlier runs"]

    def test_a_run_without_previews_is_silent_if_none_were_drawn(self, folder, caplog) -> None:
        write_study(folder, "a")
        run(folder, previews=False)
        assert "previews are off" not in caplog.text


class TestProgressArtifact:
    def test_it_is_updated_once_a_second_however_many_slides_finish(self) -> None:
        now, seen = [0.0], []

        def work() -> None:
            bar = ProgressArtifact("some task", 1000, clock=lambda: now[0])
            for number in range(1000):
                now[0] += 1 / 64
                bar.advance()
                if number % 50 == 49:
                    [shown] = artifacts_of(this_run()).values()
                    seen.append(shown.data)

        run_task(work)
        assert seen == pytest.approx([100 * (done - done % 64) / 1000 for done in range(50, 1001, 50)])

    def test_it_ends_with_the_final_count(self) -> None:
        def work() -> None:
            bar = ProgressArtifact("some task", 1000, clock=lambda: 0.0)
            for _ in range(1000):
                bar.advance()
            bar.end()

        [shown] = artifacts_of(run_task(work)).values()
        expected = ("progress-some-task", 100, "some task: 1,000 of 1,000 slides")
        assert (shown.key, shown.data, shown.description) == expected

    def test_one_that_cannot_be_updated_causes_one_warning(self) -> None:
        def work() -> None:
            bar = ProgressArtifact("some task", 2, clock=iter(range(0, 100, 2)).__next__)
            [shown] = artifacts_of(this_run()).values()
            with get_client(sync_client=True) as client:
                client.request("DELETE", "/artifacts/{id}", path_params={"id": shown.id})
            bar.advance()
            bar.advance()
            bar.end()

        [warning] = warnings_of(run_task(work), "progress bar stopped")
        assert warning.startswith("some task: the progress bar stopped, the task goes on: ")


@pytest.fixture(scope="module")
def texts(local_ray, server, tmp_path_factory):
    """Log lines of a task that finished MAX_LINES + 2 slides, after which one failed."""
    folder = str(tmp_path_factory.mktemp("output"))

    def work() -> None:
        with progress("some task", MAX_LINES + 3, Workspace.at(folder), logging.INFO) as advance:
            for number in range(MAX_LINES + 2):
                advance(f"/{number}", 0.5)
            advance("/last", reason="odd")

    return [text for _, text in lines_of(run_task(work), "some task: 2 more") if text.startswith("some task")]


class TestLogOfManySlides:
    def test_a_finished_slide_has_a_line_with_its_seconds(self, texts) -> None:
        assert "some task: done /0 in 0.50 s" in texts

    def test_a_failed_slide_has_a_line_however_many_are_done(self, texts) -> None:
        assert "some task: failed /last: odd" in texts

    def test_lines_of_a_kind_are_bounded(self, texts) -> None:
        assert len([text for text in texts if "done /" in text]) == MAX_LINES

    def test_slides_without_a_line_are_counted(self, texts) -> None:
        assert "some task: 2 more done, not listed" in texts
