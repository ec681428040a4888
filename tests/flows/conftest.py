"""One Prefect server for all tests that run the flow."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.testing.utilities import prefect_test_harness


@pytest.fixture(scope="session")
def server() -> Iterator[None]:
    """A real server with a database of its own; its first start takes 20 s and more."""
    with prefect_test_harness(server_startup_timeout=120):
        yield


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "slides").mkdir()
    return tmp_path / "slides"


@pytest.fixture
def output(tmp_path) -> Path:
    return tmp_path / "output"
