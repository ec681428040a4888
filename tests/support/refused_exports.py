"""Exports that are refused, by what is wrong with them."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from flows.config.export_settings import ExportSettings
from flows.exports.export import Export
from flows.exports.export_target import refuse_foreign_exports
from flows.records.finished_output import FinishedOutput
from tests.support.finished import HandmadeSlide, write_output

EXPORTS: dict[str, dict[str, Any]] = {
    "an export of an older output": {"output": "older"},
    "an export of slides of one name": {"output": "twins"},
    "an export by an unknown class": {"where": "tumor > 0.5"},
    "an export into the tables": {"to": "exported/tiles"},
    "an export to a file": {"to": "a.tiff"},
    "an export over a file of others": {"to": "taken"},
    "an export over another one": {"to": "maps"},
    "an export beside a record of others": {"to": "theirs"},
    "an export beside a record of files elsewhere": {"to": "escaped"},
    "an export of heat maps of one name": {"output": "maplike", "form": "heatmap", "classes": ["tissue", "b_tissue"]},
    "an export of a class that is named twice": {"classes": ["tissue", "tissue"]},
    "a class called like a column of the box": {"classes": ["minx"]},
    "a class called like a column of the format": {"form": "geoparquet", "classes": ["geometry"], "to": "boxes"},
    "a classification by a class that is not written": {
        "form": "qupath", "crop": False, "classes": None, "classify": ["mask_inside"], "to": "objects",
    },
}  # fmt: skip


def write_folders() -> None:
    """Write outputs to export, and folders that hold what an export must not touch."""
    shares = {"tissue": [0.5], "minx": [0.5], "geometry": [0.5]}
    slides = [HandmadeSlide(f"/s/{name}.tiff", 1, shares, [True]) for name in ("a", "more/a")]
    write_output(Path("exported"), slides[:1])
    write_output(Path("twins"), slides)
    names = [HandmadeSlide(f"/s/{name}.tiff", 1, {"tissue": [0.5], "b_tissue": [0.5]}, [True]) for name in ("a", "a_b")]
    write_output(Path("maplike"), names)
    older = write_output(Path("older"), slides[:1])
    pq.write_table(older.slides.drop_columns(["level0_extent_x"]), "older/slides.parquet")
    record = {"settings": {}, "output": "o"}
    records = {
        "theirs": {},
        "maps": {"format": "heatmap", **record},
        "escaped": {"format": "csv", "cohort": ["../victim"], **record},
    }
    for folder, content in records.items():
        Path(folder).mkdir()
        Path(folder, "export.json").write_text(json.dumps(content))
    Path("taken").mkdir()
    Path("taken/a.csv").touch()


def exported(form: Any = "csv", output: str = "exported", **options: Any) -> None:
    if not Path("exported").exists():
        write_folders()
    settings = ExportSettings.model_validate({"to": "to", "classes": ["tissue"], **options})
    Export.open(FinishedOutput.open(output), form, settings).run(lambda _: None)


def refused_exports() -> Iterator[tuple[str, Callable[[], Any]]]:
    """Pairs of a name and a function that is refused."""
    for name, options in EXPORTS.items():
        yield name, lambda options=options: exported(**options)
    yield "two exports to one folder in two spellings", lambda: configured_exports(csv="one", heatmap="./one/")


def configured_exports(**folders: str) -> None:
    tables = FinishedOutput.open("exported")
    exports = {form: ExportSettings(to=to, classes=["tissue"]) for form, to in folders.items()}
    refuse_foreign_exports(tables.config.model_copy(update={"exports": exports}), tables.storage)
