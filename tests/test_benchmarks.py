"""The benchmarks refuse to time a subject that counts wrong, and print their tables. No time is asserted."""

import os
import re

import pytest

from benchmarks import __main__ as command
from benchmarks import opens, suites
from benchmarks.subjects import ours


def test_each_opening_of_a_file_is_counted_and_those_of_folders_are_not(tmp_path):
    path = tmp_path / "a" / "file"
    path.parent.mkdir()
    with opens.counted([path.parent, tmp_path / "missing"]) as counted:
        for _ in range(3):
            path.open("a").close()
            os.listdir(path.parent)
        counted.read(seconds=1)
    assert counted.count == 3


def test_a_simulated_output_is_one_in_which_all_is_done(tmp_path, capsys):
    arguments = ["--suites", "index", "--slides", "30", "--repeat", "1", "--cache", str(tmp_path)]
    assert command.main(arguments) == 0
    assert re.search(r"^\| 30 \| simulated \| [\d.]+ \| ", capsys.readouterr().out, re.MULTILINE)


@pytest.mark.filterwarnings("ignore:Dataset has no geotransform")  # rasterio, if the peers are installed
def test_a_suite_prints_a_line_for_each_case(tmp_path, capsys):
    """One suite on one mask; tests/campaigns runs all."""
    arguments = ["--shrink", "16", "--repeat", "1", "--suites", "in-process", "--masks", "binary"]
    assert command.main([*arguments, "--cache", str(tmp_path)]) == 0
    cases = re.findall(r"^\| (\w+, \w+, stride \d+) \| [\d,]+ \| [\d.]+ ", capsys.readouterr().out, re.MULTILINE)
    assert len(set(cases)) == 2 * 2


def test_the_area_rule_is_compared_before_anything_is_timed(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(suites.areas.AreaJob, "clipped", lambda job: [{"7": 1.0}] * len(job.job.x))
    monkeypatch.setattr(suites, "medians", lambda *_: pytest.fail("it was timed"))
    arguments = ["--shrink", "16", "--suites", "areas", "--masks", "binary", "--cache", str(tmp_path)]

    assert command.main(arguments) == 1
    assert "binary, box: tile 0 has" in capsys.readouterr().err


def test_statistics_that_differ_end_the_run_before_anything_is_timed(tmp_path, monkeypatch, capsys):
    wrong = ((*suites.heat_maps.ALL,), None, lambda job: suites.heat_maps.everything(job) + 1)
    monkeypatch.setitem(suites.heat_maps.SUBJECTS, "wrong", wrong)
    monkeypatch.setattr(suites, "medians", lambda *_: pytest.fail("it was timed"))

    assert command.main(["--shrink", "16", "--suites", "heat-maps", "--cache", str(tmp_path)]) == 1
    assert "probability: wrong: tile 0 has" in capsys.readouterr().err


def test_areas_that_differ_end_the_run_before_anything_is_timed(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(suites.drawings, "difference", lambda drawing: "tile 3 has 0.5")
    monkeypatch.setattr(suites, "medians", lambda *_: pytest.fail("it was timed"))

    assert command.main(["--shrink", "16", "--suites", "annotations", "--cache", str(tmp_path)]) == 1
    assert "20 regions: tile 3 has 0.5" in capsys.readouterr().err


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
