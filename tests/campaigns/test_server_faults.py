"""Temporary Prefect servers that end early or find their port taken, each provoked for real."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.cli import prefect_server
from flows.cli.prefect_server import Server
from flows.execution.start_error import StartError


@pytest.fixture(autouse=True)
def no_named_server() -> Iterator[None]:
    with temporary_settings(restore_defaults={PREFECT_API_URL}):
        yield


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


def test_a_server_that_ends_early_is_started_again() -> None:
    with Server() as server:
        server._process.kill()
        with server.ready():
            assert server._process.poll() is None


def test_a_server_that_always_ends_is_given_up_with_its_last_error(monkeypatch) -> None:
    monkeypatch.setattr(prefect_server, "RETRY_PAUSES", (0.1,))
    monkeypatch.setenv("PREFECT_API_DATABASE_CONNECTION_URL", "nonsense")
    expected = r"^the Prefect server did not start, tried 2 times: .*Error: .*; hint: run it again, or start a server"
    with Server() as server, pytest.raises(StartError, match=expected), server.ready():
        pass


def test_a_large_region_is_refused_by_a_server_with_prefects_own_limit(tmp_path, monkeypatch) -> None:
    """The limit is read when the process of the server starts, here that of a server somebody else started."""
    (tmp_path / "slides").mkdir()
    monkeypatch.setattr(prefect_server, "MAX_PARAMETERS", 1 << 19)
    ring = ", ".join(f"{number} {number % 2}" for number in range(60_000))
    roi = f"POLYGON (({ring}, 59999 9, 0 9, 0 0))"
    text = "slides: slides/\noutput: out/\ntiling: {mpp: 1, tile_extent: 8}\noverlays: {a: {path: x}}\n"
    (tmp_path / "coverage.yaml").write_text(f"{text}roi: {roi}\n")
    with Server() as server, server.ready():
        variables = {**os.environ, "PREFECT_API_URL": f"http://127.0.0.1:{server._port}/api"}
        command = [sys.executable, "-m", "flows.coverage", "--config", str(tmp_path / "coverage.yaml")]
        done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    refused, line = done.stderr.splitlines()
    assert (done.returncode, refused) == (2, "refused:")
    assert "bytes, and the Prefect server takes less than 524,288; give a roi of fewer vertices, or set PREF" in line


def test_a_port_that_is_taken_is_replaced(monkeypatch) -> None:
    """The process of the first start finds its port taken."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        server = Server()
        server.stop()
        command = [sys.executable, "-m", "flows.cli.prefect_server", str(port)]
        server._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        server._port = port
        with server._process.stdout as output:
            assert b"address already in use" in output.read()
        with server, server.ready():
            assert server._port != port
