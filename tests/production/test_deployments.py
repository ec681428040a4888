"""docs/deployment.md end to end: its commands, in a fresh clone, with a real server and a real worker.

The work pool runs one flow at a time, so the runs of the module follow one another.
"""

import os
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml
from PIL import Image

from tests.support.served import Platform, commands, documented
from tests.support.study import TASKS, settings, truncate, write_study

CANCELLED_SLIDES = 600
"""Enough slides for a run to go on for seconds after the first of them is in the tables."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("production")


@pytest.fixture(scope="module")
def platform(folder) -> Iterator[Platform]:
    write_study(folder / "slides", "a", "b")
    with Platform(folder / "platform", settings(folder / "slides", previews=True)) as platform:
        yield platform


@pytest.fixture(scope="module")
def deployments(platform) -> dict[str, dict[str, Any]]:
    """The deployments of prefect.yaml, by name."""
    return {name: platform.deployment(name) for name in ("nightly", "on-demand", "new-slide")}


def test_the_documented_commands_create_three_deployments(platform) -> None:
    found = platform.find("deployments", work_pools={"name": {"any_": ["local-process"]}})
    assert {deployment["name"] for deployment in found} == {"nightly", "on-demand", "new-slide"}


def test_deployments_run_in_the_clone(platform, deployments) -> None:
    step = {"prefect.deployments.steps.set_working_directory": {"directory": str(platform.clone)}}
    assert [deployment["pull_steps"] for deployment in deployments.values()] == [[step]] * 3


def test_the_server_checks_the_parameters_of_each_deployment(deployments) -> None:
    assert all(deployment["enforce_parameter_schema"] for deployment in deployments.values())


def test_runs_of_a_deployment_wait_for_one_another(deployments) -> None:
    for deployment in deployments.values():
        assert deployment["global_concurrency_limit"]["limit"] == 1
        assert deployment["concurrency_options"]["collision_strategy"] == "ENQUEUE"


def test_only_nightly_has_a_schedule(deployments) -> None:
    schedules = {
        name: [(found["schedule"]["cron"], found["schedule"]["timezone"]) for found in deployment["schedules"]]
        for name, deployment in deployments.items()
    }
    assert schedules == {"nightly": [("0 2 * * *", "Europe/Prague")], "on-demand": [], "new-slide": []}


def test_the_scheduler_creates_the_runs_of_the_nights_to_come(platform) -> None:
    platform.until(lambda: platform.count_scheduled("nightly"), "scheduled runs of nightly")
    [run, *_] = platform.find("flow_runs", flow_runs={"tags": {"all_": ["nightly", "auto-scheduled"]}}, limit=1)
    assert run["parameters"]["config"]["keep"] == "tissue >= 0.5"


@pytest.mark.parametrize("deployment", ["on-demand", "new-slide"])
def test_the_scheduler_creates_no_run_of_other_deployments(platform, deployment) -> None:
    platform.until(lambda: platform.count_scheduled("nightly"), "scheduled runs of nightly")
    assert platform.count_scheduled(deployment) == 0


def test_the_form_describes_every_field(deployments) -> None:
    schema = deployments["on-demand"]["parameter_openapi_schema"]
    assert schema["properties"]["config"]["$ref"] == "#/definitions/CoverageConfig"
    fields = [field for section in schema["definitions"].values() for field in section["properties"].values()]
    assert all(field["description"] for field in fields)


def test_the_form_has_a_title_for_every_field(deployments) -> None:
    sections = deployments["on-demand"]["parameter_openapi_schema"]["definitions"].values()
    fields = [field for section in sections for field in section["properties"].values()]
    assert all("title" in field or "$ref" in field for field in fields)  # a reference has the title of its section


@pytest.mark.parametrize(
    ("changes", "key"), [({"tilling": {"mpp": 1}}, "tilling"), ({"tiling": {"tile_extent": 0}}, "tile_extent")]
)
def test_the_form_refuses_an_invalid_configuration(platform, deployments, changes, key) -> None:
    answer = platform.submit(deployments["on-demand"], **changes)
    assert answer.status_code == 409
    assert key in answer.text


class TestARunFromTheForm:
    @pytest.fixture(scope="class")
    @classmethod
    def output(cls, folder) -> Path:
        return folder / "on-demand"

    @pytest.fixture(scope="class")
    @classmethod
    def run(cls, platform, output) -> dict[str, Any]:
        return platform.ended(platform.trigger("on-demand", output=str(output), keep="tissue >= 0.4"))

    def test_completes(self, run) -> None:
        assert run["state"]["type"] == "COMPLETED"

    def test_is_named_after_slides_and_tiling(self, run) -> None:
        assert run["name"] == "coverage-slides-0.5-mpp-16x16"

    def test_counts_its_slides(self, run) -> None:
        assert run["state"]["message"].startswith("2 of 2 slides in the tables, 0 put aside; 2 new, ")

    def test_uses_the_changed_field(self, run, output) -> None:
        assert min(pq.read_table(output / "tiles")["tissue"].to_pylist()) >= 0.4

    def test_completes_all_of_its_tasks(self, platform, run) -> None:
        tasks = platform.find("task_runs", flow_runs={"id": {"any_": [run["id"]]}})
        assert [task["state"]["type"] for task in tasks] == ["COMPLETED"] * len(TASKS)

    def test_logs_its_final_state(self, platform, run) -> None:
        final = "Finished in state Completed('2 of 2 slides in the tables, 0 put aside; "
        platform.until(
            lambda: any(line.startswith(final) for line in platform.logs(run["id"])), "the last line of the log arrives"
        )

    def test_writes_the_gallery(self, run, output) -> None:
        assert (output / "index.html").exists()

    def test_shows_pictures_in_its_report(self, platform, run) -> None:
        query = {"flow_runs": {"id": {"any_": [run["id"]]}}, "artifacts": {"key": {"any_": ["coverage-report"]}}}
        [report] = platform.find("artifacts", **query)
        assert "](data:image/jpeg;base64," in report["data"]


class TestTheArrivalOfASlide:
    @pytest.fixture(scope="class")
    @classmethod
    def slide(cls, folder) -> Path:
        write_study(folder / "arrived", "it's new")
        return folder / "arrived" / "it's new.tiff"

    @pytest.fixture(scope="class")
    @classmethod
    def run(cls, platform, slide) -> dict[str, Any]:
        [command] = commands("Arrival of a slide")
        payload = shlex.quote(f'{{"path": "{slide}"}}')
        platform.run_command(command.replace("""'{"path": "/slides/A17.svs"}'""", payload))
        tagged = {"tags": {"all_": ["new-slide"]}}
        [run] = platform.until(lambda: platform.find("flow_runs", flow_runs=tagged), "the automation starts a run")
        return platform.ended(run["id"])

    def test_starts_a_run_that_completes(self, run) -> None:
        assert run["state"]["type"] == "COMPLETED"

    def test_names_the_run_after_the_slide(self, run) -> None:
        assert run["name"] == "coverage-it's new.tiff-0.5-mpp-16x16"

    def test_adds_the_slide_to_the_tables(self, run, slide, folder) -> None:
        assert pq.read_table(folder / "output" / "slides.parquet")["path"].to_pylist() == [str(slide)]


class TestARunWithABadSlide:
    @pytest.fixture(scope="class")
    @classmethod
    def slides(cls, folder) -> Path:
        write_study(folder / "bad", "good", "short")
        truncate(folder / "bad" / "short_tissue.tiff")
        return folder / "bad"

    @pytest.fixture(scope="class")
    @classmethod
    def run(cls, platform, slides, folder) -> dict[str, Any]:
        return platform.ended(platform.trigger("on-demand", slides=str(slides), output=str(folder / "aside")))

    def test_ends_failed(self, run) -> None:
        assert (run["state"]["type"], run["state"]["name"]) == ("FAILED", "PutAside")

    def test_counts_the_slide(self, run) -> None:
        assert run["state"]["message"].startswith("1 of 2 slides in the tables, 1 put aside; ")

    def test_points_to_the_table_of_failures(self, run) -> None:
        assert run["state"]["message"].endswith("; 0 tolerated: see failures.parquet for each slide and reason")

    def test_lists_the_slide(self, run, slides, folder) -> None:
        failures = pq.read_table(folder / "aside" / "failures.parquet")
        assert failures["path"].to_pylist() == [str(slides / "short.tiff")]


class TestACancelledRun:
    @pytest.fixture(scope="class")
    @classmethod
    def output(cls, folder) -> Path:
        return folder / "cancelled"

    @pytest.fixture(scope="class")
    @classmethod
    def run(cls, platform, folder, output) -> str:
        """The id of a run that was cancelled once its first slide was in the tables."""
        slides = folder / "many"
        write_study(slides, "0")
        for number in range(1, CANCELLED_SLIDES):
            for suffix in (".tiff", "_tissue.tiff", "_classes.ome.tiff"):
                os.link(slides / f"0{suffix}", slides / f"{number}{suffix}")
        run_id = platform.trigger("on-demand", slides=str(slides), output=str(output), previews=False)
        platform.until(lambda: any((output / "coverage").glob("*.parquet")), "the first slide is in the tables")
        cancelling = {"state": {"type": "CANCELLING"}}
        assert platform.api.post(f"/flow_runs/{run_id}/set_state", json=cancelling).json()["status"] == "ACCEPT"
        platform.until(lambda: platform.run(run_id)["state"]["type"] == "CANCELLED", "the run is cancelled")
        return run_id

    def test_leaves_no_run_behind(self, platform, run) -> None:
        states = {"state": {"type": {"any_": ["RUNNING", "CRASHED"]}}}
        assert not platform.find("flow_runs", flow_runs=states)

    def test_leaves_whole_tables(self, run, output) -> None:
        tables = [path for path in output.rglob("*.parquet") if ".work" not in path.parts]
        assert tables
        for path in tables:
            pq.read_table(path, partitioning=None)

    def test_leaves_whole_pictures(self, run, output) -> None:
        for path in output.rglob("*.png"):
            if ".work" not in path.parts:
                Image.open(path).load()

    def test_leaves_no_other_files(self, run, output) -> None:
        files = [path for path in output.rglob("*") if path.is_file() and ".work" not in path.parts]
        assert {path.suffix for path in files} <= {".parquet", ".json", ".png"}

    def test_writes_no_record(self, run, output) -> None:
        assert not (output / "run.json").exists()


def test_a_served_flow_runs_without_a_work_pool(platform, folder) -> None:
    """The example of flow.serve in docs/deployment.md, as it stands there."""
    (platform.clone / "coverage.yaml").write_text(
        yaml.safe_dump(settings(folder / "slides", output=str(folder / "served")))
    )
    (platform.clone / "serve.py").write_text(documented("Without a work pool", "python"))
    process = platform.start(f"{shlex.quote(sys.executable)} serve.py")
    platform.until(lambda: platform.find("deployments", deployments={"name": {"any_": ["served"]}}), "it is served")
    run = platform.ended(platform.trigger("served"))
    platform.end(process)
    assert run["state"]["type"] == "COMPLETED"


def test_the_server_accepts_the_automation_against_runs_that_hang(platform) -> None:
    [command] = commands("Runs that hang")
    platform.run_command(command)
    postures = {found["name"]: found["trigger"]["posture"] for found in platform.find("automations")}
    assert postures["coverage runs longer than 20 hours"] == "Proactive"


@pytest.fixture(scope="module")
def in_cluster(platform) -> dict[str, dict[str, Any]]:
    """The deployments for an image, by name."""
    for command in commands("Code in an image"):
        if command.startswith("prefect "):
            platform.run_command(command)
    found = platform.find("deployments", work_pools={"name": {"any_": ["kubernetes"]}})
    return {deployment["name"]: deployment for deployment in found}


def test_the_image_has_a_nightly_deployment_and_one_from_a_form(in_cluster) -> None:
    assert set(in_cluster) == {"nightly-in-cluster", "on-demand-in-cluster"}


def test_deployments_for_an_image_pull_nothing(in_cluster) -> None:
    assert [deployment["pull_steps"] for deployment in in_cluster.values()] == [[], []]
