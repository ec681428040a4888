"""The temporary Prefect server ends with the process that started it, however that ends."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

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


def test_a_run_ends_when_its_server_is_killed() -> None:
    """In a process of its own: what Prefect and logging are told there is not for other tests."""
    code = (
        "import time\n"
        "from flows.cli.prefect_server import Server\n"
        "with Server() as server, server.ready():\n"
        "    server._process.kill()\n"
        "    time.sleep(60)\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "PREFECT_API_URL"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1].endswith("ServerError: the Prefect server went away: exit code -9")


def test_it_is_stopped_at_the_end_of_its_block() -> None:
    with Server() as server:
        process = server._process
        assert process.poll() is None
    assert process.poll() is not None
