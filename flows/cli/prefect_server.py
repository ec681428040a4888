"""Temporary Prefect server of a run started by hand, if none is configured."""

import logging
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from typing import IO, Any, Self

from flows.execution.address import reason, shown
from flows.execution.quick_import import no_collection
from flows.execution.start_error import StartError
from ratiopath.errors import RatiopathError

STARTUP_SECONDS = 120
"""Limit for a start, seconds. The first creates a database: 10-30 s on two cores; Prefect's own limit is 20 s."""
RETRY_PAUSES = (1.0, 5.0)
"""Pauses before the server is started again, seconds: two first runs at once hinder each other's database."""
MAX_RETRIES = 2
"""Retries of Prefect's client, 6 s in all: enough for a busy server, and a dead one ends the run soon."""
MAX_PARAMETERS = 1 << 24
"""Bytes of a run's parameters: Prefect takes half a MiB, and a ROI of many vertices is more."""
_DEATH = signal.SIGUSR1
"""Signal that interrupts the run when its server dies; SIGINT is ignored in a job of `nohup` or of a script."""
_FOLDER_HINT = "set PREFECT_HOME to a folder that can be written and has space"
_SERVER_HINT = "run it again, or start a server with `prefect server start` and set PREFECT_API_URL"
_NEEDS_FOLDER = re.compile(
    r"read-only file system|permission denied|no space left|unable to open database|readonly database|disk is full|"
    r"disk i/o error|quota exceeded",
    re.IGNORECASE,
)
"""Output of a server whose folder is of no use: another start would fail too."""

_TOO_LARGE = re.compile(r"parameters must be less than ([\d,]+) bytes when serialized \(got ([\d,]+) bytes\)")
"""Answer of a server to a run with large parameters."""


class ServerError(RatiopathError):
    """The Prefect server went away."""


