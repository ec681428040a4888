"""Refusals of the configuration, the command line and the inputs, each provoked once and kept in messages.txt.

RATIOPATH_WRITE_MESSAGES=1 pytest tests/flows/test_messages.py        writes the file anew, for review in the diff
"""

import ast
import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from types import FrameType
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

import flows
from flows.analysis.sweep_output import sweep_finished
from flows.cli.options import read_configuration
from flows.cli.prefect_server import server_errors
from flows.cli.verbs.sample import sample
from flows.cli.verbs.split import split
from flows.config.errors import ConfigurationError
from tests.support.answers import TOO_LARGE, refused
from tests.support.finished import HandmadeSlide, write_output

KEPT = Path(__file__).with_name("messages.txt")
ROOMS = [Path(flows.__path__[0]) / room for room in ("cli", "config", "inputs", "analysis")]
KINDS = {"ConfigurationError", "ConstructorError", "RoiError", "ValueError"}
"""Errors whose every raise in the rooms is provoked."""

SETTINGS = {
    "slides": "slides/",
    "output": "output/",
    "tiling": {"mpp": 0.5, "tile_extent": 512},
    "overlays": {"tissue": {"path": "{dir}/{stem}_mask.tiff", "classes": {"tissue": [255]}}},
}
GONE = object()
PATH, CLASSES, MPP = "overlays__tissue__path", "overlays__tissue__classes", "overlays__tissue__mpp"

