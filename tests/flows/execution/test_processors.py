"""Processors of a run: those of the container, the batch job or -j."""

import os

import pytest

from flows.cli.main import main
from flows.config.errors import ConfigurationError
from flows.execution.processors import VARIABLE, usable_processors
from tests.support.control_groups import groups

V2, V1 = "0::/pod/run\n", "5:memory:/m\n4:cpu,cpuacct:/pod/run\n"


@pytest.fixture(autouse=True)
def many(monkeypatch) -> None:
    """A host with 192 processors."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(192)))
    monkeypatch.delenv(VARIABLE, raising=False)


@pytest.mark.parametrize(
    ("own", "files", "expected"),
    [
        (V2, {}, 192),
        (V2, {"cpu.max": "max 100000\n"}, 192),
        (V2, {"cpu.max": "400000 100000\n"}, 4),  # a container: its group is the root
        (V2, {"pod/cpu.max": "800000 100000\n", "pod/run/cpu.max": "max 100000\n"}, 8),  # a group above
        (V2, {"cpu.max": "800000 100000\n", "pod/run/cpu.max": "250000 100000\n"}, 2),
        (V2, {"cpu.max": "50000 100000\n"}, 1),
        (V2, {"cpu.max": "nonsense\n"}, 192),
        (V1, {"cpu/pod/run/cpu.cfs_quota_us": "300000\n", "cpu/pod/run/cpu.cfs_period_us": "100000\n"}, 3),
        (V1, {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, 192),
        ("odd", {}, 192),
    ],
)
def test_the_smallest_quota_counts(tmp_path, own, files, expected) -> None:
    assert usable_processors(groups(tmp_path, own, files)) == expected


def test_a_machine_without_control_groups_has_those_it_is_bound_to(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 4, 5})
    assert usable_processors(str(tmp_path)) == 3


def test_the_variable_makes_it_less_but_not_more(tmp_path, monkeypatch) -> None:
    root = groups(tmp_path, V2, {"cpu.max": "400000 100000\n"})
    monkeypatch.setenv(VARIABLE, "2")
    assert usable_processors(root) == 2
    monkeypatch.setenv(VARIABLE, "64")
    assert usable_processors(root) == 4


@pytest.mark.parametrize("text", ["0", "-1", "two", "1.5", "٣"])
def test_another_value_is_refused(monkeypatch, text) -> None:
    monkeypatch.setenv(VARIABLE, text)
    with pytest.raises(ConfigurationError, match=r"^-j \(RATIOPATH_JOBS\): found .*; give a whole number"):
        usable_processors()


@pytest.mark.parametrize("arguments", [["-j", "none"], ["--jobs=0"], ["-j"]])
def test_the_option_is_refused_before_anything_is_read(arguments, monkeypatch, capsys) -> None:
    monkeypatch.setenv(VARIABLE, "")  # to be restored
    assert main([*arguments, "--config", "nope.yaml"]) == 2
    assert "-j (RATIOPATH_JOBS): found " in capsys.readouterr().err
