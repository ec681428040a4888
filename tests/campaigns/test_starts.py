"""The first start on a machine, and starts that fail: one line with a hint, exit code 1, nothing made."""

import math
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from flows.storage.filesystem import Storage
from flows.storage.lock import output_lock

MOUNTS = os.geteuid() == 0 and shutil.which("unshare") is not None
as_root = pytest.mark.skipif(not MOUNTS, reason="mounts file systems in a namespace of its own")
COMMAND = [sys.executable, "-m", "flows.coverage", "--config", "coverage.yaml"]
CONFIGURATION = """
slides: slides/
output: output/
tiling: {mpp: 0.5, tile_extent: 16}
overlays: {tissue: {path: "{dir}/{stem}_tissue.tiff"}}
"""


@pytest.fixture
def study(tmp_path) -> Path:
    """Working directory with a configuration and a home."""
    for name in ("slides", "home", "small"):
        (tmp_path / name).mkdir()
    (tmp_path / "coverage.yaml").write_text(CONFIGURATION)
    return tmp_path


def environment(study: Path, **changes: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "RAY_"))}
    return {**kept, "HOME": str(study / "home"), **changes}


def start(study: Path, *before: str, command: list[str] = COMMAND, **changes: str) -> subprocess.CompletedProcess[str]:
    variables = environment(study, **changes)
    return subprocess.run(
        [*before, *command], cwd=study, env=variables, capture_output=True, text=True, timeout=400, check=False
    )


def mounted(study: Path, options: str) -> list[str]:
    """Return the command that runs another one with a small file system over the folder `small`."""
    mount = f'mount -t tmpfs -o {options} tmpfs {study / "small"} && exec "$@"'
    return ["unshare", "--mount", "sh", "-c", mount, "sh"]


def failure(done: subprocess.CompletedProcess[str]) -> str:
    """Return the only line of a start that failed."""
    assert done.returncode == 1, done
    [line] = done.stderr.splitlines()
    assert line.startswith("failed: ")
    assert "; hint: " in line
    return line


@as_root
def test_a_temporary_folder_without_space(study) -> None:
    line = failure(start(study, *mounted(study, "size=64k"), TMPDIR=str(study / "small")))
    assert f"Ray cannot use '{study}/small': 0.1 MiB are free; hint: set RAY_TMPDIR" in line


@as_root
def test_a_temporary_folder_that_cannot_be_written(study) -> None:
    line = failure(start(study, *mounted(study, "size=1g,ro"), TMPDIR=str(study / "small")))
    assert f"Ray cannot use '{study}/small/ray': Read-only file system; hint: set RAY_TMPDIR" in line


@as_root
@pytest.mark.skipif(not os.environ.get("RATIOPATH_STARTS"), reason="long form: Ray's own limits, RATIOPATH_STARTS=1")
def test_ray_that_is_not_up_in_its_time(study) -> None:
    code = "from flows.execution import ray_runtime; ray_runtime.MIN_SPACE = 0; from flows.cli.main import run; run()"
    command = [sys.executable, "-c", code, "--config", "coverage.yaml"]
    with tempfile.TemporaryDirectory() as short:  # the paths of Ray's sockets are limited to 107 characters
        mount = ["unshare", "--mount", "sh", "-c", f'mount -t tmpfs -o size=64k tmpfs {short} && exec "$@"', "sh"]
        line = failure(start(study, *mount, command=command, TMPDIR=short))
    assert "failed: Ray did not start, tried twice: " in line


@pytest.mark.skipif(not os.environ.get("RATIOPATH_STARTS"), reason="long form: Ray's own limits, RATIOPATH_STARTS=1")
def test_files_that_may_not_grow(study) -> None:  # Ray's C++ code tells of its tries
    line = failure(start(study, "sh", "-c", 'ulimit -f 8; exec "$@"', "sh"))
    assert "failed: Ray did not start, tried twice: " in line


@as_root
def test_a_home_that_ray_cannot_write(study) -> None:
    line = failure(start(study, *mounted(study, "size=64k,ro"), HOME=str(study / "small")))
    assert f"Ray cannot use '{study}/small/.ray': Read-only file system; hint: set HOME" in line


@as_root
@pytest.mark.parametrize("options", ["size=64k,ro", "size=128k"])
def test_a_home_that_the_server_cannot_use(study, options) -> None:
    line = failure(start(study, *mounted(study, options), PREFECT_HOME=str(study / "small")))
    assert f"the Prefect server did not start: it cannot use '{study}/small': " in line
    assert "hint: set PREFECT_HOME" in line


def test_a_run_that_fails_traces_on_demand(study) -> None:
    with output_lock(Storage.at(str(study / "output"))):
        done = start(study, PREFECT_LOGGING_LEVEL="DEBUG")
    assert done.returncode == 1
    assert "Traceback (most recent call last)" in done.stderr
    assert "OutputError: another run is writing to " in done.stderr


