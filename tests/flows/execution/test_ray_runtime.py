"""Ray does not start or connect in vain: the reason and a hint in one line; nothing is reported to anybody."""

import pickle

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
