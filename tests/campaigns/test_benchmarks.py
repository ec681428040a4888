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


def test_cohorts_open_files_of_new_slides_and_none_of_unchanged_ones(printed) -> None:
    rows = re.findall(r"^\| 188 \| (new|unchanged) \| [\d.]+ \| [\d.]+ \| (\S+) \| \d+ \|$", printed, re.MULTILINE)
    opened = {status: float(number) for status, number in rows}
    assert (opened["new"] > 2, opened["unchanged"]) == (True, 0)


def test_an_output_of_many_slides_is_simulated(printed) -> None:
    assert re.search(r"^\| 6,250 \| simulated \| [\d.]+ \| ", printed, re.MULTILINE)


def test_the_sample_is_timed(printed) -> None:
    assert re.search(r"^\| `python -m flows.coverage`, sample \| [\d.]+ \|$", printed, re.MULTILINE)


def test_annotations_are_a_line_for_each_case(printed) -> None:
    cases = re.findall(r"^\| ([\d,]+ \w+) \| [\d,]+ \| [\d,]+ \| [\d.]+ ", printed, re.MULTILINE)
    assert cases == ["20 regions", "100,000 cells", "1,000,000 cells"]


def test_png_masks_are_a_line_for_each_mask(printed) -> None:
    cases = re.findall(r"^\| (\w+, \d) bit\(s\) \| [\d,]+ \| [\d.]+ \|", printed, re.MULTILINE)
    assert cases == ["binary, 1", "classes, 8"]


def test_the_area_rule_is_a_line_for_each_mask_of_few_values_and_roi(printed) -> None:
    cases = re.findall(r"^\| (\w+, (?:box|circle)) \| [\d,]+ \| [\d.]+ ", printed, re.MULTILINE)
    assert set(cases) == {f"{mask}, {roi}" for mask in ("binary", "fractional") for roi in ("box", "circle")}


def test_heat_maps_are_a_line_for_each_subject(printed) -> None:
    cases = re.findall(r"^\| (\w+) \| [\d,]+ \| (ours, .*?) \| [\d.]+ ", printed, re.MULTILINE)
    assert [name for name, _ in cases] == ["probability", "probability", "attention", "attention"]
