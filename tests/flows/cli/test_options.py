"""Options of the command: merged over the file, and refused before any work."""

import time
from pathlib import Path
from typing import Any

import pytest

from flows.cli.main import main
from flows.cli.options import _value, read_configuration
from flows.config.errors import ConfigurationError
from tests.support.study import FIRST_LINE, write_settings


def test_options_win_over_the_file_field_by_field(file) -> None:
    config = read_configuration(
        [
            *("--config", file, "--tiling.mpp=null", "--tiling.level", "1", "--tiling.stride", "[8, 16]"),
            *("--overlays.tissue.path", "{dir}/{stem}.png", "--overlays.tissue.missing", "null"),
            *("--overlays.nuclei.path", '{"match": "a", "replace": "b"}', "--overlays.nuclei.classes", '{"cell": [1]}'),
            *("--roi", "[0, 0, 8.5, 8]", "--keep=-tissue < cell", "--tolerate", "0.01"),
            *("--exclude", "a", "--exclude", "b", "--force", "--no-previews"),
            *("--overlays.cells.path", "{match: a, replace: b}", "--overlays.cells.classes", "{cells: [1], none: 0}"),
        ]
    )
    tiling = config.tiling
    assert (tiling.mpp, tiling.level, tiling.tile_extent, tiling.stride) == (None, 1, 16, (8, 16))
    assert list(config.overlays) == ["tissue", "annotation", "nuclei", "cells"]
    tissue, _, nuclei, cells = config.overlays.values()
    assert (config.force, config.previews) == (True, False)
    assert (cells.path.match, cells.classes) == ("a", {"cells": ["1"], "none": ["0"]})
    assert (tissue.path, tissue.missing, tissue.classes) == ("{dir}/{stem}.png", "null", {"tissue": ["255"]})
    assert (nuclei.path.replace, nuclei.classes) == ("b", {"cell": ["1"]})
    assert (config.roi, config.keep, config.tolerate) == ((0, 0, 8.5, 8), "-tissue < cell", 0.01)
    assert config.exclude == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("[1e3, 512]", [1e3, 512]), ("{a:\t1}", "{a:\t1}"), ('{"a":\t1}', {"a": 1}), ("{}", {}), ("{name}", "{name}"),
        ("{name: [1], stem: }", {"name": [1], "stem": None}), ("{dir}{stem}", "{dir}{stem}"),
        ("{dir}/{stem}.tiff", "{dir}/{stem}.tiff"), ("[ab]", "[ab]"), ("[ab]*.svs", "[ab]*.svs"), ("null", None),
        ("[a, b]", ["a", "b"]), ("[2024-99-99]", "[2024-99-99]"), ("{column: mask}", {"column": "mask"}), ("1", "1"),
    ],
)  # fmt: skip
def test_lists_and_mappings_are_json_or_yaml(text: str, value: Any) -> None:
    assert _value(text) == value


def test_a_long_list_of_names_is_one_argument(file) -> None:
    names = [f"slide.{number}[a].svs" for number in range(500)]
    config = read_configuration(["--config", file, "--exclude", f"[{', '.join(map(repr, names))}]"])
    assert config.exclude == names


@pytest.mark.parametrize("value", ["[" * 201, "{a: " * 201, "x" + "[" * 201, "[a]" * 300 + "[" * 201])
def test_a_value_is_refused_for_its_depth(value) -> None:
    with pytest.raises(ConfigurationError, match="an argument is nested more than 200 deep"):
        read_configuration(["--keep", value])


@pytest.mark.parametrize("form", ["--exclude {}", "--exclude={}"])
def test_an_option_is_repeated_in_linear_time(file, form) -> None:
    patterns = [f"x{number}" for number in range(3000)]
    began = time.process_time()
    with pytest.raises(ConfigurationError, match=r"exclude: found \['x0', .*; give at most 1000 items"):
        read_configuration(["--config", file, *" ".join(map(form.format, patterns)).split()])
    assert time.process_time() - began < 5  # 12 s if each option walks all that follow it


def test_repeated_options_keep_their_order_in_both_forms(file) -> None:
    config = read_configuration(["--exclude", "a*", "--config", file, "--exclude=!ab", "--force", "--exclude", "c"])
    assert (config.exclude, config.force) == (["a*", "!ab", "c"], True)


def test_a_list_takes_what_the_shell_makes_of_a_pattern(file) -> None:
    config = read_configuration(["--exclude", "a", "b", "--config", file, "--exclude", "[c]", "d", "--exclude=e"])
    assert config.exclude == ["a", "b", "[c]", "d", "e"]


@pytest.mark.parametrize("arguments", [["--exclude", "a", "--exclude"], ["--exclude", "--force"]])
def test_a_list_without_a_value_is_refused(file, arguments) -> None:
    with pytest.raises(ConfigurationError, match="Parameter --exclude requires an argument"):
        read_configuration(["--config", file, *arguments])


def test_too_many_options_are_refused_before_they_take_time(file) -> None:
    options = [f"--overlays.tissue.classes.c{number}=1" for number in range(20_000)]
    began = time.process_time()
    with pytest.raises(ConfigurationError, match="found 20,002 arguments besides --columns and --exclude and --slides"):
        read_configuration(["--config", file, *options])
    assert time.process_time() - began < 5


