"""Folders and an object store for the tests of the flow."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.bucket import Bucket, new_bucket, s3_server


@pytest.fixture(scope="session")
def s3(tmp_path_factory) -> Iterator[str]:
    """Host and port of an S3-compatible server."""
    with s3_server(tmp_path_factory.mktemp("s3") / "log") as address:
        yield address


@pytest.fixture
def bucket(s3) -> Bucket:
    return new_bucket(s3)


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "slides").mkdir()
    return tmp_path / "slides"


@pytest.fixture
def output(tmp_path) -> Path:
    return tmp_path / "output"