FIELDS: dict[str, dict[str, Any]] = {
    "an unknown key": {"colour": 1},
    "a misspelt key": {"tiling__tile_extend": 1},
    "a key that is missing": {"slides": GONE},
    "a section that is missing": {"tiling": GONE},
    "a section that is a number": {"tiling": 3},
    "no slides": {"slides": []},
    "a URI as slides": {"slides": "s3://bucket/slides"},
    "a glob that walks again and again": {"slides": "**/a/**/b/**/c/**/d/**/*.svs"},
    "a password in the output": {"output": "s3://key:secret@bucket/out"},
    "an unknown option of the output": {"output": "s3://bucket/out?client_secret=abc"},
    "an option in the name of a folder": {"output": "out?x=abc"},
    "a connection string as output": {"output": "AccountName=a;AccountKey=b"},
    "a path that is too long": {"output": "a" * 5000},
    "a tile of a million million pixels": {"tiling__tile_extent": 10**12},
    "a level with many digits": {"tiling": {"level": "9" * 30, "tile_extent": 1}},
    "memory with many digits": {"resources": {"tile_slides": {"memory": "9" * 30}}},
    "a class name that is too long": {CLASSES: {"a" * 200: [1]}},
    "too many patterns": {"exclude": ["a"] * 1001},
    "an mpp with an underscore": {"tiling__mpp": "0_5"},
    "an unknown escape in a replacement": {PATH: {"match": "a", "replace": r"\n"}},
    "a pattern with a back-reference": {PATH: {"match": r"(a)\1", "replace": "b"}},
    "a NUL in a path": {"output": "a\0b"},
    "an empty path": {"output": ""},
    "an output that is a number": {"output": 3},
    "neither mpp nor level": {"tiling__mpp": GONE},
    "exact tiles of a level": {"tiling": {"level": 0, "tile_extent": 1, "resolution": "exact"}},
    "both mpp and level": {"tiling__level": 0},
    "mpp 0": {"tiling__mpp": 0},
    "an mpp that is text": {"tiling__mpp": "half"},
    "an mpp that is true": {"tiling__mpp": True},
    "an infinite mpp": {"tiling__mpp": float("inf")},
    "a negative level": {"tiling": {"level": -1, "tile_extent": 1}},
    "a level between two": {"tiling": {"level": 0.5, "tile_extent": 1}},
    "a stride of 0": {"tiling__stride": 0},
    "an unknown policy of the border": {"tiling__last": "crop"},
    "a flag that is neither true nor false": {"previews": "maybe"},
    "an ROI of three numbers": {"roi": [0, 0, 5]},
    "an ROI without area": {"roi": [5, 5, 1, 9]},
    "an ROI that is not WKT": {"roi": "POLYGON ((0 0, 1"},
    "an ROI that is a point": {"roi": "POINT (1 1)"},
    "no overlays": {"overlays": {}},
    "neither path nor detect": {"overlays": {"tissue": {"classes": {"tissue": [1]}}}},
    "both path and detect": {"overlays__tissue__detect": "saturation"},
    "an unknown detector": {"overlays__tissue": {"detect": "network"}},
    "a pen without detect": {"overlays__tissue__pen": "drop"},
    "options of a file beside detect": {
        "overlays__tissue": {"detect": "saturation", "mpp": 1, "missing": "zero", "unit": "um"}
    },
    "two overlays with detect": {"overlays": {"a": {"detect": "saturation"}, "b": {"detect": "saturation"}}},
    "an overlay called yes": {"overlays": {True: {"path": "x"}}},
    "an overlay called off": {"overlays": {False: {"path": "x"}}},
    "an overlay called 1": {"overlays": {1: {"path": "x"}}},
    "an overlay that cannot name a column": {"overlays__a b": {"path": "x"}},
    "a class called yes": {CLASSES: {True: [1]}},
    "a class called and": {CLASSES: {"and": [1]}},
    "a class without values": {CLASSES: {"tissue": []}},
    "a class whose value is a mistyped number": {CLASSES: {"tissue": ["1_000"]}},
    "a class whose value is a list": {CLASSES: {"tissue": [[1]]}},
    "a label's pattern by another key": {CLASSES: {"tissue": [{"regex": "Tumor.*"}]}},
    "a label's pattern that is no expression": {CLASSES: {"tissue": [{"match": "("}]}},
    "a dominant class without classes": {
        CLASSES: {}, "overlays__tissue__dominant": True, "keep": None,
    },
    "keep that names the dominant class": {"overlays__tissue__dominant": True, "keep": "tissue_dominant > 0"},
    "a range whose ends are swapped": {CLASSES: {"tissue": ["255..128"]}},
    "a range that is mistyped": {CLASSES: {"tissue": [">x"]}},
    "a range where labels are named": {"overlays__tissue__ignore": ["1..2"]},
    "a credential in an overlay's pattern": {PATH: {"match": "token=S|[.]tiff$", "replace": "x"}},
    "a comparison that is a text with a credential": {"keep": "tissue > 0.5 and 'password=S'"},
    "a statistic that is none": {"overlays__tissue__stats": ["median"]},
    "a scale without stats": {"overlays__tissue__scale": [0, 255]},
    "a bound of shares without classes": {
        "overlays__tissue__stats": ["mean"], "overlays__tissue__classes": {}, "overlays__tissue__uncertainty": True,
    },
    "a scale from high to low": {"overlays__tissue__stats": ["mean"], "overlays__tissue__scale": [255, 0]},
    "a measurement and classes": {"overlays__tissue__stats": ["mean"], "overlays__tissue__measurement": "score"},
    "an origin that is none": {"overlays__tissue__origin": "corner"},
    "a class whose value is too long": {CLASSES: {"tissue": ["9" * 300]}},
    "an export of tiles by an unknown class": {"exports": {"csv": {"where": "tumor > 0.5"}}},
    "an export of a column that is none of an overlay": {"exports": {"csv": {"classes": ["level"]}}},
    "an option of another format": {"exports": {"csv": {"crop": False}}},
    "two exports to one folder": {"exports": {"csv": {"to": "x"}, "heatmap": {"to": "x"}}},
    "an export in an unknown format": {"exports": {"pdf": {}}},
    "a password in the folder of an export": {"exports": {"csv": {"to": "s3://key:secret@bucket/out"}}},
    "a class called like a column of tiles": {CLASSES: {"tile_x": [1]}},
    "two classes that differ by case": {"overlays__other": {"path": "x", "classes": {"Tissue": [1]}}},
    "an unknown policy of missing overlays": {"overlays__tissue__missing": "skip"},
    "a template with an unknown field": {PATH: "{dir}/{slide}.tiff"},
    "a template with an open brace": {PATH: "{dir"},
    "a template that is a URI": {PATH: "s3://bucket/{stem}.tiff"},
    "a template that is a number": {PATH: 3},
    "a pattern that is not a regular expression": {PATH: {"match": "(", "replace": ""}},
    "a replacement with an unknown group": {PATH: {"match": "a", "replace": r"\1"}},
    "a pattern without replacement": {PATH: {"match": "a"}},
    "a column without a name": {PATH: {"column": ""}},
    "a column without a manifest": {PATH: {"column": "mask"}},
    "a column of slides without a manifest": {"columns": ["fold"]},
    "a column with the name of another": {"columns": ["fold", "Fold"]},
    "a column of an unknown kind": {"columns": {"fold": "date"}},
    "texts that are ordered": {"columns": {"label": "text"}, "keep": "label > 'a'"},
    "a class compared with a text": {"keep": "tissue == 'a'"},
    "an unknown column compared with a text": {"keep": "nope == 'a'"},
    "a text in a sum": {"columns": {"label": "text"}, "keep": "label + 1 > 2"},
    "a column of resolutions without a manifest": {MPP: {"column": "mask_mpp"}},
    "an mpp of an overlay that is three numbers": {MPP: [1, 2, 3]},
    "an mpp of an overlay that is 0": {MPP: 0},
    "an alignment that does not exist": {"overlays__tissue__align": "centre"},
    "more slides tolerated than there are": {"tolerate": 1.5},
    "a tolerance of 1.0": {"tolerate": 1.0},
    "a request without CPUs": {"resources": {"tile_slides": {"num_cpus": 0}}},
    "a pattern with a dot in front": {"exclude": ["../old/*"]},
    "a pattern that is not one of gitignore": {"exclude": ["!"]},
    "a pattern outside the slide folders": {"exclude": ["/masks/*"]},
    "slides that do not exist": {"slides": "nowhere/*.svs"},
    "slides that are overlays of one another": {
        "slides": ["a.tiff", "b.tiff"], "overlays": {"a": {"path": "a.tiff"}, "b": {"path": "b.tiff"}},
    },
    "an output that is a file": {"output": "coverage.yaml"},
    "an output in a file": {"output": "coverage.yaml/a/b"},
}  # fmt: skip

