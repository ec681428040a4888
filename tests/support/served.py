"""A Prefect server and worker, started with the commands of docs/deployment.md in a fresh clone."""

import os
import re
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
PAGE = PROJECT / "docs" / "deployment.md"
BASH = shutil.which("bash") or "/bin/bash"
MAX_SECONDS = 240
"""Seconds to wait for anything that should take a few."""
CLONED = ("flows", "ratiopath", "schemas", "deploy", "docs")
"""Folders of the clone."""
FASTER = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_UI_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "2",
    "PREFECT_WORKER_QUERY_SECONDS": "1",
    "PREFECT_RUNNER_POLL_FREQUENCY": "1",
}
"""Settings that only shorten waits."""
Found = TypeVar("Found")


def documented(section: str, language: str = "sh") -> str:
    """Return the code blocks of one language in a section of docs/deployment.md.

    Args:
        section: Heading of the section.
        language: Language of the blocks.
    """
    [text] = [part for part in PAGE.read_text(encoding="utf-8").split("\n## ") if part.startswith(f"{section}\n")]
    return "\n".join(re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE))


def commands(section: str) -> list[str]:
    """Return the shell commands of a section, without comments."""
    lines = [re.split(r"\s+# ", line)[0] for line in documented(section).splitlines()]
    return [line for line in lines if line]


