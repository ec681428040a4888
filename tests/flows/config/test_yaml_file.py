"""YAML files: limits that hold before memory or time is used, decimal numbers, and paths that begin at the file."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from flows.config.errors import ConfigurationError
from flows.config.excerpt import excerpt
from flows.config.model import CoverageConfig
from flows.config.overlay_path import Pattern, overlay_path
from flows.config.yaml_file import parse_yaml, read_yaml

LAUGHS = "a: &a [x]\n" + "\n".join(
    f"{'bcdefghij'[n]}: &{'bcdefghij'[n]} [{', '.join(['*' + 'abcdefghi'[n]] * 10)}]" for n in range(9)
)
"""550 characters that stand for 10^9 values."""


def test_aliases_are_bounded_before_they_take_memory(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(f"slides: slides/\n{LAUGHS}\ntiling: *j\n")
    code = f"""
import resource
from flows.cli.options import read_configuration
resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))
try:
    read_configuration(["--config", {str(tmp_path / "c.yaml")!r}])
except Exception as error:
    print(type(error).__name__, len(str(error)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    kind, length = done.stdout.split()
    assert (kind, int(length) < 500) == ("ConfigurationError", True)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: " + "[" * 5000, "nested more than 30 deep"),
        ("a: " + "{a: " * 5000, "nested more than 30 deep"),
        ("- " * 5000, "nested more than 30 deep"),
        (LAUGHS, "more than 50,000 values, with aliases"),
        ("a: &a {b: *a}", "an alias that holds itself"),
        ("[" + "1," * 200_000 + "]", "more than 50,000 values"),
        ("a: &a {x: 1}\nb: {<<: *a, <<: *a}", "duplicate key '<<'"),
        ("{[1]: 2}", "unhashable key"),
        ("!!python/object:os.system x", "could not determine a constructor"),
    ],
)
def test_a_bomb_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse_yaml(text)


def test_twenty_thousand_classes_are_refused_soon() -> None:
    classes = "".join(f"      c{number}: {number}\n" for number in range(20_000))
    began = time.process_time()
    document = parse_yaml(f"overlays:\n  t:\n    path: x\n    classes:\n{classes}")
    with pytest.raises(ConfigurationError, match=r"classes: found a mapping of 20000 keys; give at most 1000 items"):
        CoverageConfig.model_validate(document)
    assert time.process_time() - began < 10


def test_a_hundred_overlays_are_enough() -> None:
    overlays = {f"o{number}": {"path": "x"} for number in range(101)}
    with pytest.raises(ConfigurationError, match=r"overlays: found a mapping of 101 keys; give at most 100 items"):
        CoverageConfig.model_validate({"overlays": overlays})


def test_the_problems_of_a_configuration_are_bounded() -> None:
    with pytest.raises(ConfigurationError) as refused:
        CoverageConfig.model_validate({f"key{number}": "x" * 100_000 for number in range(50_000)})
    assert (len(refused.value.problems), refused.value.problems[-1][:8]) == (21, "and 4998")


@pytest.mark.parametrize(
    "value",
    [10**100_000, "x" * 10**6, ["x"] * 10**6, {n: n for n in range(10**5)}, [[[[[1]]]]]],
    ids=["digits", "characters", "items", "keys", "depth"],
)
def test_an_excerpt_is_short(value: object) -> None:
    assert len(excerpt(value)) < 210


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0_5", "0_5"), ("1_000", "1_000"), ("0x1", "0x1"), ("1:30", "1:30"), ("010", 10), ("0o7", "0o7"),
        ("1e-3", 1e-3), ("0b1", "0b1"), ("-5", -5), ("+.5", 0.5), ("5.", 5.0), ("1.5e3", 1500.0),
        ("9" * 5000, "9" * 5000), ("\N{FULLWIDTH DIGIT ONE}", "\N{FULLWIDTH DIGIT ONE}"),
    ],
)  # fmt: skip
def test_only_decimal_notation_is_a_number(text: str, value: object) -> None:
    assert parse_yaml(text) == value


class TestPaths:
    def write(self, folder: Path, **document: object) -> dict:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "c.yaml").write_text(yaml.safe_dump(document))
        return read_yaml(str(folder / "c.yaml"))

    def test_relative_paths_begin_at_the_folder_of_the_file(self, tmp_path: Path, monkeypatch) -> None:
        monkeypatch.chdir("/")
        overlays = {
            name: {"path": path} for name, path in {"a": "masks/{stem}.tiff", "b": "{dir}/x", "c": "/x"}.items()
        }
        found = self.write(tmp_path, slides=["slides/", "/data/a.svs", 3], output="out", overlays=overlays)
        assert found["slides"] == [f"{tmp_path}/slides/", "/data/a.svs", 3]
        assert found["output"] == f"{tmp_path}/out"
        assert [overlay["path"] for overlay in found["overlays"].values()] == [
            f"{tmp_path}/masks/{{stem}}.tiff",
            "{dir}/x",
            "/x",
        ]

    def test_a_uri_and_the_users_home_are_no_relative_paths(self, tmp_path: Path, monkeypatch) -> None:
        monkeypatch.setenv("HOME", "/home/me")
        found = self.write(tmp_path, slides="~/slides", output="s3://bucket/x")
        assert (found["slides"], found["output"]) == ("/home/me/slides", "s3://bucket/x")

    def test_braces_and_brackets_of_the_folder_are_not_special(self, tmp_path: Path) -> None:
        folder = tmp_path / "a[1]{dir}"
        folder.mkdir()
        (folder / "x.svs").touch()
        found = self.write(folder, slides="*.svs", overlays={"t": {"path": "{stem}.tiff"}})
        assert overlay_path(f"{folder}/x.svs", found["overlays"]["t"]["path"]) == f"{folder}/x.tiff"
        assert found["slides"] == f"{tmp_path}/a[[]1]{{dir}}/*.svs"


def test_a_pattern_takes_linear_time() -> None:
    began = time.process_time()
    assert overlay_path("/" + "a" * 4000 + "!", Pattern(match="(a+)+$", replace="b")) is None
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    ("match", "replace", "path"),
    [
        (r"slides/(.*)\.svs$", r"masks/\1.tiff", "/masks/ä.tiff"),
        (r"(?P<stem>[^/]*)\.svs", r"ü-\g<stem>\g<1>\g<0>", "/slides/ü-äää.svs"),
        (r"(x)?ä", r"[\1]\\", "/slides/[]\\.svs"),
        ("ä|s", "", "/lide/.v"),
    ],
)
def test_replacements_are_those_of_python(match: str, replace: str, path: str) -> None:
    assert overlay_path("/slides/ä.svs", Pattern(match=match, replace=replace)) == path
