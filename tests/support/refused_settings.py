"""Configurations, files and manifests that are refused, by what is wrong with them."""

from datetime import date
from typing import Any

import yaml

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
    "a password in slides": {"slides": "s3://key:secret@bucket/slides"},
    "a password in the folder of slides": {"slides": "s3://bucket/key:secret@slides"},
    "an unknown option of slides": {"slides": "s3://bucket/slides?client_secret=abc"},
    "a URI in the path of slides": {"slides": "slides/s3://bucket/slides"},
    "slides with file://": {"slides": "file:///slides"},
    "slides on a store that nothing reads": {"slides": "nowhere://bucket/slides"},
    "slides on a web server without their names": {"slides": "https://example.org/slides/"},
    "a folder of a store that is absent": {"slides": "memory://nothing/there"},
    "a glob on a store that matches nothing": {"slides": "memory://nothing/*.tiff"},
    "a URI as exclude": {"exclude": ["s3://bucket/slides/old"]},
    "a glob that walks again and again": {"slides": "**/a/**/b/**/c/**/d/**/*.svs"},
    "a password in the output": {"output": "s3://key:secret@bucket/out"},
    "an unknown option of the output": {"output": "s3://bucket/out?client_secret=abc"},
    "an option in the name of a folder": {"output": "out?x=abc"},
    "a connection string as output": {"output": "AccountName=a;AccountKey=b"},
    "a path that is too long": {"output": "a" * 5000},
    "a tile of a million million pixels": {"tiling__tile_extent": 10**12},
    "a level with many digits": {"tiling": {"level": "9" * 30, "tile_extent": 1}},
    "memory with many digits": {"resources": {"discover_slides": {"memory": "9" * 30}}},
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
    "a template with a field as bucket": {PATH: "s3://{stem}/mask.tiff"},
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
    "a request without CPUs": {"resources": {"discover_slides": {"num_cpus": 0}}},
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
    "a manifest with a password": "path,mask\ns3://key:secret@bucket/a.svs,b\n",
    "a manifest with too many cells": "path,mask\na.svs,b,c\n",
    "a manifest with an mpp that is a word": "path,mask,mpp\na,b,fine\n",
    "a manifest with a column twice": "path,mask,mask\na.svs,x,y\n",
    "a manifest with two rows for a slide": "path,mask\na.svs,x\na.svs,y\n",
    "a manifest with an open quote": 'path,mask\n"a,b\n',
    "a manifest with two slides of one id": "path,mask,slide_id\na.svs,x,A\nb.svs,y,a\n",
    "a manifest with an id that is reserved": "path,mask,slide_id\na.svs,x,empty\n",
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
    "a text of a manifest ordered in an export": (
        "path,mask,fold\na.svs,x,b\n",
        {"columns": ["fold"], "exports": {"csv": {"where": "fold > 0"}}},
    ),
}


def changed(changes: dict[str, Any], settings: dict[str, Any] = SETTINGS) -> dict[str, Any]:
    """Return a copy of settings in which `a__b` names field b of section a; GONE removes it."""
    document = yaml.safe_load(yaml.safe_dump(settings))
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
