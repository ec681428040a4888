"""The Prefect server of a run started by hand, where none is configured."""

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
"""How long a first start may take, with a database to create: 10-30 s on two cores; Prefect's own limit is 20 s."""
MAX_STARTS = 4
"""How often the server of a run is started. One that goes on dying has a reason, such as a database that is broken."""


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
        self._is_over = False
        self._changing = threading.Lock()
        if os.environ.get("PREFECT_API_URL"):
            return
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self._process = self._start()

    @contextmanager
    def ready(self) -> Iterator[None]:
        """Wait until a server answers, and let flows in this block use it.

        Raises:
            ServerError: It ended, or did not answer in time; or the one that the user named does not answer.
        """
        from prefect.logging.handlers import APILogHandler  # noqa: PLC0415 - slow, and the server has to start first
        from prefect.settings import (  # noqa: PLC0415 - ditto
            PREFECT_API_URL,
            PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
            temporary_settings,
        )

        if PREFECT_API_URL.value():
            self.stop()
        if self._process is None:
            _refuse_silence()
            yield
            return
        # no heartbeats: nobody waits for them at this server, and their thread ends up to a second after the run
        own = {PREFECT_API_URL: f"http://127.0.0.1:{self._port}/api", PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}
        with temporary_settings(own):
            self._wait(self._process)
            threading.Thread(target=self._keep_alive, args=[self._process], daemon=True).start()
            try:
                yield
            finally:
                APILogHandler().flush()  # before the server goes: Prefect would try to reach it for a minute and more

    def stop(self) -> None:
        """End the process."""
        with self._changing:
            self._is_over = True
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

    def _start(self) -> subprocess.Popen[bytes]:
        # what Prefect sets for the servers it starts itself, and no telemetry
        quiet = {"PREFECT_UI_ENABLED": "0", "PREFECT__SERVER_EPHEMERAL": "1", "PREFECT_SERVER_ANALYTICS_ENABLED": "0"}
        return subprocess.Popen(  # noqa: S603 - the command is fixed
            [sys.executable, "-m", "flows.cli.prefect_server", str(self._port)],
            env={**os.environ, **quiet},
            stdin=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for the flow, which then tells the server
        )

    def _keep_alive(self, process: subprocess.Popen[bytes]) -> None:
        """Start the server again when it dies: the run is in its database, and Prefect's client tries for a minute."""
        for _ in range(MAX_STARTS - 1):
            process.wait()
            with self._changing:
                if self._is_over:
                    return
                process.communicate()  # closes the pipe
                process = self._process = self._start()

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


def _refuse_silence() -> None:
    from prefect.client.orchestration import get_client  # noqa: PLC0415 - as above

    with get_client(sync_client=True) as client:
        error = client.api_healthcheck()
    if error is not None:
        remedy = "start it, or unset PREFECT_API_URL: then a run starts its own"
        raise ServerError(f"the Prefect server that is named answers: {client.api_url}, {error}; {remedy}")


def _end_with_parent() -> None:
    """However the parent ends, its end of the pipe is closed."""
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
