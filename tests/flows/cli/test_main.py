"""The command line: options over the file, refusals before any work, and the exit codes."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.cli.main import main
from flows.cli.options import _value, configuration
from flows.cli.sample import make_sample
from flows.config.errors import ConfigurationError
from tests.support.study import settings, write_slide_without_mpp, write_study


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "slides").mkdir()
    return tmp_path / "slides"


@pytest.fixture
def file(folder, tmp_path) -> str:
    return written(tmp_path / "coverage.yaml", settings(folder))


def written(path: Path, document: Any) -> str:
    path.write_text(document if isinstance(document, str) else yaml.safe_dump(document, sort_keys=False))
    return str(path)


def test_options_win_over_the_file_field_by_field(file) -> None:
    config = configuration(
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
    config = configuration([*arguments, "--overlays.m.path", "{dir}/x.tiff"])
    assert (config.slides, config.tiling.tile_extent, config.overlays["m"].path) == ([str(folder)], 16, "{dir}/x.tiff")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--tilling.mpp", "1"], "Unknown option: --tilling.mpp. Did you mean --tiling.mpp? See --help."),
        (["--tiling.mpp"], "Parameter --tiling.mpp requires an argument. See --help."),
        (["slides/"], "Unused Tokens: ['slides/']"),
        (["--overlays.tissue.pth", "x"], "overlays.tissue.pth: unknown key; did you mean path?"),
        (["--tiling.level", "0"], "tiling: exactly one of mpp and level says what to tile"),
        (["--tiling.stride", "0"], "tiling.stride: found '0'; give a whole number of pixels > 0"),
        (["--tiling.stride", "[8, -1]"], "tiling.stride: found [8, -1]; give a whole number"),
        (["--tiling.mpp", "half"], "tiling.mpp: input should be a valid number, unable to parse string as a number"),
        (["--roi", "POLYGON ((0 0))"], "roi: 'POLYGON ((0 0))' is no WKT"),
        (
            ["--overlays.tissue.path", '{"match": "(", "replace": ""}'],
            "overlays.tissue.path.match: '(' is no regular expression",
        ),
        (["--keep", "tumour > 0.5"], "keep: unknown column 'tumour'; the classes are stroma, tissue, tumor"),
        (["--keep", "__import__('os')"], "keep: \"__import__('os')\" is neither true nor false"),
        (["--slides", "nowhere/"], "slides: 'nowhere/' does not exist; check the path"),
        (["--output", "coverage.yaml"], "output: 'coverage.yaml' is a file; name a folder"),
        (["--output", "coverage.yaml/a/b"], "output: 'coverage.yaml/a/b' is in '"),
        (["--force", "true"], "Unused Tokens: ['true']"),
        (["--roi", "POINT (0 0)"], "roi: the ROI is a POLYGON or MULTIPOLYGON: found POINT; write such as 'POLYGON"),
        (["--keep", "tissue >= 0 # all"], "keep: 'tissue >= 0 # all' has a '#', and an expression has no comments"),
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
    assert (first, others, printed.out) == ("refused:", [], "")
    assert second.startswith(f"  {problem}")
    assert not (tmp_path / "output").exists()


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        ("slides: [", "is no YAML: while parsing a flow node expected the node content"),
        ("- slides", "holds list; write fields such as `slides: slides/`"),
        ("", "holds NoneType; write fields"),
        ("slides: a\nslides: b\n", "is no YAML: key 'slides' is there twice"),
        ({"slide": "x"}, "slide: unknown key; did you mean slides? known here: slides, exclude"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path, capsys, document, problem) -> None:
    assert main(["--config", written(tmp_path / "c.yaml", document)]) == 2
    assert problem in capsys.readouterr().err


def test_a_missing_file_is_refused(tmp_path, capsys) -> None:
    assert main(["--config", str(tmp_path / "c.yaml")]) == 2
    assert "cannot be read: No such file or directory; check the path" in capsys.readouterr().err


def test_each_problem_has_its_line(file) -> None:
    with pytest.raises(ConfigurationError) as refused:
        configuration(["--config", file, "--tiling.stride", "0", "--keep", "x > 1", "--tolerate", "-1", "--roi", "[1]"])
    assert [line.split(":")[0] for line in refused.value.problems] == ["tiling.stride", "roi", "keep", "tolerate"]


def test_help_explains_every_field(capsys) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    printed = " ".join(capsys.readouterr().out.replace("│", " ").split())
    fields = ("config", "slides", "exclude", "output", "slide_mpp", "roi", "keep", "tolerate")
    tiling = (f"tiling.{field}" for field in ("mpp", "level", "tile_extent", "stride", "last"))
    overlays = (f"overlays.{{NAME}}.{field}" for field in ("path", "classes", "missing", "mpp"))
    assert [option for option in (*fields, *tiling, *overlays) if f"--{option} " not in printed] == []
    assert "boolean expression over the classes, such as 'tissue >= 0.5'; null keeps all tiles" in printed


@pytest.mark.usefixtures("local_ray", "server")
class TestExitCodes:
    def test_0_when_every_slide_is_in_the_tables(self, folder, file, capsys) -> None:
        write_study(folder, "a")
        assert main(["--config", file, "--keep", "null"]) == 0
        assert capsys.readouterr().out.startswith(
            "1 of 1 slides in the tables, 0 put aside; 1 new, 0 changed, 0 unchanged, 0 gone; 12 of 12 tiles kept: see "
        )

    def test_0_and_a_warning_without_slides(self, file, capsys) -> None:
        assert main(["--config", file]) == 0
        assert "warning: no slides were found; the tables are empty" in capsys.readouterr().err

    def test_1_when_the_run_fails(self, folder, file, tmp_path, capsys) -> None:
        write_study(folder, "a")
        (tmp_path / "output").mkdir()
        (tmp_path / "output" / "coverage").touch()
        assert main(["--config", file]) == 1
        assert "OutputError: cannot write " in capsys.readouterr().err

    def test_a_failed_run_says_why_once(self, folder, file, tmp_path) -> None:
        write_study(folder, "a")
        (tmp_path / "output").mkdir()
        (tmp_path / "output" / "coverage").touch()
        arguments = ["--config", file]
        environment = {name: value for name, value in os.environ.items() if name != "PREFECT_LOGGING_LEVEL"}
        environment["PREFECT_API_URL"] = PREFECT_API_URL.value()
        command = [sys.executable, "-m", "flows.coverage", *arguments]
        quiet, loud = (
            subprocess.run(
                command, env={**environment, **more}, capture_output=True, text=True, timeout=300, check=False
            )
            for more in ({}, {"PREFECT_LOGGING_LEVEL": "DEBUG"})
        )
        assert (quiet.returncode, loud.returncode) == (1, 1)
        assert len(quiet.stderr.splitlines()) == 2, quiet.stderr
        first, second = quiet.stderr.splitlines()
        assert first.startswith("failed: Flow run encountered an exception: OutputError: cannot write ")
        assert second == "  what was complete before is still there and whole"
        assert "Traceback (most recent call last)" in loud.stderr

    def test_1_when_the_server_that_is_named_does_not_answer(self, file, capsys) -> None:
        with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):
            assert main(["--config", file]) == 1
        said = capsys.readouterr().err
        assert said.startswith("the Prefect server that is named answers: http://127.0.0.1:9/api/, ")
        assert said.endswith("; start it, or unset PREFECT_API_URL: then a run starts its own\n")

    def test_3_when_slides_are_put_aside(self, folder, file, capsys) -> None:
        write_study(folder, "a")
        write_slide_without_mpp(folder / "b.tiff")
        assert main(["--config", file]) == 3
        printed = capsys.readouterr()
        assert f"put aside '{folder}/b.tiff', discover slides: MissingMppError: a slide has a resolution" in printed.err
        assert printed.err.count("b.tiff") == 2  # in the path and in the message, not in the log too
        assert printed.out.startswith("1 of 2 slides in the tables, 1 put aside; ")
        assert main(["--config", file, "--tolerate", "0.5"]) == 0


def test_without_arguments_a_sample_is_made_and_run(tmp_path) -> None:
    """On a machine that has never run it: its own home, a Prefect server and a Ray of its own."""
    home = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "RAY_", "COV_"))}
    command = [sys.executable, "-m", "flows.coverage"]
    environment = {**home, "HOME": str(tmp_path / "home")}
    (tmp_path / "home").mkdir()
    run = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert run.returncode == 0, run.stderr
    assert (
        "2 of 2 slides in the tables, 0 put aside; 2 new, 0 changed, 0 unchanged, 0 gone; 98 of 384 tiles kept"
        in run.stdout
    )
    assert "python -m flows.coverage --config coverage-sample/coverage.yaml" in run.stdout
    assert run.stderr == ""
    tiles = pq.read_table(tmp_path / "coverage-sample" / "coverage" / "tiles")
    assert tiles.num_rows == 98
    assert min(tiles["tissue"].to_pylist()) >= 0.5
    assert sorted(os.listdir(tmp_path)) == ["coverage-sample", "home"]
    assert len(list((tmp_path / "coverage-sample" / "coverage" / "previews").glob("*.png"))) == 2
    assert (tmp_path / "coverage-sample" / "coverage" / "index.html").exists()


def test_a_sample_that_is_there_and_edited_is_run_as_it_is(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    make_sample("coverage-sample")
    with Path("coverage-sample/coverage.yaml").open("a") as file:
        file.write("exclude: ['sample-b*']\n")
    before = Path("coverage-sample/coverage.yaml").read_text()
    assert main([]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("1 of 1 slides in the tables")
    assert "This was a sample" in printed
    assert Path("coverage-sample/coverage.yaml").read_text() == before

    shutil.rmtree("coverage-sample/slides")
    assert main([]) == 2
    assert "remove coverage-sample/ to have the sample made anew" in capsys.readouterr().err
