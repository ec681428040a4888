"""Help and version of the command."""

import os
import subprocess
import sys
from importlib.metadata import version

import pytest

from flows.cli.main import main
from tests.support.study import FIRST_LINE


def test_help_explains_every_field(capsys) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    printed = " ".join(capsys.readouterr().out.replace("│", " ").split())
    fields = ("config", "slides", "exclude", "output", "slide_mpp", "roi", "keep", "tolerate")
    tiling = (f"tiling.{field}" for field in ("mpp", "level", "tile_extent", "stride", "last"))
    overlays = (f"overlays.{{NAME}}.{field}" for field in ("path", "classes", "missing", "mpp"))
    assert [option for option in (*fields, *tiling, *overlays) if f"--{option} " not in printed] == []
    assert (
        "NAME_inside and statistics of each overlay, such as 'tissue >= 0.5'; also over `columns`; null keeps all tiles"
        in printed
    )


def test_help_lists_choices_and_defaults(capsys) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    printed = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "shift it inside (keep | drop | shift; default: keep)" in printed
    assert "[width, height] (required)" in printed
    assert "a number, or a share < 1 (default: 0)" in printed


def test_help_into_a_closed_pipe_is_quiet() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "flows.coverage", "--help"]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert "cancelled" not in done.stderr


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version_print_no_first_line(capsys, option) -> None:
    with pytest.raises(SystemExit) as ended:
        main([option])
    assert ended.value.code == 0
    assert FIRST_LINE not in capsys.readouterr().out


def test_the_version_is_the_packages(capsys) -> None:
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"{version('ratiopath-flows')}\n"
