"""The Prefect server of a run started by hand, where none is configured."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

from ratiopath.errors import RatiopathError

STARTUP_SECONDS = 120
"""How long a first start may take, with a database to create: 10-30 s on two cores; Prefect's own limit is 20 s."""

OWN_RETRIES = 2
"""A server beside this process that is gone does not come back: Prefect's five tries take a minute for each call."""


class ServerError(RatiopathError):
    """The Prefect server did not start."""


class Server:
    """A temporary server with the user's own database of runs, in a process that ends with this one.

    Prefect starts one itself when a flow needs it, but only then, and imports the whole server into this process too:
    on two cores that doubles the time to the first task.
    """

    def __init__(self) -> None:
        """Start it, unless the environment names another; a profile is looked at later, by `ready`."""
        self._process: subprocess.Popen[bytes] | None = None
        if os.environ.get("PREFECT_API_URL"):
            return
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        # what Prefect sets for the servers it starts itself, and no telemetry
        quiet = {"PREFECT_UI_ENABLED": "0", "PREFECT__SERVER_EPHEMERAL": "1", "PREFECT_SERVER_ANALYTICS_ENABLED": "0"}
        self._process = subprocess.Popen(  # noqa: S603 - the command is fixed
            [sys.executable, "-m", "flows.server_process", str(self._port)],
            env={**os.environ, **quiet},
            stdin=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for the flow, which then tells the server
        )

    @contextmanager
    def ready(self) -> Iterator[None]:
        """Wait until a server answers, and let flows in this block use it.

        Raises:
            ServerError: It ended, or did not answer in time.
        """
        from prefect.logging.handlers import APILogHandler  # noqa: PLC0415 - slow, and the server has to start first
        from prefect.settings import (  # noqa: PLC0415 - ditto
            PREFECT_API_URL,
            PREFECT_CLIENT_MAX_RETRIES,
            temporary_settings,
        )

        if PREFECT_API_URL.value():
            self.stop()
        if self._process is None:
            yield
            return
        own = {PREFECT_API_URL: f"http://127.0.0.1:{self._port}/api", PREFECT_CLIENT_MAX_RETRIES: OWN_RETRIES}
        with temporary_settings(own):
            self._wait(self._process)
            try:
                yield
            finally:
                APILogHandler().flush()  # before the server goes: Prefect would try to reach it for a minute and more

    def stop(self) -> None:
        """End the process."""
        if self._process is not None:
            try:
                self._process.communicate(timeout=10)  # closes its stdin
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        from prefect.client.orchestration import get_client  # noqa: PLC0415 - as above

        limit = time.monotonic() + STARTUP_SECONDS
        with get_client(sync_client=True) as client:
            while client.api_healthcheck() is not None:
                if process.poll() is not None or time.monotonic() > limit:
                    found = "it is still starting" if process.poll() is None else f"exit code {process.poll()}"
                    remedy = "start one with `prefect server start` and set PREFECT_API_URL"
                    raise ServerError(f"a Prefect server starts within {STARTUP_SECONDS} s: {found}; {remedy}")
                time.sleep(0.1)
