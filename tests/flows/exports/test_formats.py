"""Every format of the registry, through the command line."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from flows.cli.verbs.dispatch import main
from flows.config.export_settings import ExportSettings
from flows.exports.export import Export
from flows.exports.registry import NAMES, format_of
from tests.support.finished import HandmadeSlide, write_output

SLIDES = [HandmadeSlide(f"/slides/{name}.svs", 2, {"tumor": [0.25, 0.75]}, [True, True]) for name in ("a", "b")]


@pytest.mark.parametrize("name", NAMES)
def test_every_format_is_written_and_says_what_to_do_next(tmp_path, capsys, name) -> None:
    output = write_output(tmp_path / "output", SLIDES)
    options = ["--no-crop", "--classify", "tumor"] if name == "qupath" else []
    assert main(["export", name, output.storage.root, "--to", str(tmp_path / "to"), "--json", *options]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["slides"], answer["tiles"]) == (2, 4)
    assert answer["next_steps"]
    record = json.loads((tmp_path / "to" / "export.json").read_text())
    listed = {file for slide in record["slides"] for file in slide["files"]} | set(record["cohort"]) | {"export.json"}
    assert {path.relative_to(tmp_path / "to").as_posix() for path in files(tmp_path / "to")} == listed
    assert format_of(name, ExportSettings(), output.config.tiling).reader


@pytest.mark.parametrize("name", NAMES)
def test_an_output_without_slides_gives_an_export_without_slides(tmp_path, name) -> None:
    output = write_output(tmp_path / "output", SLIDES)
    nothing = output.slides.slice(0, 0)
    record = Export.open(replace(output, slides=nothing), name, ExportSettings(to=str(tmp_path / "to"))).run(print)
    assert record.slides == []


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]