KEEP = {
    "keep that is too long": "tissue > 0 or " * 100 + "tissue > 1",
    "keep with a comment": "tissue > 0 # all",
    "keep with &": "tissue > 0.5 & tissue < 1",
    "keep with |": "(tissue > 0.5) | (tissue < 1)",
    "keep with ~": "~(tissue > 0.5)",
    "keep without a class": "1 < 2",
    "keep that does not parse": "tissue >",
    "keep that is nested too deep": "-" * 900 + "tissue > 1",
    "keep with a decimal comma": "tissue >= 0,5",
    "keep that is a number": "tissue",
    "keep with an unknown class": "tumor > 0.5",
    "keep that compares a call": "open('x') > tissue",
    "keep with an unknown comparison": "tissue is 1",
    "keep with a percent sign": "tissue >= 50%",
    "keep with a percentage": "tissue >= 50",
    "keep with a number that is too large": "tissue > 1e999",
}

OPTIONS = {
    "an option nested too deeply": [f"--overlays{'.a' * 5000}", "x"],
    "a value nested too deeply": ["--slides", "[" * 5000],
    "too many options": [f"--overlays.a.classes.b{number}=1" for number in range(1001)],
    "an unknown option": ["--tilling.mpp", "1"],
    "an option without a value": ["--tiling.mpp"],
    "a value without an option": ["slides/"],
    "a file that does not exist": ["--config", "nope.yaml"],
}

FILES = {
    "a file that is not YAML": "slides: [",
    "a file that is empty": "",
    "a file that holds a list": "- slides",
    "a file that is too large": "#" * (1 << 20) + " ",
    "a file that is nested too deep": "a: " + "[" * 40 + "]" * 40,
    "a file with too many values": "a: &a [1]\n"
    + "\n".join(f"{'abcdefg'[n + 1]}: &{'abcdefg'[n + 1]} [{', '.join(['*' + 'abcdefg'[n]] * 10)}]" for n in range(6)),
    "a file with an alias that holds itself": "a: &a [*a]",
    "a file with a date that does not exist": "a: 2024-99-99",
    "a file with a value that is not of its type": "a: !!bool maybe",
    "a file with an alias of nothing": "output: *abc",
    "a file with a duplicate key": "slides: a\nslides: b\n",
}

