"""Refusals of the configuration, the command line and the inputs, each provoked once and kept in messages.txt.

RATIOPATH_WRITE_MESSAGES=1 pytest tests/flows/test_messages.py        writes the file anew, for review in the diff
"""

import ast
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

import flows
from flows.cli.options import read_configuration
from flows.cli.prefect_server import server_errors
from flows.config.errors import ConfigurationError
from tests.support.answers import TOO_LARGE, refused
from tests.support.refused_settings import COLUMNS, FIELDS, FILES, KEEP, MANIFESTS, OPTIONS, PATH, changed
from tests.support.refused_verbs import refused_verbs

KEPT = Path(__file__).with_name("messages.txt")
ROOMS = [Path(flows.__path__[0]) / room for room in ("cli", "config", "inputs", "analysis", "exports")]
KINDS = {"ConfigurationError", "ConstructorError", "RoiError", "ValueError"}
"""Errors whose every raise in the rooms is provoked."""


@pytest.fixture(scope="module")
def provoked(tmp_path_factory) -> tuple[str, set[tuple[str, int]]]:
    """Text of all refusals, and the lines in the rooms that exceptions passed."""
    folder = tmp_path_factory.mktemp("study")
    (folder / "slides").mkdir()
    for name in ("a.tiff", "b.tiff"):
        (folder / name).touch()
    with pytest.MonkeyPatch.context() as patch, raised() as lines:
        patch.chdir(folder)
        return messages(folder), lines


def written(document: Any) -> list[str]:
    Path("coverage.yaml").write_text(document if isinstance(document, str) else yaml.safe_dump(document))
    return ["--config", "coverage.yaml"]


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
    yield from refused_verbs()
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
    for file in (file for room in ROOMS for file in sorted(room.rglob("*.py"))):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
                kind = node.exc.func
                if (kind.id if isinstance(kind, ast.Name) else getattr(kind, "attr", "")) in KINDS:
                    found.append((str(file), node.lineno, node.end_lineno or node.lineno))
    return found


def test_every_refusal_reads_as_it_was_reviewed(provoked) -> None:
    found, _ = provoked
    if os.environ.get("RATIOPATH_WRITE_MESSAGES"):
        KEPT.write_text(found)
    assert found == KEPT.read_text()


def test_every_raise_is_provoked(provoked) -> None:
    _, lines = provoked
    left = [
        f"{Path(file).name}:{first}"
        for file, first, last in raises_in_rooms()
        if not any((file, line) in lines for line in range(first, last + 1))
    ]
    assert left == []


def test_every_refusal_has_a_remedy(provoked) -> None:
    refusals = [line for line in provoked[0].splitlines() if line.startswith("    ")]
    assert [line for line in refusals if not any(mark in line for mark in ("; ", "did you mean", "See --help"))] == []
