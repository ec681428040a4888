"""The temporary Prefect server ends with the process that started it, however that ends."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.cli.prefect_server import Server

KILLED = "import os; from flows.cli.prefect_server import Server; print(Server()._process.pid, flush=True); os._exit(1)"


def is_alive(pid: int) -> bool:
    try:
        return b"prefect_server" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for the process in /proc")
def test_it_ends_when_its_parent_is_killed() -> None:
    parent = subprocess.run([sys.executable, "-c", KILLED], capture_output=True, text=True, check=False)
    pid = int(parent.stdout)
    limit = time.monotonic() + 60
    while is_alive(pid):
        assert time.monotonic() < limit
        time.sleep(0.1)


def test_it_is_not_started_where_another_is_named(monkeypatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:4200/api")
    with Server() as server:
        assert server._process is None


def test_one_that_is_killed_is_started_again() -> None:
    with (
        temporary_settings(restore_defaults={PREFECT_API_URL}),
        Server() as server,
        server.ready(),
        get_client(sync_client=True) as client,
    ):
        first = server._process
        first.kill()
        first.wait()
        limit = time.monotonic() + 120
        while client.api_healthcheck() is not None:
            assert time.monotonic() < limit
            time.sleep(0.1)
        assert server._process is not first


def test_it_is_stopped_at_the_end_of_its_block() -> None:
    with Server() as server:
        process = server._process
        assert process.poll() is None
    assert process.poll() is not None