MANIFESTS: dict[str, str | dict[str, list[Any]]] = {
    "a manifest without the column path": "file,mask\na,b\n",
    "a manifest without the overlay's column": "path\na\n",
    "a manifest with an empty path": "path,mask\n,b\n",
    "a manifest with another separator": "path;mask\na.svs;0,5\n",
    "a manifest with too many cells": "path,mask\na.svs,b,c\n",
    "a manifest with an mpp that is a word": "path,mask,mpp\na,b,fine\n",
    "a manifest with a column twice": "path,mask,mask\na.svs,x,y\n",
    "a manifest with two rows for a slide": "path,mask\na.svs,x\na.svs,y\n",
    "a manifest with an open quote": 'path,mask\n"a,b\n',
    "a manifest with two slides of one id": "path,mask,slide_id\na.svs,x,A\nb.svs,y,a\n",
    "a manifest with an id that names another folder": "path,mask,slide_id\na.svs,x,../a\n",
    "a manifest with paths that are numbers": {"path": ["a.svs"], "mask": [3]},
}


COLUMNS: dict[str, tuple[str | dict[str, list[Any]], dict[str, Any]]] = {
    "a manifest without a column that goes through": ("path,mask\na.svs,x\n", {"columns": ["fold"]}),
    "a manifest with a cell of another kind": ("path,mask,fold\na.svs,x,b\n", {"columns": {"fold": "integer"}}),
    "a manifest with dates": ({"path": ["a.svs"], "mask": ["x"], "day": [date(2026, 1, 1)]}, {"columns": ["day"]}),
    "a number of a manifest compared with a text": (
        "path,mask,fold\na.svs,x,1\n",
        {"columns": ["fold"], "keep": "fold == 'a'"},
    ),
}

SPLITS: dict[str, dict[str, Any]] = {
    "a split by a column that no table has": {"by": "patient"},
    "a split by a column that a given table lacks too": {"by": "patient", "source": "cases.csv"},
    "a split by a column with empty cells": {"by": "case", "source": "cases.csv"},
    "a split with a part that would be empty": {"by": "slide_id", "parts": "0.98,0.01,0.01"},
    "a stable split with a part that would be empty": {"by": "slide_id", "parts": "0.98,0.02", "stable": True},
    "a split whose parts do not sum to 1": {"parts": "0.7,0.2"},
    "a split with a part that is no number": {"parts": "most,0.2"},
    "a split with too many parts": {"parts": ",".join(["1/30"] * 30)},
    "a split of four parts without names": {"parts": "0.25,0.25,0.25,0.25"},
    "a split with a name twice": {"parts": "0.5,0.5", "names": "train,train"},
    "a split into two folds": {"folds": 2},
    "a split into folds and parts": {"folds": 5, "parts": "0.5,0.5"},
    "a stable split with strata": {"by": "slide_id", "stable": True, "stratify": "path"},
    "a split with a stratum per slide": {"slides": 1001, "by": "slide_id", "stratify": "path"},
    "a split of slides with one name": {"by": "slide_id", "parts": "0.5,0.5"},
    "a split into a folder of another one": {"by": "slide_id", "parts": "0.5,0.5", "slide_names": "slide_id"},
    "a split with a table that names no slides": {"source": "keyless.csv", "by": "patient"},
    "a split with a table that does not exist": {"source": "nope.csv"},
    "a split with a table of equal stems": {"by": "case", "source": "stems.csv"},
    "a split with a table of different rows for a slide": {"by": "case", "source": "twice.csv"},
}
SAMPLES: dict[str, dict[str, Any]] = {
    "a sample without a number": {},
    "a sample of no tiles": {"per_slide": 0},
    "a sample by the classes of two overlays": {
        "per_class": 1,
        "overlays__b": {"path": "b", "classes": {"tumor": [1]}},
    },
    "a sample by the classes of no overlay": {"per_class": 1, CLASSES: {}},
    "a sample by an unknown class": {"per_class": 1, "by": "tissue,tumour"},
    "a sample with a condition on an unknown class": {"per_slide": 1, "where": "tumour > 0.5"},
}


