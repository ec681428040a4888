"""Ray does not start or connect in vain: the reason and a hint in one line; nothing is reported to anybody."""

import os
import pickle
import subprocess
import sys

import pytest

from flows.execution import ray_runtime
from flows.execution.ray_runtime import _require_space
from flows.execution.start_error import StartError


def test_a_folder_that_is_a_file_is_refused(tmp_path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(
        StartError, match=r"Ray cannot use '.*/file': File exists; hint: set RAY_TMPDIR to a short path"
    ):
        _require_space(str(tmp_path / "file"))


def test_a_folder_without_space_is_refused(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(ray_runtime, "MIN_SPACE", 1 << 60)
    with pytest.raises(StartError, match=r"Ray cannot use '.*': [\d.]+ MiB are free; hint: "):
        _require_space(str(tmp_path))


def test_an_error_of_a_start_is_one_line() -> None:
    assert str(StartError("a\n b.", hint="c")) == "a b; hint: c"


def test_an_error_of_a_start_survives_pickling() -> None:
    error = StartError("a", hint="c")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)  # noqa: S301 - our own bytes


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
