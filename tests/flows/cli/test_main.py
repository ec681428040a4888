"""The command as it starts: its entry point, its first line, and the sample that it makes."""

import os
import shutil
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from flows.cli.main import main
from flows.cli.sample import make_sample
from flows.cli.verbs import dispatch
from tests.support.study import write_slide


def test_the_console_script_is_the_command() -> None:
    [script] = entry_points(group="console_scripts", name="ratiopath-flows")
    assert script.load() is dispatch.run


@pytest.mark.parametrize(("first", "said"), [("coverage", True), ("--previews", True), ("-q", False)])
def test_options_without_a_verb_are_those_of_coverage(first, said, tmp_path) -> None:
    command = [sys.executable, "-m", "flows", first, "--config", "nope.yaml"]
    path = os.pathsep.join([str(Path(__file__).parents[3]), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "coverage: reading the configuration\n" if said else "")
    assert f"cannot read '{tmp_path}/nope.yaml': No such file" in done.stderr


def test_an_unknown_verb_is_refused_with_the_known_ones(monkeypatch, capsys) -> None:
    monkeypatch.setattr(sys, "argv", ["ratiopath-flows", "covrage"])
    with pytest.raises(SystemExit) as ended:
        dispatch.run()
    assert ended.value.code == 2
    assert capsys.readouterr().err == f"refused: no verb 'covrage'; the verbs are {', '.join(dispatch.VERBS)}\n"


@pytest.mark.parametrize("verb", [verb for verb in dispatch.VERBS if verb != "coverage"])
def test_every_verb_explains_itself(verb, capsys) -> None:
    assert dispatch.main([verb, "--help"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert f" {verb}" in shown
    assert "--json prints one JSON object instead of lines, -q (--quiet) prints problems only." in shown
    assert "Exit codes: 0 " in shown


def test_an_answer_for_a_full_disk_fails_without_a_traceback(tmp_path) -> None:
    command = [sys.executable, "-m", "flows", "inspect", str(write_slide(tmp_path / "a.tiff"))]
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, cwd=Path(__file__).parents[3], text=True, check=False
        )
    assert (done.returncode, done.stderr) == (1, "failed: [Errno 28] No space left on device\n")


def test_the_verbs_are_listed(capsys) -> None:
    assert dispatch.main(["--help"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()[1:]] == list(dispatch.VERBS)


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
