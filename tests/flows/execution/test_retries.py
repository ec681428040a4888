"""Retries of a task: after errors of the storage only."""

import errno
import os
import pickle

import pytest
from prefect.states import Failed

from flows import pipeline
from flows.config.errors import ConfigurationError
from flows.pipeline import is_retried
from flows.storage.filesystem import OutputError, output_errors


def failed_writing(number: int) -> OutputError:
    with pytest.raises(OutputError) as failed, output_errors("/output"):
        raise OSError(number, os.strerror(number))
    return failed.value


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (OSError(errno.ESTALE, "stale handle"), True),
        (failed_writing(errno.EIO), True),
        (failed_writing(errno.ENOSPC), False),
        (FileNotFoundError(errno.ENOENT, "no such file"), False),
        (ConfigurationError("slides: 'nowhere/' does not exist"), False),
        (ValueError("a fault of the program"), False),
    ],
    ids=repr,
)
def test_only_an_error_of_the_storage_is_retried(error: Exception, again: bool) -> None:
    for arrived in (error, pickle.loads(pickle.dumps(error))):  # noqa: S301 - as from a Ray worker
        assert is_retried(None, None, Failed(data=arrived)) == again


@pytest.mark.parametrize("task", ["discover", "tile", "derive", "compute", "keep", "draw"])
def test_every_task_is_retried_twice(task: str) -> None:
    found = getattr(pipeline, task)
    assert (found.retries, found.retry_condition_fn) == (2, is_retried)
