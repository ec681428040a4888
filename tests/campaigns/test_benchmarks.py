"""All suites of the benchmarks, on small inputs. No time is asserted."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MASKS = ("binary", "fractional", "instances", "colours")


@pytest.fixture(scope="module")
def printed(tmp_path_factory) -> str:
    """Tables of all suites."""
    folder = tmp_path_factory.mktemp("benchmarks")
    options = ("--shrink", "16", "--repeat", "1", "--cache", str(folder), "--masks", *MASKS)
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", *options],
        check=False,
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_each_mask_is_measured_with_each_roi_and_stride(printed) -> None:
    line = r"^\| (\w+), (\w+), stride (\d+) \| [\d,]+ \| [\d.]+ \| [\d.]+ \| [\d.]+x \|"
    assert len(set(re.findall(line, printed, re.MULTILINE))) == len(MASKS) * 2 * 2


@pytest.mark.parametrize("subject", ["ours, without Ray", "slide tiles", "patches", "bare expression", "62,500"])
def test_each_subject_has_a_line(printed, subject) -> None:
    assert re.search(rf"^\| [^|]*{subject}.*\|.* \d", printed, re.MULTILINE)


def test_each_study_is_scaled_from_one_worker_to_two(printed) -> None:
    assert len(re.findall(r"^\| [\d,]+ \| [\d.]+ \| [\d,]+ \| [12] \| ", printed, re.MULTILINE)) == 6 * 2