class RetryBusyServer(httpx.HTTPTransport):
    """Repeats a request while the server's database is busy, since SQLite has one writer at a time."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        for _ in range(30):
            response = super().handle_request(request)
            if response.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                break
            response.read()
            time.sleep(1)
        return response


class Platform(AbstractContextManager["Platform"]):
    """A clone of the project, a server and a worker. All processes end with the block, even after an error."""

    def __init__(self, folder: Path, study: dict[str, Any]) -> None:
        """Create the clone.

        Args:
            folder: An empty folder.
            study: Configuration to put in place of the one in prefect.yaml.
        """
        self.clone = folder / "clone"
        for name in CLONED:
            shutil.copytree(PROJECT / name, self.clone / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("pyproject.toml", "prefect.yaml"):
            shutil.copy(PROJECT / name, self.clone)
        self._edit_study(study)
        self._folder = folder
        self._processes: list[subprocess.Popen[bytes]] = []
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self.api = httpx.Client(base_url=f"http://127.0.0.1:{self._port}/api", timeout=60, transport=RetryBusyServer())
        ours = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "RAY_"))}
        self.environment = {
            **ours,
            **FASTER,
            "PATH": os.pathsep.join((os.path.dirname(sys.executable), os.environ["PATH"])),  # as activate does
            "PREFECT_HOME": str(folder / "home"),
            "PREFECT_SERVER_API_PORT": str(self._port),
        }

    def _edit_study(self, study: dict[str, Any]) -> None:
        """Replace the study in prefect.yaml and nothing else, as a user would."""
        path = self.clone / "prefect.yaml"
        document = yaml.safe_load(path.read_text())
        for deployment in document["deployments"]:
            deployment["parameters"]["config"] = study
            for trigger in deployment.get("triggers", ()):
                trigger["parameters"]["config"] = {**study, "slides": trigger["parameters"]["config"]["slides"]}
        path.write_text(yaml.safe_dump(document))

    def __enter__(self) -> Self:
        try:
            for command in commands("Server, work pool, deployments, worker"):
                self.execute(command)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        for process in reversed(self._processes):  # the worker before the server
            self.end(process)
        for pid in self._leftovers():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.api.close()

    def end(self, process: subprocess.Popen[bytes]) -> None:
        """End a process politely, then all that is left in its session."""
        if process in self._processes:
            self._processes.remove(process)
        process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(20)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def _leftovers(self) -> Iterator[int]:
        """Yield flows of the worker and their Ray processes, in sessions of their own, by their PREFECT_HOME."""
        mark = f"PREFECT_HOME={self.environment['PREFECT_HOME']}".encode()
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):  # another user's process, or it has ended
                if mark in (process / "environ").read_bytes().split(b"\0"):
                    yield int(process.name)

    def execute(self, command: str) -> None:
        """Execute a documented command as a terminal in the clone would; the port of the server is ours.

        `export` changes the environment of later commands. A command that keeps running goes to the background.
        """
        command = command.replace(":4200", f":{self._port}")
        if command.startswith("export "):
            name, _, value = command.removeprefix("export ").partition("=")
            self.environment[name] = value
        elif command.startswith(("prefect server start", "prefect worker start")):
            self.start(command)
            if "server" in command:
                self.until(self._is_healthy, "the server answers")
        else:
            self.run_command(command)

    def start(self, command: str) -> subprocess.Popen[bytes]:
        """Start a command in the background."""
        with open(self._folder / f"{len(self._processes)}.log", "wb") as log:
            process = subprocess.Popen(
                [BASH, "-c", f"exec {command}"],
                cwd=self.clone,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._processes.append(process)
        return process

    def run_command(self, command: str) -> str:
        """Run a command to its end and return its output."""
        done = subprocess.run(
            [BASH, "-c", command],
            cwd=self.clone,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=MAX_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def _is_healthy(self) -> bool:
        try:
            return self.api.get("/health").is_success
        except httpx.TransportError:
            return False

    def until(self, look: Callable[[], Found], what: str) -> Found:
        """Poll until a condition holds and return its value."""
        limit = time.monotonic() + MAX_SECONDS
        while not (found := look()):
            dead = [process.args for process in self._processes if process.poll() is not None]
            assert not dead, f"{dead} ended before {what}: {self._logs()}"
            assert time.monotonic() < limit, f"{what}: not within {MAX_SECONDS} s: {self._logs()}"
            time.sleep(0.3)
        return found

    def _logs(self) -> str:
        return "\n".join(path.read_text(errors="replace")[-3000:] for path in self._folder.glob("*.log"))

    def find(self, what: str, **query: Any) -> list[dict[str, Any]]:
        """Query objects of the API, such as flow_runs or logs."""
        answer = self.api.post(f"/{what}/filter", json=query)
        answer.raise_for_status()
        return answer.json()

    def deployment(self, name: str) -> dict[str, Any]:
        """Return a deployment of the flow."""
        return self.api.get(f"/deployments/name/coverage/{name}").raise_for_status().json()

    def count_scheduled(self, deployment: str) -> int:
        """Count the runs that the scheduler has created ahead of time."""
        query = {
            "flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}, "tags": {"all_": ["auto-scheduled"]}},
            "deployments": {"name": {"any_": [deployment]}},
        }
        return self.api.post("/flow_runs/count", json=query).raise_for_status().json()

    def submit(self, deployment: dict[str, Any], **changes: Any) -> httpx.Response:
        """Submit the form of a deployment with some fields of the configuration changed."""
        parameters = {"config": {**deployment["parameters"]["config"], **changes}}
        return self.api.post(f"/deployments/{deployment['id']}/create_flow_run", json={"parameters": parameters})

    def trigger(self, deployment: str, **changes: Any) -> str:
        """Start a run of a deployment and return the run's id."""
        answer = self.submit(self.deployment(deployment), **changes)
        assert answer.is_success, answer.text
        return answer.json()["id"]

    def run(self, run_id: str) -> dict[str, Any]:
        """Return the present state of a run."""
        return self.api.get(f"/flow_runs/{run_id}").raise_for_status().json()

    def ended(self, run_id: str) -> dict[str, Any]:
        """Wait for the end of a run and return it."""
        final = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}
        return self.until(
            lambda: run if (run := self.run(run_id))["state"]["type"] in final else None, f"run {run_id} ends"
        )

    def logs(self, run_id: str) -> list[str]:
        """Return the log lines of a run and its tasks."""
        query = {"flow_run_id": {"any_": [run_id]}}
        return [log["message"] for log in self.find("logs", logs=query, sort="TIMESTAMP_ASC")]
