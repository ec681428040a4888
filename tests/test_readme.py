"""The example of the README runs as printed, and its two commands are current."""

import re
from pathlib import Path

import numpy as np
import pytest

from tests.support.layouts import LAYOUTS, Raster

README = Path(__file__).parents[1] / "README.md"


@pytest.mark.usefixtures("local_ray")
def test_the_library_example_gives_overlaps_and_patches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [example] = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), flags=re.DOTALL)
    (tmp_path / "slides").mkdir()
    slide = np.full((600, 700, 3), 200, np.uint8)
    LAYOUTS["deflate"].write(tmp_path / "slides" / "a.svs", Raster((slide,), (0.5, 0.5)))
    mask = np.zeros((300, 350), np.uint8)
    mask[:, :128] = 255
    LAYOUTS["deflate"].write(tmp_path / "slides" / "a_mask.tiff", Raster((mask,), (1.0, 1.0)))
    monkeypatch.chdir(tmp_path)

    scope: dict = {}
    exec(example, scope)  # noqa: S102 - the README is ours

    rows = scope["tiles"].take_all()
    assert len(rows) == 4
    assert rows[0]["overlap"]["255"] == pytest.approx(0.5, abs=0.01)
    pixels, outside = rows[0]["patch"]
    assert pixels.shape == outside.shape == (200, 200)
    assert len([line for line in example.splitlines() if line]) <= 15


def test_the_two_commands_are_the_ones_that_ci_and_users_run() -> None:
    commands = re.findall(r"^python3 .*$", README.read_text(encoding="utf-8"), flags=re.MULTILINE)

    expected = ["--no-dev python -m flows.coverage", "poe check"]
    assert [command.split("uv run --frozen ")[1] for command in commands] == expected
