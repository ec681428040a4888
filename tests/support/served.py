"""A Prefect server and a worker as a platform engineer starts them, with a home of their own."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx
import yaml

PROJECT = Path(__file__).parents[2]
PATIENCE = 240
"""Seconds until something that should take a few is given up."""
POOL = "local-process"
Found = TypeVar("Found")


class Patient(httpx.HTTPTransport):
    """Asks again while the server says that its database is busy: SQLite has one writer at a time."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        for _ in range(30):
            response = super().handle_request(request)
            if response.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                break
            response.read()
            time.sleep(1)
        return response


class Served(AbstractContextManager["Served"]):
    """A clone of the project, a server and a worker; all processes end with the block, whatever happens."""

    def __init__(self, folder: Path, study: dict[str, Any]) -> None:
        """Lay out the clone.

        Args:
            folder: An empty one.
            study: The configuration in the place of the one in prefect.yaml.
        """
        self.clone = folder / "clone"
        self.clone.mkdir(parents=True)
        for name in ("flows", "ratiopath", "schemas", "deploy", "pyproject.toml"):
            (self.clone / name).symlink_to(PROJECT / name)
        self._adapt(study)
        self._folder = folder
        self._processes: list[subprocess.Popen[bytes]] = []
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        url = f"http://127.0.0.1:{self._port}/api"
        self.api = httpx.Client(base_url=url, timeout=60, transport=Patient())
        others = {
            name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "RAY_", "COV_"))
        }
        self.environment = {
            **others,
            "PREFECT_HOME": str(folder / "home"),
            "PREFECT_API_URL": url,
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "2",
            "PREFECT_WORKER_QUERY_SECONDS": "1",
            "PREFECT_RUNNER_POLL_FREQUENCY": "1",
            "COV_ROOT": str(self.clone),
        }

    def _adapt(self, study: dict[str, Any]) -> None:
        """The project's prefect.yaml, with another study: what a user edits, and nothing else."""
        document = yaml.safe_load((PROJECT / "prefect.yaml").read_text())
        for deployment in document["deployments"]:
            deployment["parameters"]["config"] = study
            for trigger in deployment.get("triggers", ()):
                trigger["parameters"]["config"] = {**study, "slides": trigger["parameters"]["config"]["slides"]}
        (self.clone / "prefect.yaml").write_text(yaml.safe_dump(document))

    def __enter__(self) -> Self:
        try:
            self._start("server", "start", "--host", "127.0.0.1", "--port", str(self._port), "--no-ui")
            self.until(self._is_healthy, "the server answers")
            self.prefect("work-pool", "create", "--type", "process", POOL)
            self._start("worker", "start", "--pool", POOL)  # takes seconds, in which the rest goes on
            self.prefect("work-pool", "set-concurrency-limit", POOL, "1")
            self.prefect("--no-prompt", "deploy", "--all")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        for process in reversed(self._processes):  # the worker before the server
            process.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                process.wait(20)
            self._end_all_of(process)
        for pid in self._left():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.api.close()

    @staticmethod
    def _end_all_of(process: subprocess.Popen[bytes]) -> None:
        """Whatever is left in the session that the process leads."""
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def _left(self) -> Iterator[int]:
        """Flows of the worker and their Ray, in sessions of their own: our home is in their environment."""
        mark = f"PREFECT_HOME={self.environment['PREFECT_HOME']}".encode()
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):  # another user's, or gone
                if mark in (process / "environ").read_bytes().split(b"\0"):
                    yield int(process.name)

    def _start(self, *arguments: str) -> None:
        with open(self._folder / f"{arguments[0]}.log", "wb") as log:
            process = subprocess.Popen(
                self._command(arguments), cwd=self.clone, env=self.environment, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        self._processes.append(process)

    def prefect(self, *arguments: str) -> str:
        """Run a command to its end, and give what it printed."""
        done = subprocess.run(
            self._command(arguments), cwd=self.clone, env=self.environment, capture_output=True, text=True,
            timeout=PATIENCE, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @staticmethod
    def _command(arguments: tuple[str, ...]) -> list[str]:
        command = shutil.which("prefect", path=os.path.dirname(sys.executable))
        assert command is not None
        return [command, *arguments]

    def _is_healthy(self) -> bool:
        try:
            return self.api.get("/health").is_success
        except httpx.TransportError:
            return False

    def until(self, look: Callable[[], Found], what: str) -> Found:
        """Look again and again until there is something."""
        limit = time.monotonic() + PATIENCE
        while not (found := look()):
            dead = [process.args for process in self._processes if process.poll() is not None]
            assert not dead, f"{dead} ended before {what}: {self._logs()}"
            assert time.monotonic() < limit, f"{what}: not within {PATIENCE} s: {self._logs()}"
            time.sleep(0.3)
        return found

    def _logs(self) -> str:
        return "\n".join(path.read_text(errors="replace")[-3000:] for path in self._folder.glob("*.log"))

    def find(self, what: str, **query: Any) -> list[dict[str, Any]]:
        """Objects of the API, such as flow_runs or logs."""
        answer = self.api.post(f"/{what}/filter", json=query)
        answer.raise_for_status()
        return answer.json()

    def count_scheduled(self, deployment: str) -> int:
        """Runs that the scheduler has created ahead of time."""
        query = {
            "flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}, "tags": {"all_": ["auto-scheduled"]}},
            "deployments": {"name": {"any_": [deployment]}},
        }
        return self.api.post("/flow_runs/count", json=query).raise_for_status().json()

    def trigger(self, deployment: str, **changes: Any) -> str:
        """Start a run of a deployment with other parameters, as the form does.

        Returns:
            Its id.
        """
        found = self.api.get(f"/deployments/name/coverage/{deployment}").raise_for_status().json()
        parameters = {"config": {**found["parameters"]["config"], **changes}}
        answer = self.api.post(f"/deployments/{found['id']}/create_flow_run", json={"parameters": parameters})
        assert answer.is_success, answer.text
        return answer.json()["id"]

    def run(self, run_id: str) -> dict[str, Any]:
        """A run as it is now."""
        return self.api.get(f"/flow_runs/{run_id}").raise_for_status().json()

    def ended(self, run_id: str) -> dict[str, Any]:
        """A run once it has ended."""
        final = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}
        return self.until(
            lambda: run if (run := self.run(run_id))["state"]["type"] in final else None, f"run {run_id} ends"
        )

    def logs(self, run_id: str) -> list[str]:
        """What a run and its tasks logged."""
        query = {"flow_run_id": {"any_": [run_id]}}
        return [log["message"] for log in self.find("logs", logs=query, sort="TIMESTAMP_ASC")]

    def emit(self, event: str, resource: str, payload: dict[str, Any]) -> None:
        """Say that something happened."""
        self.prefect("event", "emit", event, "--resource-id", resource, "--payload", json.dumps(payload))