class Server:
    """A server over the user's own database of runs, in a process that ends with this one.

    Prefect starts one itself when a flow needs it, but only then, and imports the whole server into this process too:
    on two cores that doubles the time to the first task.
    """

    def __init__(self, *, is_started: bool = True) -> None:
        """Start the process, unless the environment names a server; `ready` looks into the profile later.

        Args:
            is_started: False if no flow will run.
        """
        self._process: subprocess.Popen[bytes] | None = None
        self._is_needed = False
        self._output: deque[str] = deque(maxlen=400)
        self._is_shown = False
        if is_started and not os.environ.get("PREFECT_API_URL"):
            self._start()

    @contextmanager
    def ready(self) -> Iterator[None]:
        """Wait until a server answers, and make it the server of the flows in this block.

        Raises:
            StartError: It does not start, also when tried again, or the configured one does not answer.
            ServerError: It went away in this block.
        """
        from prefect.logging.handlers import APILogHandler  # noqa: PLC0415 - slow, and the server starts first
        from prefect.settings import PREFECT_API_URL, temporary_settings  # noqa: PLC0415 - ditto

        self._show()
        if PREFECT_API_URL.value():
            self.stop()
        if self._process is None:
            require_answer()
            yield
            return
        process = self._started()
        with temporary_settings(self._settings):
            self._is_needed = True
            previous = signal.signal(_DEATH, signal.default_int_handler)
            threading.Thread(target=self._watch, args=[process], daemon=True).start()
            try:
                yield
            except KeyboardInterrupt:
                if (code := process.poll()) is not None:
                    raise ServerError(f"the Prefect server went away: exit code {code}") from None
                raise
            finally:
                self._is_needed = False
                signal.signal(_DEATH, previous)
                if process.poll() is None:
                    APILogHandler().flush()  # else Prefect tries to reach the stopped server for a minute and more

    def stop(self) -> None:
        """End the process, and wait until it has ended."""
        self._dismiss().join()

    def _dismiss(self) -> threading.Thread:
        """Tell the process to end, and see to it in a thread that this process does not outlive."""
        self._is_needed = False
        process, self._process = self._process, None
        if process is not None and process.stdin is not None:
            process.stdin.close()
        ending = threading.Thread(target=_wait, args=[process])
        ending.start()
        return ending

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._dismiss()

    def _start(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        # settings that Prefect gives the servers it starts itself
        quiet = {"PREFECT_UI_ENABLED": "0", "PREFECT__SERVER_EPHEMERAL": "1"}
        quiet["PREFECT_SERVER_API_MAX_PARAMETER_SIZE"] = str(MAX_PARAMETERS)
        self._output.clear()
        self._process = subprocess.Popen(  # noqa: S603 - the command is fixed
            [sys.executable, "-m", "flows.cli.prefect_server", str(self._port)],
            env={**os.environ, **quiet},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for the flow, which then reports to the server
        )
        threading.Thread(target=self._read, args=[self._process.stdout], daemon=True).start()

    def _read(self, output: IO[bytes]) -> None:
        """Keep the last lines of the server's output; they are printed only if PREFECT_LOGGING_LEVEL asks for more."""
        with output:
            for line in output:
                text = line.decode(errors="replace")
                self._output.append(text)
                if self._is_shown and os.environ.get("PREFECT_LOGGING_LEVEL"):
                    sys.stderr.write(text)

    def _show(self) -> None:
        """Print the output, also what was held back while this process might refuse the settings itself."""
        if os.environ.get("PREFECT_LOGGING_LEVEL"):
            sys.stderr.write("".join(list(self._output)))
        self._is_shown = True

    @property
    def _settings(self) -> dict[Any, Any]:
        from prefect import settings  # noqa: PLC0415 - as above

        return {
            settings.PREFECT_API_URL: f"http://127.0.0.1:{self._port}/api",
            settings.PREFECT_CLIENT_MAX_RETRIES: MAX_RETRIES,
            settings.PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None,  # read by nothing here, and their thread ends late
        }

    def _watch(self, process: subprocess.Popen[bytes]) -> None:
        """Interrupt the run when its server dies: Prefect itself would go on for minutes, waiting before each call."""
        process.wait()
        if self._is_needed:
            logging.disable()  # else Prefect's senders of logs and events report each item that they cannot send
            logging.raiseExceptions = False
            os.kill(os.getpid(), _DEATH)

    def _started(self) -> subprocess.Popen[bytes]:
        """Wait until the process answers; start another if it ends and that can help."""
        for pause in (*RETRY_PAUSES, None):
            if self._process is not None and self._answers(self._process):
                return self._process
            found = self._ending()
            if _NEEDS_FOLDER.search("".join(self._output)):
                from prefect.settings import PREFECT_HOME  # noqa: PLC0415 - as above

                problem = f"the Prefect server did not start: it cannot use {str(PREFECT_HOME.value())!r}: {found}"
                raise StartError(problem, hint=_FOLDER_HINT)
            if pause is not None:
                time.sleep(pause)
                self.stop()
                self._start()
        tries = 1 + len(RETRY_PAUSES)
        raise StartError(f"the Prefect server did not start, tried {tries} times: {found}", hint=_SERVER_HINT)

    def _answers(self, process: subprocess.Popen[bytes]) -> bool:
        """Return True if the process answers, False if it ended before.

        Raises:
            StartError: It does neither in its time.
        """
        from prefect.client.orchestration import get_client  # noqa: PLC0415 - as above
        from prefect.settings import temporary_settings  # noqa: PLC0415 - ditto

        limit = time.monotonic() + STARTUP_SECONDS
        with temporary_settings(self._settings), get_client(sync_client=True) as client:
            while process.poll() is None:  # before anything else answers, or keeps silent, at its port
                if client.api_healthcheck() is None:
                    return True
                if time.monotonic() > limit:
                    found = f"still starting after {STARTUP_SECONDS} s"
                    raise StartError(f"the Prefect server did not start: {found}", hint=_SERVER_HINT)
                time.sleep(0.1)
        return False

    def _ending(self) -> str:
        """Return the last error in the output of the process that ended, else its exit code."""
        time.sleep(0.1)  # the thread reads the rest
        errors = [line.strip() for line in self._output if re.match(r"[\w.]+(Error|Exception)\b|.*ERROR: \[", line)]
        code = None if self._process is None else self._process.poll()
        return errors[-1] if errors else f"exit code {code}"


def _wait(process: subprocess.Popen[bytes] | None) -> None:
    """Wait until a process has ended, and kill it if it does not."""
    if process is not None:
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def require_answer() -> None:
    """Refuse to go on if the configured server does not answer.

    Raises:
        StartError: It does not, or its address is no URL.
    """
    from httpx import InvalidURL  # noqa: PLC0415 - as above
    from prefect.client.orchestration import get_client  # noqa: PLC0415 - as above

    hint = "start it, or unset PREFECT_API_URL to let the run start its own"
    try:
        with get_client(sync_client=True) as client:
            url, error = str(client.api_url), client.api_healthcheck()
    except InvalidURL:
        url, error = "", None
    if not url.startswith(("http://", "https://")):
        raise StartError("PREFECT_API_URL is not a URL (not shown)", hint=hint) from None
    if error is not None:
        problem = f"the Prefect server at {shown(url)} does not answer: {reason(error, url)}"
        raise StartError(problem, hint=hint) from None


@contextmanager
def server_errors() -> Iterator[None]:
    """Translate what Prefect raises in this block when the server goes away or refuses a request.

    Raises:
        ConfigurationError: The configuration is larger than the parameters that the server takes.
        ServerError: It went away, or refuses another request.
    """
    from httpx import TransportError  # noqa: PLC0415 - as above
    from prefect.exceptions import PrefectHTTPStatusError  # noqa: PLC0415 - ditto

    from flows.config.errors import ConfigurationError  # noqa: PLC0415 - ditto

    try:
        yield
    except TransportError as error:
        raise ServerError(f"the Prefect server went away: {error}") from error
    except PrefectHTTPStatusError as error:
        status, text = error.response.status_code, error.response.text
        if sizes := _TOO_LARGE.search(text):
            found = f"the configuration has {sizes[2]} bytes, and the Prefect server takes less than {sizes[1]}"
            remedy = "give a roi of fewer vertices, or set PREFECT_SERVER_API_MAX_PARAMETER_SIZE of the server"
            raise ConfigurationError(f"{found}; {remedy}") from None
        hint = "check PREFECT_API_KEY and PREFECT_API_AUTH_STRING, and that the server is of this version"
        problem = f"the Prefect server refuses a request: {status} {error.response.reason_phrase}"
        raise ServerError(f"{problem}; hint: {hint}") from None


def _end_with_parent() -> None:
    """End this process when the parent's end of the pipe closes, however the parent ends."""
    while os.read(sys.stdin.fileno(), 1 << 10):  # a buffered read would hold a lock that an earlier end needs
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _build_routes(port: int) -> None:
    """Make a first request, for which the server builds its routes in half a second, before the run makes one."""
    with no_collection():
        while True:
            with suppress(OSError):
                connection = HTTPConnection("127.0.0.1", port)
                connection.request("GET", "/api/no-such-route")
                connection.getresponse()
                return
            time.sleep(0.05)


if __name__ == "__main__":
    threading.Thread(target=_end_with_parent, daemon=True).start()
    threading.Thread(target=_build_routes, args=[int(sys.argv[1])], daemon=True).start()
    import uvicorn

    uvicorn.run(
        "prefect.server.api.server:create_app",
        factory=True,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        log_level="error",
        lifespan="on",
    )
