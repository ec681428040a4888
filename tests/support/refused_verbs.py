"""Arguments of verbs over finished tables that are refused, by what is wrong with them."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

from flows.analysis.status import read_status
from flows.analysis.thresholds.sweep_output import sweep_finished
from flows.cli.verbs.inspect import inspect
from flows.cli.verbs.sample import sample
from flows.cli.verbs.split import split
from schemas.slides import SLIDES
from tests.support.finished import HandmadeSlide, write_output
from tests.support.refused_exports import refused_exports
from tests.support.refused_settings import CLASSES, changed

SPLITS: dict[str, dict[str, Any]] = {
    "a split by a column that no table has": {"by": "patient"},
    "a split by a column that a given table lacks too": {"by": "patient", "source": "cases.csv"},
    "a split by a table whose URI has a password": {"by": "case", "source": "s3://key:secret@bucket/cases.csv"},
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


def swept(output: str = "swept", **options: Any) -> list[str]:
    if not os.path.exists("swept"):
        write_output(Path("swept"), [HandmadeSlide("/s/a.tiff", 1, {"tissue": [0.5]}, [True])])
    if output == "memory://swept":
        fsspec.filesystem("memory").put("swept", "/swept", recursive=True)
    sweep_finished(output, **{"to": None, "step": 0.05, "keep": None, "per_slide_min": 1} | options)
    return []


def write_finished(slides: int = 2, **changes: Any) -> None:
    """Write an output whose slides have one stem and a tile each, and in it a file of another split."""
    ids = [f"s-{number}" for number in range(slides)]
    Path("output/tiles").mkdir(parents=True, exist_ok=True)
    for one in ids[:2]:
        pq.write_table(pa.table({"slide_id": [one]}), f"output/tiles/{one}.parquet")
    paths = [f"/slides/{number}/s.svs" for number in range(slides)]
    own = {"slide_id": ids, "path": paths}
    ones = {column.name: pa.array([1] * slides, column.type) for column in SLIDES.arrow if column.name not in own}
    pq.write_table(pa.table({**own, **ones}), "output/slides.parquet")
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


def refused_verbs() -> Iterator[tuple[str, Callable[[], Any]]]:
    """Pairs of a name and a function that is refused."""
    Path("coverage.yaml").touch()
    Path("mine").mkdir(exist_ok=True)
    Path("mine/sweep.csv").touch()
    for name, options in SWEEPS.items():
        yield name, lambda options=options: swept(**options)
    for name, options in SPLITS.items():
        yield name, lambda options=options: split_of_output(**options)
    for name, options in SAMPLES.items():
        yield name, lambda options=options: sample_of_output(**options)
    yield "an inspection of a URI with a password", lambda: inspect("s3://key:secret@bucket/a.tiff")
    yield "the status of no output", lambda: read_status("nowhere")
    yield from refused_exports()
