"""The command as it starts: its entry point, its first line, and the sample that it makes."""

import shutil
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from flows.cli.main import main, run
from flows.cli.sample import make_sample


def test_the_console_script_is_the_command() -> None:
    [script] = entry_points(group="console_scripts", name="ratiopath-flows")
    assert script.load() is run


SLOW = ("ray", "prefect", "pandera", "pyarrow", "numpy", "pydantic")
NEVER_SLOW = f"""
import os, sys
class Stdout:
    def write(self, text):
        print(sorted(set(sys.modules) & {set(SLOW)}), file=sys.stderr, flush=True)
        os._exit(5)
sys.stdout = Stdout()
from flows.cli.main import main, run
main(["--config", "nope.yaml"])
"""


def test_the_first_line_comes_before_the_slow_imports() -> None:
    done = subprocess.run([sys.executable, "-c", NEVER_SLOW], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (5, "[]\n")


@pytest.mark.usefixtures("local_ray", "server")
def test_a_sample_that_is_there_and_edited_is_run_as_it_is(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    make_sample("coverage-sample")
    with Path("coverage-sample/coverage.yaml").open("a") as file:
        file.write("exclude: ['sample-b*']\n")
    before = Path("coverage-sample/coverage.yaml").read_text()
    assert main([]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("coverage: running the sample in coverage-sample/\n1 of 1 slides in the tables")
    assert "This was a sample" in printed
    assert Path("coverage-sample/coverage.yaml").read_text() == before

    shutil.rmtree("coverage-sample/slides")
    assert main([]) == 2
    assert "remove coverage-sample/ to have the sample made again" in capsys.readouterr().err
