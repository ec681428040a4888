"""The Prefect server of a run started by hand, where none is configured."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from prefect.client.orchestration import get_client
from prefect.logging.handlers import APILogHandler
from prefect.settings import PREFECT_API_URL, temporary_settings

from ratiopath.errors import RatiopathError

STARTUP_SECONDS = 120
"""How long a first start may take, with a database to create; 10-30 s on two cores, Prefect's own limit is 20 s."""


class ServerError(RatiopathError):
    """The Prefect server did not start."""


@contextmanager
def prefect_server() -> Iterator["Server | None"]:
    """Start a temporary server in the background, unless PREFECT_API_URL or the profile names one.

    Prefect starts one itself when a flow needs it, but only then, with a limit of 20 s, and after importing the whole
    server into this process too: that doubles the time to the first task on two cores.

    Yields:
        The server, which is still starting; None where another is used.
    """
    if PREFECT_API_URL.value():
        yield None
        return
    server = Server()
    try:
        yield server
    finally:
        server.stop()


class Server:
    """A server process, with the user's own database of runs."""

    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}/api"
        quiet = {"PREFECT_UI_ENABLED": "0", "PREFECT_SERVER_ANALYTICS_ENABLED": "0", "PREFECT__SERVER_EPHEMERAL": "1"}
        arguments = ["--host", "127.0.0.1", "--port", str(port), "--log-level", "error", "--lifespan", "on"]
        self._process = subprocess.Popen(  # noqa: S603 - the command is fixed
            [sys.executable, "-m", "uvicorn", "--factory", "prefect.server.api.server:create_app", *arguments],
            env={**os.environ, **quiet},
        )

    @contextmanager
    def ready(self) -> Iterator[None]:
        """Wait until it answers, and let flows in this block use it.

        Raises:
            ServerError: It ended, or did not answer in time.
        """
        limit = time.monotonic() + STARTUP_SECONDS
        with temporary_settings({PREFECT_API_URL: self.url}), get_client(sync_client=True) as client:
            while client.api_healthcheck() is not None:
                if self._process.poll() is not None or time.monotonic() > limit:
                    found = f"exit code {self._process.poll()}, no answer from {self.url}"
                    remedy = "start one with `prefect server start` and set PREFECT_API_URL"
                    raise ServerError(f"a Prefect server starts within {STARTUP_SECONDS} s: {found}; {remedy}")
                time.sleep(0.1)
            yield
            APILogHandler().flush()  # before the server goes

    def stop(self) -> None:
        """End the process."""
        self._process.terminate()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