def test_options_are_enough(folder) -> None:
    arguments = [
        "--slides",
        str(folder),
        "--output",
        f"{folder}/../o",
        "--tiling.level",
        "0",
        "--tiling.tile-extent",
        "16",
    ]
    config = read_configuration([*arguments, "--overlays.m.path", "{dir}/x.tiff"])
    assert (config.slides, config.tiling.tile_extent, config.overlays["m"].path) == ([str(folder)], 16, "{dir}/x.tiff")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--tilling.mpp", "1"], "Unknown option: --tilling.mpp. Did you mean --tiling.mpp? See --help."),
        (["--tiling.mpp"], "Parameter --tiling.mpp requires an argument. See --help."),
        (["slides/"], "found 'slides/' after no option that takes it; put a pattern or a value with spaces in quotes"),
        (["--output", "a", "b", "c", "d"], "found 'b' and 2 more after no option"),
        (["--exclude=a", "b"], "found 'b' after no option"),
        (["--overlays.tissue.pth", "x"], "overlays.tissue.pth: unknown key; did you mean path?"),
        (["--tiling.level", "0"], "tiling: found both mpp 0.5 and level 0; give exactly one of them"),
        (["--tiling.stride", "0"], "tiling.stride: found '0'; give a whole number of pixels > 0"),
        (["--tiling.stride", "[8, -1]"], "tiling.stride: found [8, -1]; give a whole number"),
        (["--tiling.mpp", "half"], "tiling.mpp: found 'half'; give a number"),
        (["--roi", "POLYGON ((0 0))"], "roi: 'POLYGON ((0 0))' is not WKT"),
        (
            ["--overlays.tissue.path", '{"match": "(", "replace": ""}'],
            "overlays.tissue.path.match: '(' is not a regular expression",
        ),
        (
            ["--keep", "tumour > 0.5"],
            "keep: unknown column 'tumour'; the columns are annotation_inside, stroma, tissue, tissue_inside, tumor",
        ),
        (["--keep", "__import__('os')"], "keep: \"__import__('os')\" is neither true nor false"),
        (["--slides", "nowhere/"], "slides: 'FOLDER/nowhere' does not exist; check the path"),
        (["--output", "coverage.yaml"], "output: 'FOLDER/coverage.yaml' is a file; name a folder"),
        (["--output", "coverage.yaml/a/b"], "output: 'FOLDER/coverage.yaml/a/b' is in 'FOLDER/coverage.yaml', a file"),
        (["--force", "maybe"], "found 'maybe' after no option that takes it; "),
        (["--keep", "tissue >= 0 # all"], "keep: 'tissue >= 0 # all' has a '#', but comments are not supported"),
        (
            ["--overlays.tissue.path", '{"column": "mask"}'],
            "overlays.tissue.path.column: 'mask' is a column of a manif",
        ),
        (["--tolerate", "1.5"], "tolerate: found '1.5'; give a number of slides"),
    ],
)
def test_a_wrong_option_is_refused_with_exit_code_2(file, tmp_path, monkeypatch, capsys, arguments, problem) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["--config", file, *arguments]) == 2
    printed = capsys.readouterr()
    first, second, *others = printed.err.splitlines()
    assert (first, others, printed.out) == ("refused:", [], FIRST_LINE)
    assert second.startswith(f"  {problem}".replace("FOLDER", str(tmp_path)))
    assert not (tmp_path / "output").exists()


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        ("slides: [", "is not YAML: while parsing a flow node expected the node content"),
        ("- slides", "holds a list; write fields such as `slides: slides/`"),
        ("", "holds nothing; write fields"),
        ("slides: a\nslides: b\n", "is not YAML: duplicate key 'slides'"),
        ({"slide": "x"}, "slide: unknown key; did you mean slides? known here: slides, exclude"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path, capsys, document, problem) -> None:
    assert main(["--config", write_settings(tmp_path / "c.yaml", document)]) == 2
    assert problem in capsys.readouterr().err


def test_a_missing_file_is_refused(tmp_path, capsys) -> None:
    assert main(["--config", str(tmp_path / "c.yaml")]) == 2
    assert "cannot read '" in capsys.readouterr().err


def test_each_problem_has_its_line(file) -> None:
    with pytest.raises(ConfigurationError) as refused:
        read_configuration(
            ["--config", file, "--tiling.stride", "0", "--keep", "x > 1", "--tolerate", "-1", "--roi", "[1]"]
        )
    assert [line.split(":")[0] for line in refused.value.problems] == ["tiling.stride", "roi", "keep", "tolerate"]


@pytest.mark.parametrize(
    ("arguments", "previews", "force"),
    [
        ([], True, False),
        (["--previews", "false", "--force", "true"], False, True),
        (["--no-previews", "--force"], False, True),
        (["--previews=false", "--force=false"], False, False),
        (["--previews", "--no-force"], True, False),
    ],
)
def test_flags_take_a_value_or_none(file, arguments, previews, force) -> None:
    Path(file).write_text(Path(file).read_text().replace("previews: false", "previews: true"))
    config = read_configuration(["--config", file, *arguments])
    assert (config.previews, config.force) == (previews, force)
