"""The coverage command: options over the file, refusals before any work, exit codes and printed lines."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import entry_points, version
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.cli.main import main, run
from flows.cli.options import _value, read_configuration
from flows.cli.sample import make_sample
from flows.config.errors import ConfigurationError
from flows.storage.filesystem import Storage
from flows.storage.lock import output_lock
from tests.support.study import settings, write_slide_without_mpp, write_study

FIRST = "coverage: reading the configuration\n"
"""Printed before anything slow."""


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
        (["slides/"], "Unused Tokens: ['slides/']"),
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
        (["--force", "maybe"], "Unused Tokens: ['maybe']"),
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
    assert (first, others, printed.out) == ("refused:", [], FIRST)
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
    assert main(["--config", written(tmp_path / "c.yaml", document)]) == 2
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


def test_help_explains_every_field(capsys) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    printed = " ".join(capsys.readouterr().out.replace("│", " ").split())
    fields = ("config", "slides", "exclude", "output", "slide_mpp", "roi", "keep", "tolerate")
    tiling = (f"tiling.{field}" for field in ("mpp", "level", "tile_extent", "stride", "last"))
    overlays = (f"overlays.{{NAME}}.{field}" for field in ("path", "classes", "missing", "mpp"))
    assert [option for option in (*fields, *tiling, *overlays) if f"--{option} " not in printed] == []
    assert "NAME_inside of each overlay, such as 'tissue >= 0.5'; null keeps all tiles (default: null)" in printed


def test_help_lists_choices_and_defaults(capsys) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    printed = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "shift it inside (keep | drop | shift; default: keep)" in printed
    assert "[width, height] (required)" in printed
    assert "a number, or a share < 1 (default: 0)" in printed


def test_help_into_a_closed_pipe_is_quiet() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "flows.coverage", "--help"]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert "cancelled" not in done.stderr


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version_print_no_first_line(capsys, option) -> None:
    with pytest.raises(SystemExit) as ended:
        main([option])
    assert ended.value.code == 0
    assert FIRST not in capsys.readouterr().out


def test_the_version_is_the_packages(capsys) -> None:
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"{version('ratiopath-flows')}\n"


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


@pytest.mark.usefixtures("local_ray", "server")
class TestExitCodes:
    def test_0_when_every_slide_is_in_the_tables(self, folder, file, capsys) -> None:
        write_study(folder, "a")
        assert main(["--config", file, "--keep", "null"]) == 0
        first, result, following = capsys.readouterr().out.splitlines()
        assert f"{first}\n" == FIRST
        assert result.startswith("1 of 1 slides in the tables, 0 put aside; 1 new, ")
        assert following == f"next: read the tiles, Parquet files, from {folder.parent}/output/tiles"

    def test_0_and_a_warning_without_slides(self, file, capsys) -> None:
        assert main(["--config", file]) == 0
        printed = capsys.readouterr()
        assert "warning: no slides were found; the tables are empty" in printed.err
        assert printed.out.endswith("\nnext: check slides and exclude, and run it again\n")

    @pytest.fixture
    def busy(self, folder, tmp_path) -> Iterator[None]:
        """An output that another run writes to."""
        write_study(folder, "a")
        with output_lock(Storage.at(str(tmp_path / "output"))):
            yield

    @pytest.mark.usefixtures("busy")
    def test_1_when_the_run_fails(self, file, capsys) -> None:
        assert main(["--config", file]) == 1
        assert "OutputError: another run is writing to " in capsys.readouterr().err

    @pytest.mark.usefixtures("busy")
    @pytest.mark.parametrize("level", [None, "DEBUG"])
    def test_a_failed_run_says_why_once_and_traces_on_demand(self, file, level) -> None:
        environment = {name: value for name, value in os.environ.items() if name != "PREFECT_LOGGING_LEVEL"}
        environment["PREFECT_API_URL"] = PREFECT_API_URL.value()
        if level:
            environment["PREFECT_LOGGING_LEVEL"] = level
        command = [sys.executable, "-m", "flows.coverage", "--config", file]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 1
        if level:
            assert "Traceback (most recent call last)" in done.stderr
            return
        first, second = done.stderr.splitlines()
        assert first.startswith("failed: Flow run encountered an exception: OutputError: another run is writing to ")
        assert second == "  finished slides are kept; run it again: it resumes"

    def test_1_when_the_server_that_is_named_does_not_answer(self, file, capsys) -> None:
        with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):
            assert main(["--config", file]) == 1
        said = capsys.readouterr().err
        assert said.startswith("failed: the Prefect server at http://127.0.0.1:9/api/ does not answer: ")
        assert said.endswith("; hint: start it, or unset PREFECT_API_URL to let the run start its own\n")

    def test_3_when_slides_are_put_aside(self, folder, file, capsys) -> None:
        write_study(folder, "a")
        write_slide_without_mpp(folder / "b.tiff")
        assert main(["--config", file]) == 3
        printed = capsys.readouterr()
        assert f"put aside '{folder}/b.tiff', discover slides: MissingMppError: '{folder}/b.tiff' has no" in printed.err
        assert printed.err.count("b.tiff") == 2  # in the path and in the message, not in the log too
        first, result, following = printed.out.splitlines()
        assert f"{first}\n" == FIRST
        assert result.startswith("1 of 2 slides in the tables, 1 put aside; ")
        assert following == "next: mend or exclude the slides put aside and run it again: it resumes"
        assert main(["--config", file, "--tolerate", "0.5"]) == 0

    @pytest.fixture
    def wrong_class(self, folder, tmp_path) -> list[str]:
        """Configuration of a slide whose mask is 0 and 255, and a class of the value 1."""
        write_study(folder, "a")
        overlays = {"tissue": {"path": "{dir}/{stem}_tissue.tiff", "classes": {"tissue": [1]}}}
        return [
            "--config",
            written(tmp_path / "wrong.yaml", settings(folder, overlays=overlays, exclude=["*_classes*"])),
        ]

    def test_a_class_that_matches_nothing_is_named_in_the_last_lines(self, wrong_class, capsys) -> None:
        assert main(wrong_class) == 0
        found = "1 in none of 1 slides; overlay tissue has 255 (1 slide), 0 (1 slide)"
        assert capsys.readouterr().out.splitlines()[-3:] == [
            f"class tissue matches nothing: {found}; hint: correct overlays.tissue.classes.tissue",
            "1 of 1 slides to review: nothing kept (1 slide), overlay tissue holds none of its classes (1 slide)",
            "next: correct the classes, or look at the slides to review; the tables are complete",
        ]

    def test_3_under_strict_when_a_class_matches_nothing(self, wrong_class) -> None:
        assert main([*wrong_class, "--strict"]) == 3

    def test_a_class_that_matches_nothing_is_named_again_when_no_slide_is_read(self, wrong_class, capsys) -> None:
        main(wrong_class)
        first = capsys.readouterr().out.splitlines()[-3:]
        assert main(wrong_class) == 0
        assert capsys.readouterr().out.splitlines()[-3:] == first


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
