"""Folders for the tests of the flow."""

from pathlib import Path

import pytest


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "slides").mkdir()
    return tmp_path / "slides"


@pytest.fixture
def output(tmp_path) -> Path:
    return tmp_path / "output"
