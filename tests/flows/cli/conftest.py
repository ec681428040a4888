"""A configuration file for the tests of the command."""

import pytest

from tests.support.study import settings, write_settings


@pytest.fixture
def file(folder, tmp_path) -> str:
    return write_settings(tmp_path / "coverage.yaml", settings(folder))
