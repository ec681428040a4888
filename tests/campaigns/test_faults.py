"""Runs disturbed at a random moment: no partial file is visible, and the next run ends like an undisturbed one.

    RATIOPATH_FAULTS=20 pytest tests/campaigns/test_faults.py --timeout 0

runs the long form: 20 of each kind.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings
from ray.cluster_utils import Cluster

from flows.cli.prefect_server import Server
from tests.support.disturbed import (
    ASIDE,
    SECONDS,
    Study,
    chance,
    descendants,
    driver,
    kill,
    log,
    made,
    visible,
    wait_for_work,
    workers,
)

SEEDS = range(int(os.environ.get("RATIOPATH_FAULTS", "2")))

pytestmark = [
    pytest.mark.usefixtures("local_ray", "server"),
    pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for the processes of a run in /proc"),
]
needs_mounts = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0 or not shutil.which("mount"),
    reason="only root on Linux may mount a small file system",
)


@pytest.fixture(scope="module")
def study(local_ray, server, tmp_path_factory) -> Study:
    return made(tmp_path_factory.mktemp("faults") / "slides")


@pytest.fixture
def prefect_home(tmp_path_factory) -> Path:
    return tmp_path_factory.getbasetemp() / "prefect-home"


@pytest.fixture
def output(tmp_path) -> Path:
    return tmp_path / "output"


def assert_next_run_ends_as_undisturbed(study: Study, output: Path) -> None:
    assert study.run(output).name == "PutAside"
    assert visible(output) == study.expected
    assert not (output / ".work").exists()


@pytest.mark.parametrize("seed", SEEDS)
def test_a_run_survives_a_killed_worker(study, output, seed) -> None:
    """The run goes on and ends like an undisturbed one."""
    killed: list[int] = []

    def disturb() -> None:
        time.sleep(study.moment("worker", seed))
        chosen = chance(seed).choice(workers())
        kill(chosen)
        killed.append(chosen)

    with meanwhile(disturb):
        assert study.run(output).name == "PutAside"
    assert killed
    assert visible(output) == study.expected


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
@pytest.mark.parametrize("seed", SEEDS)
def test_a_killed_or_cancelled_driver_leaves_whole_tables(study, output, number, seed) -> None:
    with driver(study.folder, output) as process:
        wait_for_work(process, output)
        time.sleep(study.moment(number.name, seed))
        process.send_signal(number)
        process.wait(SECONDS)
    cancelled = -number if number == signal.SIGKILL else 1
    assert process.returncode in (cancelled, ASIDE), log(output).read_text()  # or it had ended before
    assert study.is_whole(output)
    assert_next_run_ends_as_undisturbed(study, output)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_run_whose_own_prefect_server_dies_fails_with_a_line(study, output, prefect_home, seed) -> None:
    """The next run ends like an undisturbed one."""
    with driver(study.folder, output, own_services=prefect_home) as process:
        wait_for_work(process, output)
        time.sleep(study.moment("server", seed))
        for server in descendants(process.pid, "flows.cli.prefect_server"):
            kill(server)
        process.wait(SECONDS)
    said = log(output).read_text()
    assert process.returncode in (1, ASIDE), said  # or it was done before
    assert ("failed: the Prefect server went away" in said) == (process.returncode == 1), said
    assert study.is_whole(output)
    assert_next_run_ends_as_undisturbed(study, output)


@pytest.mark.parametrize("seed", SEEDS[::3])  # Prefect retries sending events and logs for half a minute
def test_a_run_fails_with_one_line_if_the_named_prefect_server_goes_away(study, output, seed) -> None:
    with (
        temporary_settings(restore_defaults={PREFECT_API_URL}),
        Server() as server,
        server.ready(),
        driver(study.folder, output, PREFECT_CLIENT_MAX_RETRIES="0") as process,
    ):
        wait_for_work(process, output)
        time.sleep(study.moment("users server", seed))
        server.stop()
        process.wait(SECONDS)
    said = log(output).read_text()
    assert process.returncode in (1, ASIDE), said
    assert "Traceback" not in said
    assert ("failed: the Prefect server went away" in said) == (process.returncode == 1), said
    assert study.is_whole(output)
    assert_next_run_ends_as_undisturbed(study, output)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_run_survives_the_loss_of_a_node(study, output, monkeypatch, seed) -> None:
    """The other node takes over its work."""
    private = tempfile.mkdtemp(prefix="ray", dir=tempfile.gettempdir())  # short, for the paths of sockets
    monkeypatch.setenv("RAY_TMPDIR", private)  # else every run on this machine would use this cluster
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        lost = cluster.add_node(num_cpus=1)
        monkeypatch.setenv("RAY_ADDRESS", cluster.address)
        with driver(study.folder, output) as process:
            wait_for_work(process, output)
            time.sleep(study.moment("node", seed))
            cluster.remove_node(lost, allow_graceful=False)
            process.wait(SECONDS)
    finally:
        cluster.shutdown()
        shutil.rmtree(private, ignore_errors=True)
    assert process.returncode == ASIDE, log(output).read_text()
    assert visible(output) == study.expected


@needs_mounts
@pytest.mark.parametrize("seed", SEEDS)
def test_a_full_disk_fails_the_run_and_leaves_whole_tables(study, output, seed) -> None:
    needed = sum(len(content) for content in study.expected.values())
    room = chance(seed).randrange(4096, needed)
    with mounted(output, f"size={room}") as remount:
        state = study.run(output)
        assert state.is_failed()
        assert f"OutputError: cannot write '{output}/" in state.message
        assert state.message.endswith("No space left on device; hint: check space and permissions")
        assert study.is_whole(output)
        remount("size=64m")
        assert_next_run_ends_as_undisturbed(study, output)


@needs_mounts
@pytest.mark.parametrize("seed", SEEDS)
def test_an_output_that_becomes_read_only_keeps_whole_tables(study, output, seed) -> None:
    with mounted(output, "size=64m") as remount:

        def disturb() -> None:
            time.sleep(study.moment("read-only", seed) / 2)
            while True:
                with suppress(subprocess.CalledProcessError):  # a file is being written
                    remount("ro")
                    return

        with meanwhile(disturb):
            state = study.run(output)
        assert state.name == "PutAside" or "Read-only file system" in state.message
        assert study.is_whole(output)
        remount("rw")
        assert_next_run_ends_as_undisturbed(study, output)


@needs_mounts
def test_a_read_only_output_fails_the_run_and_stays_as_it_was(study, output) -> None:
    with mounted(output, "size=64m") as remount:
        assert_next_run_ends_as_undisturbed(study, output)
        remount("ro")
        state = study.run(output, force=True)
        assert state.is_failed()
        assert "OutputError: cannot write '" in state.message
        assert "Read-only file system" in state.message
        assert visible(output) == study.expected
        remount("rw")
        assert_next_run_ends_as_undisturbed(study, output)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_second_of_two_runs_changes_nothing(study, output, seed) -> None:
    """The second refuses, or starts after the end of the first."""
    with driver(study.folder, output) as first:
        wait_for_work(first, output)
        time.sleep(study.moment("second", seed) / 2)
        first.send_signal(signal.SIGSTOP)  # it must not end before the second starts
        try:
            state = study.run(output)
        finally:
            first.send_signal(signal.SIGCONT)
        first.wait(SECONDS)
    assert first.returncode == ASIDE, log(output).read_text()
    assert (
        "OutputError: another run is writing to" in state.message or "0 new, 0 changed, 10 unchanged" in state.message
    )
    assert visible(output) == study.expected


@contextmanager
def meanwhile(disturb: Callable[[], None]) -> Iterator[None]:
    thread = threading.Thread(target=disturb)
    thread.start()
    try:
        yield
    finally:
        thread.join()


@contextmanager
def mounted(folder: Path, options: str) -> Iterator[Callable[[str], None]]:
    """Mount a file system in memory and yield a function that remounts it with other options."""
    folder.mkdir()
    mount = shutil.which("mount") or "mount"
    subprocess.run([mount, "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=True)
    try:
        yield lambda changed: subprocess.run([mount, "-o", f"remount,{changed}", str(folder)], check=True) and None
    finally:
        subprocess.run([shutil.which("umount") or "umount", "-l", str(folder)], check=True)
