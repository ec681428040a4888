"""The command as it starts: its entry point, its first line, and the sample that it makes."""

import os
import shutil
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pyarrow.parquet as pq
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


def test_without_arguments_a_sample_is_made_and_run(tmp_path) -> None:
    """On a machine that has never run it: its own home, a Prefect server and a Ray of its own."""
    home = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "RAY_", "COV_"))}
    command = [sys.executable, "-m", "flows.coverage"]
    environment = {**home, "HOME": str(tmp_path / "home")}
    (tmp_path / "home").mkdir()
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (
        "2 of 2 slides in the tables, 0 put aside; 2 new, 0 changed, 0 unchanged, 0 gone; 98 of 384 tiles kept"
        in done.stdout
    )
    first, *_, last = done.stdout.splitlines()
    assert first == "coverage: making and running the sample in coverage-sample/"
    assert last == "  python -m flows.coverage --config coverage-sample/coverage.yaml"
    assert done.stderr == ""
    tiles = pq.read_table(tmp_path / "coverage-sample" / "coverage" / "tiles")
    assert tiles.num_rows == 98
    assert min(tiles["tissue"].to_pylist()) >= 0.5
    assert sorted(os.listdir(tmp_path)) == ["coverage-sample", "home"]
    assert len(list((tmp_path / "coverage-sample" / "coverage" / "previews").glob("*.png"))) == 2
    assert (tmp_path / "coverage-sample" / "coverage" / "index.html").exists()


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
