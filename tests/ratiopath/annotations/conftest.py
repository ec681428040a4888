"""A writer of annotation files of any content."""

import pytest


@pytest.fixture
def write(tmp_path):
    def call(content: bytes) -> str:
        (tmp_path / "a.xyz").write_bytes(content)
        return str(tmp_path / "a.xyz")

    return call
