"""Runs that are disturbed at a random moment: no half file is seen, and the next run ends as an undisturbed one.

RATIOPATH_FAULTS=20 pytest tests/campaigns/test_faults.py --timeout 0        the long form: so many of each kind
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

SEEDS = range(int(os.environ.get("RATIOPATH_FAULTS", "3")))

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


def assert_the_next_run_ends_as_undisturbed(study: Study, output: Path) -> None:
    assert study.run(output).name == "PutAside"
    assert visible(output) == study.expected
    assert not (output / ".work").exists()


@pytest.mark.parametrize("seed", SEEDS)
def test_a_worker_is_killed(study, output, seed) -> None:
    """By chance: the run itself goes on and ends as if nothing had been."""
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
def test_the_driver_is_killed_or_cancelled(study, output, number, seed) -> None:
    with driver(study.folder, output) as process:
        wait_for_work(process, output)
        time.sleep(study.moment(number.name, seed))
        process.send_signal(number)
        process.wait(SECONDS)
    cancelled = -number if number == signal.SIGKILL else 1
    assert process.returncode in (cancelled, ASIDE), log(output).read_text()  # or it was done before
    assert study.is_whole(output)
    assert_the_next_run_ends_as_undisturbed(study, output)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_prefect_server_goes(study, output, prefect_home, seed) -> None:
    """The run's own: it fails with a line, and the next one ends as undisturbed."""
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
    assert_the_next_run_ends_as_undisturbed(study, output)


@pytest.mark.parametrize("seed", SEEDS[::3])  # Prefect's senders of events and logs try for half a minute each
def test_the_users_prefect_server_goes(study, output, seed) -> None:
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
    assert_the_next_run_ends_as_undisturbed(study, output)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_node_is_lost(study, output, monkeypatch, seed) -> None:
    """Its work goes to the node that is left."""
    private = tempfile.mkdtemp(prefix="ray", dir=tempfile.gettempdir())  # short: sockets lie in it
    monkeypatch.setenv("RAY_TMPDIR", private)  # else Ray tells every run on this machine to use this cluster
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
def test_the_disk_is_full(study, output, seed) -> None:
    needed = sum(len(content) for content in study.expected.values())
    room = chance(seed).randrange(4096, needed)
    with mounted(output, f"size={room}") as remount:
        state = study.run(output)
        assert state.is_failed()
        assert f"OutputError: cannot write '{output}/" in state.message
        assert state.message.endswith("No space left on device; hint: check space and permissions")
        assert study.is_whole(output)
        remount("size=64m")
        assert_the_next_run_ends_as_undisturbed(study, output)


@needs_mounts
@pytest.mark.parametrize("seed", SEEDS)
def test_the_output_becomes_read_only(study, output, seed) -> None:
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
        assert_the_next_run_ends_as_undisturbed(study, output)


@needs_mounts
def test_the_output_is_read_only(study, output) -> None:
    with mounted(output, "size=64m") as remount:
        assert_the_next_run_ends_as_undisturbed(study, output)
        remount("ro")
        state = study.run(output, force=True)
        assert state.is_failed()
        assert "OutputError: cannot write '" in state.message
        assert "Read-only file system" in state.message
        assert visible(output) == study.expected
        remount("rw")
        assert_the_next_run_ends_as_undisturbed(study, output)


@pytest.mark.parametrize("seed", SEEDS)
def test_two_runs_at_once(study, output, seed) -> None:
    """The second refuses, or comes when the first is done; both are right."""
    with driver(study.folder, output) as first:
        wait_for_work(first, output)
        time.sleep(study.moment("second", seed) / 2)
        first.send_signal(signal.SIGSTOP)  # so that it cannot end before the second comes
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
    """A file system in memory, of which nothing stays."""
    folder.mkdir()
    mount = shutil.which("mount") or "mount"
    subprocess.run([mount, "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=True)
    try:
        yield lambda changed: subprocess.run([mount, "-o", f"remount,{changed}", str(folder)], check=True) and None
    finally:
        subprocess.run([shutil.which("umount") or "umount", "-l", str(folder)], check=True)
