"""End to end: what docs/deployment.md says, on a real server with a real worker. The pool runs one flow at a time."""

import os
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from PIL import Image

from tests.support.served import PROJECT, Served
from tests.support.study import settings, truncate, write_study

CANCELLED_SLIDES = 600
"""So many that a run goes on for some seconds after the first of them is in the tables."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("production")


@pytest.fixture(scope="module")
def served(folder) -> Iterator[Served]:
    write_study(folder / "slides", "a", "b")
    with Served(folder / "platform", settings(folder / "slides", previews=True)) as served:
        yield served


def is_the_end(message: str) -> bool:
    return message.startswith("Finished in state Completed('2 of 2 slides in the tables, 0 put aside; ")


def whole_tables(output: Path) -> int:
    """Read every table and every picture that readers see; how many tables they are."""
    paths = [path for path in output.rglob("*") if path.is_file() and ".work" not in path.parts]
    tables = [pq.read_table(path, partitioning=None) for path in paths if path.suffix == ".parquet"]
    for path in paths:
        if path.suffix == ".png":
            Image.open(path).load()
    assert {path.suffix for path in paths} <= {".parquet", ".json", ".png"}
    return len(tables)


def test_the_scheduler_creates_the_runs_of_the_nights_to_come(served) -> None:
    served.until(lambda: served.count_scheduled("nightly"), "scheduled runs of nightly")
    assert served.count_scheduled("on-demand") == 0
    assert served.count_scheduled("new-slide") == 0
    [run, *_] = served.find("flow_runs", flow_runs={"tags": {"all_": ["nightly", "auto-scheduled"]}}, limit=1)
    assert run["parameters"]["config"]["keep"] == "tissue >= 0.5"


def test_deployments_are_as_they_are_documented(served) -> None:
    found = {deployment["name"]: deployment for deployment in served.find("deployments")}
    assert set(found) == {"nightly", "on-demand", "new-slide"}
    for deployment in found.values():
        assert deployment["enforce_parameter_schema"]
        assert deployment["global_concurrency_limit"]["limit"] == 1
        assert deployment["concurrency_options"]["collision_strategy"] == "ENQUEUE"
    [schedule] = found["nightly"]["schedules"]
    assert (schedule["schedule"]["cron"], schedule["schedule"]["timezone"]) == ("0 2 * * *", "Europe/Prague")
    assert found["on-demand"]["schedules"] == found["new-slide"]["schedules"] == []


def test_the_form_explains_every_field_and_refuses_what_is_no_configuration(served) -> None:
    deployment = served.api.get("/deployments/name/coverage/on-demand").json()
    schema = deployment["parameter_openapi_schema"]
    assert schema["properties"]["config"]["$ref"] == "#/definitions/CoverageConfig"
    for section in schema["definitions"].values():
        for field in section["properties"].values():
            assert field["description"]
            assert "title" in field or "$ref" in field  # a section has the title of what it refers to
    for wrong, said in (({"tilling": {"mpp": 1}}, "tilling"), ({"tiling": {"tile_extent": 0}}, "tile_extent")):
        parameters = {"config": {**deployment["parameters"]["config"], **wrong}}
        answer = served.api.post(f"/deployments/{deployment['id']}/create_flow_run", json={"parameters": parameters})
        assert answer.status_code == 409
        assert said in answer.text


def test_a_run_is_triggered_with_parameters_and_completes(served, folder) -> None:
    run = served.ended(served.trigger("on-demand", output=str(folder / "on-demand"), keep="tissue >= 0.4"))
    assert (run["state"]["type"], run["name"]) == ("COMPLETED", "coverage-slides-0.5-mpp-16x16")
    assert run["state"]["message"].startswith("2 of 2 slides in the tables, 0 put aside; 2 new, ")
    assert min(pq.read_table(folder / "on-demand" / "tiles")["tissue"].to_pylist()) >= 0.4
    served.until(lambda: any(map(is_the_end, served.logs(run["id"]))), "the run's last log line arrives")
    states = [task["state"]["type"] for task in served.find("task_runs", flow_runs={"id": {"any_": [run["id"]]}})]
    assert states == ["COMPLETED"] * 6
    assert (folder / "on-demand" / "index.html").exists()
    of_run = {"flow_runs": {"id": {"any_": [run["id"]]}}, "artifacts": {"key": {"any_": ["coverage-report"]}}}
    [report] = served.find("artifacts", **of_run)
    assert "](data:image/jpeg;base64," in report["data"]


def test_an_event_starts_a_run_for_the_slide_that_arrived(served, folder) -> None:
    write_study(folder / "arrived", "it's new")
    slide = folder / "arrived" / "it's new.tiff"
    served.emit("slide.arrived", "slide.new", {"path": str(slide)})
    tagged = {"tags": {"all_": ["new-slide"]}}
    [run] = served.until(lambda: served.find("flow_runs", flow_runs=tagged), "the automation starts a run")
    ended = served.ended(run["id"])
    assert (ended["state"]["type"], ended["name"]) == ("COMPLETED", "coverage-it's new.tiff-0.5-mpp-16x16")
    assert pq.read_table(folder / "output" / "slides.parquet")["path"].to_pylist() == [str(slide)]


def test_a_run_with_a_bad_slide_ends_failed_and_counts_it(served, folder) -> None:
    write_study(folder / "bad", "good", "short")
    truncate(folder / "bad" / "short_tissue.tiff")
    run = served.ended(served.trigger("on-demand", slides=str(folder / "bad"), output=str(folder / "aside")))
    assert (run["state"]["type"], run["state"]["name"]) == ("FAILED", "PutAside")
    assert run["state"]["message"].startswith("1 of 2 slides in the tables, 1 put aside; ")
    assert run["state"]["message"].endswith("; 0 tolerated: failures.parquet tells which and why")
    assert pq.read_table(folder / "aside" / "failures.parquet")["path"].to_pylist() == [str(folder / "bad/short.tiff")]


def test_a_cancelled_run_ends_cancelled_and_leaves_whole_tables(served, folder) -> None:
    write_study(folder / "many", "0")
    for number in range(1, CANCELLED_SLIDES):
        for suffix in (".tiff", "_tissue.tiff", "_classes.ome.tiff"):
            os.link(folder / "many" / f"0{suffix}", folder / "many" / f"{number}{suffix}")
    coverage = folder / "cancelled" / "coverage"
    run_id = served.trigger("on-demand", slides=str(folder / "many"), output=str(folder / "cancelled"))
    served.until(lambda: any(coverage.glob("*.parquet")), "the first slide is in the tables")
    cancelling = {"state": {"type": "CANCELLING"}}
    assert served.api.post(f"/flow_runs/{run_id}/set_state", json=cancelling).json()["status"] == "ACCEPT"
    served.until(lambda: served.run(run_id)["state"]["type"] == "CANCELLED", "the run is cancelled")  # after Crashed
    assert not served.find("flow_runs", flow_runs={"state": {"type": {"any_": ["RUNNING", "CRASHED"]}}})
    assert whole_tables(folder / "cancelled") > 1
    assert not (folder / "cancelled" / "run.json").exists()


def test_the_automation_of_runs_that_hang_is_taken_by_the_server(served) -> None:
    served.prefect("automation", "create", "--from-file", str(PROJECT / "deploy" / "automations.yaml"))
    names = {automation["name"]: automation["trigger"]["posture"] for automation in served.find("automations")}
    assert names == {"coverage runs end within 20 hours": "Proactive", "new-slide__automation_1": "Reactive"}


def test_deployments_for_an_image_pull_nothing(served) -> None:
    """Last: it adds deployments."""
    served.prefect("work-pool", "create", "--type", "kubernetes", "kubernetes")
    served.prefect("--no-prompt", "deploy", "--all", "--prefect-file", "deploy/kubernetes/prefect.yaml")
    found = {d["name"]: d for d in served.find("deployments", work_pools={"name": {"any_": ["kubernetes"]}})}
    assert set(found) == {"nightly-in-cluster", "on-demand-in-cluster"}
    assert [d["pull_steps"] for d in found.values()] == [[], []]
