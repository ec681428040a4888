"""The benchmarks run, and refuse to time what counts wrong. Nothing is asserted of the times."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import __main__ as command
from benchmarks import suites
from benchmarks.subjects import ours

ROOT = Path(__file__).parents[1]


def test_every_suite_prints_its_table(tmp_path):
    masks = ["binary", "fractional", "instances", "colours"]
    arguments = ["--shrink", "16", "--repeat", "1", "--cache", str(tmp_path), "--masks", *masks]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments],
        check=False,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    cases = re.findall(
        r"^\| (\w+), (\w+), stride (\d+) \| [\d,]+ \| [\d.]+ \| [\d.]+ \| [\d.]+x \|", done.stdout, re.MULTILINE
    )
    assert len(set(cases)) == len(masks) * 2 * 2
    for row in ("ours, without Ray", "slide tiles", "patches", "bare expression", "62,500"):
        assert re.search(rf"^\| [^|]*{row}.*\|.* \d", done.stdout, re.MULTILINE), row
    assert len(re.findall(r"^\| [\d,]+ \| [\d.]+ \| [\d,]+ \| [12] \| ", done.stdout, re.MULTILINE)) == 6 * 2  # scaling


def test_counts_that_differ_end_the_run_before_anything_is_timed(tmp_path, monkeypatch, capsys):
    def wrong(job):
        found = ours(job)
        found.counts[0] += 1
        return found

    monkeypatch.setattr(suites, "ours", wrong)
    monkeypatch.setattr(suites, "medians", lambda *_: pytest.fail("it was timed"))
    arguments = ["--shrink", "16", "--suites", "in-process", "--masks", "binary", "--cache", str(tmp_path)]

    assert command.main(arguments) == 1
    assert "np.unique says" in capsys.readouterr().err
