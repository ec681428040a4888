"""The status of an output: nothing, a run that is going on, one that died, and one that finished."""

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from flows.analysis.status import read_status
from flows.cli.verbs.dispatch import main
from flows.config.errors import ConfigurationError
from flows.records.failures import write_failures
from flows.reports.progress import progress
from flows.reports.progress_file import ProgressFile, read_progress
from flows.storage.lock import LeaseTiming, lease_lock, output_lock, read_holder
from flows.storage.workspace import Workspace
from schemas.failures import FAILURES
from tests.support.study import write_slide

FAST, PATIENT = LeaseTiming(heartbeat=0.2, ttl=2), LeaseTiming(heartbeat=0.2, ttl=60)
"""Timing that gives a lease up soon, and one that bears a store or a machine that stands still for seconds."""
FAILURE = {"path": "/s/c.tiff", "stage": "discover slides", "error": "TruncatedError", "message": "too short"}


@pytest.fixture
def workspace(output) -> Workspace:
    return Workspace.at(str(output))


def finish(output: Path, *failures: dict[str, str], tolerated: int = 0, **record: Any) -> None:
    """Write what a finished run leaves, as far as the status reads it."""
    output.mkdir(exist_ok=True)
    counts = {"found": 9, "put_aside": len(failures), "tolerated": tolerated, "tiles": 1000, "kept": 10}
    times = {"ended": "2026-01-02T03:04:05+00:00", "seconds": 3661.0}
    (output / "run.json").write_text(json.dumps({"counts": counts, "times": times, **record}))
    pq.write_table(FAILURES.table(list(failures)), output / "failures.parquet")


def test_a_run_that_is_going_on_tells_task_counts_and_failures_so_far(workspace, capsys) -> None:
    with output_lock(workspace):
        assert read_status(workspace.output).state == "going on"
        write_failures("discover slides", [{**FAILURE, "trace": None}], workspace)
        with progress("compute overlaps", 4, workspace) as advance:
            advance("/s/a.tiff", 1.0)
            advance("/s/b.tiff", None, "TruncatedError: damaged")
        found = read_status(workspace.output)
        assert main(["status", workspace.output]) == 0
    assert (found.state, found.progress.task, found.progress.done, found.left) == ("going on", "compute overlaps", 1, 2)
    assert [(one["path"], one["stage"]) for one in found.failures] == [
        ("/s/b.tiff", "compute overlaps"), ("/s/c.tiff", "discover slides"),
    ]  # fmt: skip
    printed = capsys.readouterr()
    assert "compute overlaps: 1 of 4 slides done, 1 failed, 2 left; began 20" in printed.out
    assert "put aside '/s/c.tiff', discover slides: TruncatedError: too short\n" in printed.err


def test_what_an_export_or_a_picture_leaves_out_is_no_slide_put_aside(workspace) -> None:
    with output_lock(workspace):
        for task in ("export qupath", "draw previews"):
            with progress(task, 1, workspace) as advance:
                advance("/s/a.tiff", None, "not square")
            found = read_status(workspace.output)
            assert (found.progress.failed, found.put_aside, found.failures) == (1, 0, [])


def test_rate_and_time_left_follow_from_the_slides_so_far(workspace) -> None:
    now = [0.0]
    with output_lock(workspace):
        file = ProgressFile("tile slides", 10, workspace, clock=lambda: now[0])
        for second in (1.0, 4.0):
            now[0] = second
            file.advance(f"/s/{second}.tiff", None)
        assert read_status(workspace.output).progress.done == 0  # written at most every 5 s
        now[0] = 30.0
        file.advance("/s/c.tiff", None)
        found = read_status(workspace.output)
    assert (found.progress.done, found.slides_per_minute, found.seconds_left) == (3, 6.0, 70.0)


def test_a_run_that_died_left_its_folder_and_no_lock(workspace, capsys) -> None:
    finish(Path(workspace.output))
    with progress("tile slides", 2, workspace) as advance:
        advance("/s/a.tiff")
    assert main(["status", workspace.output, "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["state"], told["task"], told["left"], told["seconds_left"]) == ("died", "tile slides", 1, None)
    assert told["last_finished"]["counts"]["found"] == 9
    workspace.tidy()
    assert main(["status", workspace.output, "-q"]) == 0


@pytest.mark.parametrize(
    ("tolerated", "record", "code"),
    [
        (1, {}, 0),
        (0, {}, 3),
        (1, {"configuration": {"strict": True}, "review": {"to_review": 1}}, 3),
        (1, {"configuration": {"strict": False}, "review": {"to_review": 1}}, 0),
        (1, {"configuration": {"strict": True}, "review": {"absent_classes": [{"absent": 2, "slides": 2}]}}, 3),
        (1, {"configuration": {"strict": True}, "review": {"absent_classes": [{"absent": 1, "slides": 2}]}}, 0),
    ],
)
def test_a_finished_run_has_the_exit_code_that_it_ended_with(output, capsys, tolerated, record, code) -> None:
    finish(output, FAILURE, tolerated=tolerated, **record)
    assert main(["status", str(output)]) == code
    printed = capsys.readouterr()
    assert printed.out.startswith("last finished 2026-01-02T03:04:05+00:00, after 1:01:01: 9 slides found, 1 put aside")
    assert "10 of 1,000 tiles kept\nnext: mend or exclude" in printed.out
    assert printed.err.startswith("put aside '/s/c.tiff', discover slides: TruncatedError: too short")


@pytest.mark.parametrize("verb", [["status"], ["inspect", "--slide"]])
def test_an_answer_without_a_fault_says_what_to_do_next(verb, output, tmp_path, capsys) -> None:
    finish(output)
    about = [str(output)] if verb == ["status"] else [str(write_slide(tmp_path / "a.tiff"))] * 2
    assert main([*verb, *about]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("next: ")


def test_what_is_no_output_is_refused(tmp_path, capsys) -> None:
    for path in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(ConfigurationError, match=r"holds no run .*; give the folder or URI"):
            read_status(str(path))
    assert main(["status", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith("refused:\n  output: ")
    assert not (tmp_path / "nowhere").exists()


def test_who_asks_again_and_again_does_not_keep_a_run_off(workspace) -> None:
    for _ in range(20):
        with output_lock(workspace):
            assert read_holder(workspace) == "a process"
        assert read_holder(workspace) is None


def test_a_damaged_file_of_the_progress_is_none(workspace) -> None:
    with progress("tile slides", 2, workspace):
        pass
    (Path(workspace.hidden) / "progress.json").write_text('{"task": 1')
    assert read_progress(workspace) is None


def test_a_progress_that_cannot_be_written_does_not_end_the_task(tmp_path) -> None:
    (tmp_path / "output").write_text("a file where a folder belongs")
    with progress("tile slides", 1, Workspace.at(str(tmp_path / "output"))) as advance:
        advance("/s/a.tiff")


def test_on_a_store_a_run_is_known_by_its_heartbeat(bucket) -> None:
    workspace = Workspace.at(bucket.uri("out"))
    with lease_lock(workspace, PATIENT):
        with progress("tile slides", 2, workspace) as advance:
            advance("/s/a.tiff")
        found = read_status(workspace.output, PATIENT)
    assert (found.state, found.progress.done) == ("going on", 1)
    dead = b"process 1 on a machine that is off, refreshed 000000007 times"
    bucket.client.put_object(Bucket=bucket.name, Key="out/.lease-0", Body=dead)
    assert read_status(workspace.output, FAST).state == "died"
    assert ".lease-0" in workspace.names(workspace.root)