LOSES_WORKERS = """
import time
from flows.execution import ray_runtime
import psutil  # Ray brings it along

def shut_down():  # the workers die before the driver leaves, which happens by itself on a busy machine
    for process in psutil.Process().children(recursive=True):
        if "ray::" in " ".join(process.cmdline()):
            process.kill()
    time.sleep(3)
    leave()

leave, ray_runtime.ray.shutdown = ray_runtime.ray.shutdown, shut_down
ray_runtime.import_module = lambda name: time.sleep(600)  # a warm-up that still runs
from flows.cli.main import run
run()
"""


def test_tasks_that_run_when_a_start_fails_are_not_reported(study) -> None:
    command = [sys.executable, "-c", LOSES_WORKERS, "--config", "coverage.yaml"]
    line = failure(start(study, command=command, PREFECT_API_URL="http://127.0.0.1:9/api"))
    assert "the Prefect server at http://127.0.0.1:9/api/ does not answer: " in line


STOPPED_TWICE = """
import os, signal, sys
from flows.cli.prefect_server import Server

stop, number = Server.stop, getattr(signal, sys.argv.pop(1))

def stopping(self):
    if self._process is not None:
        os.kill(os.getpid(), number)
    stop(self)

Server.stop = stopping
from flows.cli.main import run
run()
"""


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_signal_while_the_server_stops_does_not_change_the_exit_code(study, name) -> None:
    command = [sys.executable, "-c", STOPPED_TWICE, name, "--config", "coverage.yaml"]
    done = start(study, command=command)
    assert (done.returncode, done.stderr.splitlines()) == (0, ["warning: no slides were found; the tables are empty"])


@as_root
def test_little_shared_memory_is_enough(study) -> None:
    mount = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs -o size=1M tmpfs /dev/shm && exec "$@"', "sh"]
    assert start(study, *mount).returncode == 0


PROFILES = {"no TOML": 'active = "x\n', "a number": "profiles = 3\n", "a folder": None}


@pytest.mark.parametrize("kind", PROFILES)
def test_a_profile_that_prefect_cannot_use(study, kind) -> None:
    profile, content = study / "profile" / "profiles.toml", PROFILES[kind]
    if content is None:
        profile.mkdir(parents=True)
    else:
        profile.parent.mkdir()
        profile.write_text(content)
    line = failure(start(study, PREFECT_HOME=str(profile.parent)))
    assert line.startswith("failed: Prefect cannot use its settings: ")


def test_a_log_level_that_prefect_does_not_know(study) -> None:  # at which the server's output would be printed
    line = failure(start(study, PREFECT_LOGGING_LEVEL="LOUD"))
    assert "LoggingSettings.level: Input should be 'DEBUG', 'INFO'" in line


def test_a_value_that_prefect_cannot_use_is_not_shown(study) -> None:
    line = failure(start(study, PREFECT_API_REQUEST_TIMEOUT="S3CRET"))
    assert "APISettings.request_timeout: Input should be a valid number" in line
    assert "S3CRET" not in line


def test_a_region_of_more_than_half_a_megabyte_is_a_parameter_too(study) -> None:
    angles = [2 * math.pi * number / 40_000 for number in range(40_000)]
    ring = ", ".join(f"{8 + 7 * math.cos(a):.5f} {8 + 7 * math.sin(a):.5f}" for a in (*angles, 0.0))
    with (study / "coverage.yaml").open("a") as file:
        file.write(f"roi: POLYGON (({ring}))\n")
    assert start(study).returncode == 0


def test_too_little_memory_for_the_object_store(study) -> None:
    line = failure(start(study, RAY_DEFAULT_OBJECT_STORE_MAX_MEMORY_BYTES="1000"))
    assert "Ray has too little memory for its object store: " in line


def test_a_cluster_that_does_not_answer(study) -> None:
    line = failure(start(study, RAY_ADDRESS="127.0.0.1:9"))
    assert "no Ray cluster answers at '127.0.0.1:9': Connection refused" in line


@pytest.mark.timeout(120)
def test_a_port_at_which_something_else_listens(study) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        line = failure(start(study, RAY_ADDRESS=address))
    assert f"no Ray cluster answers at '{address}': timed out; hint: start the cluster, correct RAY_ADDRESS" in line


def test_two_first_runs_at_once_both_succeed(study) -> None:
    runs = []
    for name in "ab":
        arguments = [*COMMAND, "--output", f"output-{name}"]
        variables = environment(study)
        runs.append(subprocess.Popen(arguments, cwd=study, env=variables, stderr=subprocess.PIPE, text=True))
    errors = [run.communicate(timeout=400)[1] for run in runs]
    assert [run.returncode for run in runs] == [0, 0], errors


