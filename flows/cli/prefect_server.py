"""Temporary Prefect server of a run started by hand, if none is configured."""

import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

from ratiopath.errors import RatiopathError

STARTUP_SECONDS = 120
"""Limit for a start, seconds. The first creates a database: 10-30 s on two cores; Prefect's own limit is 20 s."""
MAX_RETRIES = 2
"""Retries of Prefect's client, 6 s in all: enough for a busy server, and a dead one ends the run soon."""


class ServerError(RatiopathError):
    """The Prefect server did not start, or went away."""


class Server:
    """A server over the user's own database of runs, in a process that ends with this one.

    Prefect starts one itself when a flow needs it, but only then, and imports the whole server into this process too:
    on two cores that doubles the time to the first task.
    """

    def __init__(self) -> None:
        """Start the process, unless the environment names a server; `ready` looks into the profile later."""
        self._process: subprocess.Popen[bytes] | None = None
        self._is_needed = False
        if os.environ.get("PREFECT_API_URL"):
            return
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        # settings that Prefect gives the servers it starts itself, and no telemetry
        quiet = {"PREFECT_UI_ENABLED": "0", "PREFECT__SERVER_EPHEMERAL": "1", "PREFECT_SERVER_ANALYTICS_ENABLED": "0"}
        self._process = subprocess.Popen(  # noqa: S603 - the command is fixed
            [sys.executable, "-m", "flows.cli.prefect_server", str(self._port)],
            env={**os.environ, **quiet},
            stdin=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for the flow, which then reports to the server
        )

    @contextmanager
    def ready(self) -> Iterator[None]:
        """Wait until a server answers, and make it the server of the flows in this block.

        Raises:
            ServerError: It ended or did not answer in time, or the configured one does not answer.
        """
        from prefect.logging.handlers import APILogHandler  # noqa: PLC0415 - slow, and the server starts first
        from prefect.settings import (  # noqa: PLC0415 - ditto
            PREFECT_API_URL,
            PREFECT_CLIENT_MAX_RETRIES,
            PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
            temporary_settings,
        )

        if PREFECT_API_URL.value():
            self.stop()
        process = self._process
        if process is None:
            _require_answer()
            yield
            return
        own = {
            PREFECT_API_URL: f"http://127.0.0.1:{self._port}/api",
            PREFECT_CLIENT_MAX_RETRIES: MAX_RETRIES,
            PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None,  # nothing reads them here, and their thread ends a second late
        }
        with temporary_settings(own):
            self._wait(process)
            self._is_needed = True
            threading.Thread(target=self._watch, args=[process], daemon=True).start()
            try:
                yield
            except KeyboardInterrupt:
                if (code := process.poll()) is not None:
                    raise ServerError(f"the Prefect server went away: exit code {code}") from None
                raise
            finally:
                self._is_needed = False
                if process.poll() is None:
                    APILogHandler().flush()  # else Prefect tries to reach the stopped server for a minute and more

    def stop(self) -> None:
        """End the process."""
        self._is_needed = False
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

    def _watch(self, process: subprocess.Popen[bytes]) -> None:
        """Interrupt the run when its server dies: Prefect itself would go on for minutes, waiting before each call."""
        process.wait()
        if self._is_needed:
            logging.disable()  # else Prefect's senders of logs and events report each item that they cannot send
            logging.raiseExceptions = False
            os.kill(os.getpid(), signal.SIGINT)

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        from prefect.client.orchestration import get_client  # noqa: PLC0415 - as above

        limit = time.monotonic() + STARTUP_SECONDS
        with get_client(sync_client=True) as client:
            while client.api_healthcheck() is not None:
                if process.poll() is not None or time.monotonic() > limit:
                    ended = process.poll()
                    found = f"still starting after {STARTUP_SECONDS} s" if ended is None else f"exit code {ended}"
                    remedy = "start one with `prefect server start` and set PREFECT_API_URL"
                    raise ServerError(f"the Prefect server did not start: {found}; {remedy}")
                time.sleep(0.1)


def _require_answer() -> None:
    from prefect.client.orchestration import get_client  # noqa: PLC0415 - as above

    with get_client(sync_client=True) as client:
        error = client.api_healthcheck()
    if error is not None:
        remedy = "start it, or unset PREFECT_API_URL to let the run start its own"
        raise ServerError(f"the Prefect server at {client.api_url} does not answer: {error}; {remedy}")


def _end_with_parent() -> None:
    """End this process when the parent's end of the pipe closes, however the parent ends."""
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    import uvicorn

    threading.Thread(target=_end_with_parent, daemon=True).start()
    uvicorn.run(
        "prefect.server.api.server:create_app",
        factory=True,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        log_level="error",
        lifespan="on",
    )
