"""The temporary Prefect server ends with the process that started it, however that ends."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.cli.prefect_server import Server, ServerError, server_errors
from flows.config.errors import ConfigurationError
from flows.execution.start_error import StartError
from tests.support.answers import TOO_LARGE, refused


@pytest.fixture(autouse=True)
def no_named_server() -> Iterator[None]:
    with temporary_settings(restore_defaults={PREFECT_API_URL}):
        yield


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


def test_it_is_stopped_at_the_end_of_its_block() -> None:
    with Server() as server:
        process = server._process
        assert process.poll() is None
    assert process.wait(timeout=10) is not None


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://user:SECRET@127.0.0.1:9/api", "the Prefect server at http://***@127.0.0.1:9/api/ does not answer: "),
        ("http://127.0.0.1:9/api?token=SECRET", "the Prefect server at http://127.0.0.1:9/api?*** does not answer: "),
        ("SECRET", "PREFECT_API_URL is not a URL (not shown); hint: start it, or "),
        ("http://user:SECRET/more@127.0.0.1:9/api", "PREFECT_API_URL is not a URL (not shown); hint: start it, or "),
    ],
)
def test_a_credential_in_the_url_of_a_server_is_not_repeated(url, problem, monkeypatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", url)
    with temporary_settings({PREFECT_API_URL: url}), Server() as server, pytest.raises(StartError) as failed:  # noqa: SIM117
        with server.ready():
            pass
    assert str(failed.value).startswith(problem)
    assert "SECRET" not in f"{failed.value!r} {failed.value.__cause__!r}"


def test_a_configuration_that_is_too_large_for_a_server_is_refused_in_one_line() -> None:
    with pytest.raises(ConfigurationError) as failed, server_errors():
        raise refused(422, {"exception_detail": [{"msg": TOO_LARGE, "input": "POLYGON"}]})
    assert str(failed.value) == (
        "the configuration has 713,582 bytes, and the Prefect server takes less than 524,288; give a roi of fewer "
        "vertices, or set PREFECT_SERVER_API_MAX_PARAMETER_SIZE of the server"
    )


def test_a_request_that_is_refused_is_named_without_the_address() -> None:
    with pytest.raises(ServerError) as failed, server_errors():
        raise refused(401, {"exception_message": "Unauthorized"})
    assert str(failed.value).startswith("the Prefect server refuses a request: 401 Unauthorized; hint: check PREFECT_")
    assert "SECRET" not in repr(failed.value)