TOKEN = "0123456789abcdef" * 4


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return not probe.connect_ex(("127.0.0.1", port))


@pytest.fixture(scope="module")
def cluster(tmp_path_factory) -> Iterator[str]:
    """Address of a Ray cluster that asks for a token; the process ends with its whole group."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = tmp_path_factory.mktemp("r")
    script = Path(sys.executable).with_name("ray")
    options = ["--head", f"--port={port}", "--num-cpus=1", "--include-dashboard=false", "--block"]
    variables = {**os.environ, "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": TOKEN, "RAY_TMPDIR": str(folder)}
    head = subprocess.Popen(
        [script, "start", *options], env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    limit = time.monotonic() + 120
    while not _listens(port):
        assert time.monotonic() < limit
        time.sleep(0.5)
    yield f"127.0.0.1:{port}"
    os.killpg(head.pid, signal.SIGKILL)  # at SIGTERM it would wait for its drivers
    head.wait()


@pytest.mark.parametrize("token", [{}, {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "f" * 64}])
def test_a_run_without_the_token(study, cluster, token) -> None:
    line = failure(start(study, RAY_ADDRESS=cluster, **token))
    assert f"the Ray cluster '{cluster}' refuses this program; hint: if it asks for a token, set RAY_AUTH_M" in line


def test_a_run_that_has_no_token_to_give(study, cluster) -> None:
    line = failure(start(study, RAY_ADDRESS=cluster, RAY_AUTH_MODE="token"))
    assert f"the Ray cluster '{cluster}' asks for a token; found none; hint: " in line


def test_a_run_with_the_token(study, cluster) -> None:
    assert start(study, RAY_ADDRESS=cluster, RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=TOKEN).returncode == 0


def test_without_arguments_a_sample_is_made_and_run(tmp_path) -> None:
    """On a machine that has never run it: its own home, a Prefect server and a Ray of its own."""
    home = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "RAY_", "COV_"))}
    command = [sys.executable, "-m", "flows.coverage"]
    environment = {**home, "HOME": str(tmp_path / "home")}
    (tmp_path / "home").mkdir()
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (
        "2 of 2 slides in the tables, 0 put aside; 2 new, 0 changed, 0 unchanged, 0 gone; 98 of 384 tiles kept"
        in done.stdout
    )
    first, *_, last = done.stdout.splitlines()
    assert first == "coverage: making and running the sample in coverage-sample/"
    assert last == "  python -m flows.coverage --config coverage-sample/coverage.yaml"
    assert done.stderr == ""
    tiles = pq.read_table(tmp_path / "coverage-sample" / "coverage" / "tiles")
    assert tiles.num_rows == 98
    assert min(tiles["tissue"].to_pylist()) >= 0.5
    assert sorted(os.listdir(tmp_path)) == ["coverage-sample", "home"]
    assert len(list((tmp_path / "coverage-sample" / "coverage" / "previews").glob("*.png"))) == 2
    assert (tmp_path / "coverage-sample" / "coverage" / "index.html").exists()


STARTED = """
import os
import flows.{module}
from prefect._internal.analytics.enabled import is_telemetry_enabled
from prefect.settings import PREFECT_SERVER_ANALYTICS_ENABLED
from ray._common.usage.usage_lib import usage_stats_enabled
from ray._private.ray_constants import RAY_ENABLE_UV_RUN_RUNTIME_ENV
print(is_telemetry_enabled(), PREFECT_SERVER_ANALYTICS_ENABLED.value(), usage_stats_enabled())
print(RAY_ENABLE_UV_RUN_RUNTIME_ENV)
"""


@pytest.mark.parametrize("module", ["pipeline", "coverage", "cli.main", "tasks", "execution.map_rows"])
def test_nothing_is_reported_and_no_worker_is_started_through_uv_whichever_module_is_first(module, tmp_path) -> None:
    """Under `uv run` each worker would be started in a copy of the working directory, which has no environment."""
    names = ("PREFECT_", "RAY_", "DO_NOT_TRACK", "CI", "GITHUB_", "BUILD")
    variables = {name: value for name, value in os.environ.items() if not name.startswith(names)}
    code = STARTED.format(module=module)
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**variables, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "False False False\nFalse\n"


BOUND = """
import os
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
import ray
from flows.execution.ray_runtime import ensure_ray
ensure_ray()
print(ray.cluster_resources()["CPU"])
"""


def test_ray_gets_those_processors() -> None:
    variables = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    done = subprocess.run([sys.executable, "-c", BOUND], env=variables, capture_output=True, text=True, check=True)
    assert done.stdout == "1.0\n"