@pytest.fixture(autouse=True)
def study(tmp_path, monkeypatch) -> Path:
    (tmp_path / "slides").mkdir()
    for name in ("a.tiff", "b.tiff"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(document: Any) -> list[str]:
    Path("coverage.yaml").write_text(document if isinstance(document, str) else yaml.safe_dump(document))
    return ["--config", "coverage.yaml"]


def changed(changes: dict[str, Any]) -> dict[str, Any]:
    document = yaml.safe_load(yaml.safe_dump(SETTINGS))
    for path, value in changes.items():
        *sections, field = path.split("__")
        section = document
        for name in sections:
            section = section[name]
        if value is GONE:
            del section[field]
        else:
            section[field] = value
    return document


def with_manifest(content: str | dict[str, list[Any]], **changes: Any) -> list[str]:
    name = "slides.parquet" if isinstance(content, dict) else "slides.csv"
    if isinstance(content, dict):
        pq.write_table(pa.table(content), name)
    else:
        Path(name).write_text(content)
    return written(changed({"slides": name, PATH: {"column": "mask"}, **changes}))


def refused_by_server() -> list[str]:
    with server_errors():
        raise refused(422, {"exception_detail": [{"msg": TOO_LARGE}]})


def swept(output: str = "swept", **options: Any) -> list[str]:
    if not os.path.exists("swept"):
        write_output(Path("swept"), [HandmadeSlide("/s/a.tiff", 1, {"tissue": [0.5]}, [True])])
    if output == "memory://swept":
        fsspec.filesystem("memory").put("swept", "/swept", recursive=True)
    sweep_finished(output, **{"to": None, "step": 0.05, "keep": None, "per_slide_min": 1} | options)
    return []


SWEEPS: dict[str, dict[str, Any]] = {
    "thresholds without distance": {"step": 0},
    "a sweep's least of no tiles": {"per_slide_min": 0},
    "a funnel of an unknown class": {"keep": "tumor > 0.5"},
    "a sweep into a file": {"to": "coverage.yaml"},
    "a sweep into a table": {"to": "swept/tiles"},
    "a sweep over files of others": {"to": "mine"},
    "a sweep of a store without a folder": {"output": "memory://swept"},
    "a sweep of no output": {"output": "nowhere"},
}


def write_finished(slides: int = 2, **changes: Any) -> None:
    """Write an output whose slides have one stem and a tile each, and in it a file of another split."""
    ids = [f"s-{number}" for number in range(slides)]
    Path("output/tiles").mkdir(parents=True, exist_ok=True)
    for one in ids[:2]:
        pq.write_table(pa.table({"slide_id": [one]}), f"output/tiles/{one}.parquet")
    paths = [f"/slides/{number}/s.svs" for number in range(slides)]
    pq.write_table(pa.table({"slide_id": ids, "path": paths}), "output/slides.parquet")
    Path("output/run.json").write_text(json.dumps({"configuration": changed(changes)}))
    Path("output/splits").mkdir(exist_ok=True)
    Path("output/splits/splits_7.csv").touch()


def split_of_output(slides: int = 2, **options: Any) -> Any:
    write_finished(slides)
    Path("cases.csv").write_text("slide_id,case\ns-1,\n")
    Path("keyless.csv").write_text("name,patient\ns,1\n")
    Path("stems.csv").write_text("stem,case\ns,1\n")
    Path("twice.csv").write_text("path,case\n/slides/0/s.svs,1\n/slides/0/s.svs,2\n")
    return split("output", **options)


def sample_of_output(**options: Any) -> Any:
    changes = {name: options.pop(name) for name in list(options) if name.startswith("overlays__")}
    write_finished(**changes)
    return sample("output", **options)


def provocations() -> Iterator[tuple[str, Callable[[], list[str]]]]:
    """Pairs of a name and a function that prepares the files and returns the arguments of the command line."""
    for name, changes in FIELDS.items():
        yield name, lambda changes=changes: written(changed(changes))
    for name, keep in KEEP.items():
        yield name, lambda keep=keep: written(changed({"keep": keep}))
    for name, arguments in OPTIONS.items():
        yield name, lambda arguments=arguments: arguments
    for name, text in FILES.items():
        yield name, lambda text=text: written(text)
    for name, content in MANIFESTS.items():
        yield name, lambda content=content: with_manifest(content)
    for name, (content, changes) in COLUMNS.items():
        yield name, lambda content=content, changes=changes: with_manifest(content, **changes)
    Path("coverage.yaml").touch()
    Path("mine").mkdir(exist_ok=True)
    Path("mine/sweep.csv").touch()
    for name, options in SWEEPS.items():
        yield name, lambda options=options: swept(**options)
    for name, options in SPLITS.items():
        yield name, lambda options=options: split_of_output(**options)
    for name, options in SAMPLES.items():
        yield name, lambda options=options: sample_of_output(**options)
    yield "a file that is a pipe", lambda: os.mkfifo("pipe.yaml") or ["--config", "pipe.yaml"]
    yield "a manifest that is a pipe", lambda: os.mkfifo("pipe.csv") or written(changed({"slides": "pipe.csv"}))
    yield "a credential among the arguments", lambda: ["s3://key:secret@bucket"]
    yield "a URI as file", lambda: ["--config", "s3://key:secret@bucket/coverage.yaml"]
    yield "a text for a section", lambda: ["--tiling", "fine"]
    yield "a configuration that a server does not take", refused_by_server
    yield "a manifest that does not exist", lambda: written(changed({"slides": "nope.csv"}))


@contextmanager
def raised() -> Iterator[set[tuple[str, int]]]:
    """Collect the lines in the rooms that exceptions pass, also of those that pydantic catches."""
    rooms = tuple(str(room) for room in ROOMS)
    lines: set[tuple[str, int]] = set()

    def inside(frame: FrameType, event: str, _: object) -> Any:
        if event == "exception":
            lines.add((frame.f_code.co_filename, frame.f_lineno))
        return inside

    def entered(frame: FrameType, _event: str, _: object) -> Any:
        return inside if frame.f_code.co_filename.startswith(rooms) else None

    before = sys.gettrace()
    sys.settrace(entered)
    try:
        yield lines
    finally:
        sys.settrace(before)


def messages(folder: Path) -> str:
    """All refusals as one text: a name, then its lines, indented."""
    parts = []
    for name, arguments in provocations():
        with pytest.raises(ConfigurationError) as failed:
            read_configuration(arguments())
        parts.append("\n    ".join([name, *failed.value.problems]))
    text = "\n".join(parts).replace(str(folder), "/study") + "\n"
    return re.sub("a{20,}", "aaa", text)  # as many as the folder's name leaves room for


def raises_in_rooms() -> list[tuple[str, int, int]]:
    """File, first and last line of each raise of one of KINDS."""
    found = []
    for file in (file for room in ROOMS for file in sorted(room.glob("*.py"))):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
                kind = node.exc.func
                if (kind.id if isinstance(kind, ast.Name) else getattr(kind, "attr", "")) in KINDS:
                    found.append((str(file), node.lineno, node.end_lineno or node.lineno))
    return found


def test_every_refusal_reads_as_it_was_reviewed(study) -> None:
    found = messages(study)
    if os.environ.get("RATIOPATH_WRITE_MESSAGES"):
        KEPT.write_text(found)
    assert found == KEPT.read_text()


def test_every_raise_is_provoked(study) -> None:
    with raised() as lines:
        messages(study)
    left = [
        f"{Path(file).name}:{first}"
        for file, first, last in raises_in_rooms()
        if not any((file, line) in lines for line in range(first, last + 1))
    ]
    assert left == []


def test_every_refusal_has_a_remedy(study) -> None:
    refusals = [line for line in messages(study).splitlines() if line.startswith("    ")]
    assert [line for line in refusals if not any(mark in line for mark in ("; ", "did you mean", "See --help"))] == []
