"""A state index that is torn, stale, lies, or is another's: runs end as they do without it, and as from scratch.

    RATIOPATH_FAULTS=20 pytest tests/campaigns/test_index_faults.py --timeout 0

runs the long form: 20 walks of each kind.
"""

import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from subprocess import Popen
from typing import Any

import pytest

from flows.records.provenance import read_metadata
from flows.storage.workspace import STATE, Workspace
from flows.tasks.select_slides import parts_of
from tests.support.changing_study import ChangingStudy, Kind
from tests.support.disturbed import SECONDS, chance, driver, log, visible
from tests.support.disturbed_index import FOLDERS, DisturbedIndex
from tests.support.study import random_labels, run, write_mask, write_study

SEEDS = range(int(os.environ.get("RATIOPATH_FAULTS", "1")))
STEPS = 2
"""Runs of a walk."""

pytestmark = pytest.mark.usefixtures("local_ray", "server")


def published(output: Path) -> dict[str, bytes]:
    """Return the tables, pictures and masks of an output."""
    paths = [*output.glob("*.parquet"), *(path for name in FOLDERS[1:] for path in (output / name).rglob("*"))]
    return {str(path.relative_to(output)): path.read_bytes() for path in paths if path.is_file()}


def outcome(study: ChangingStudy, output: Path) -> dict[str, Any]:
    """Run, and return what is published with the record of the run, without its times."""
    counts = asdict(study.run(output))
    record = json.loads((output / "run.json").read_text()) | {"times": None}
    return {"counts": counts, "run.json": record, **published(output)}


def different(found: dict[str, Any], expected: dict[str, Any]) -> list[str]:
    return sorted(name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name))


def remove_strays(output: Path) -> None:
    """Remove the tables that runs leave where they are, and ask to remove: copies, and what may not be theirs."""
    for path in (path for folder in ("coverage", "tiles") for path in (output / folder).iterdir()):
        provenance = read_metadata(str(path), Workspace.at(str(output))).provenance
        if provenance is None or provenance.slide.slide_id != path.stem:
            path.unlink()


@contextmanager
def away(output: Path) -> Iterator[Path]:
    """Move an output away for a block, and yield where it is."""
    kept = output.rename(output.with_name("kept"))
    yield kept
    shutil.rmtree(output)
    kept.rename(output)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", ["folder", "manifest", "detected"])
def test_runs_end_as_they_do_without_the_index(tmp_path, monkeypatch, kind: Kind, seed) -> None:
    monkeypatch.setattr(sys.modules[parts_of.__module__], "SLIDES_PER_PART", 2)
    rng = chance(f"index {kind} {seed}")
    study, output, other = ChangingStudy(tmp_path / "study", kind, rng), tmp_path / "output", tmp_path / "other"
    for place, keep in ((other, "tissue >= 0.25"), (output, "tissue >= 0.5")):
        study.settings["keep"] = keep
        study.run(place)
    index, done = DisturbedIndex(output, other, rng), []
    for _ in range(STEPS):
        done.append((index.disturb(), study.change()))
        settings = dict(study.settings)
        with away(output) as kept:
            shutil.copytree(kept, output, ignore=shutil.ignore_patterns(STATE))
            expected = outcome(study, output)
        study.settings = settings
        assert different(outcome(study, output), expected) == [], done
    study.settings |= {"gone": "drop", "previews": True}
    remove_strays(output)
    study.run(output)
    found = published(output)
    with away(output):
        study.run(output)
        assert different(found, published(output)) == [], done


def index_of(output: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (output / STATE).glob("*.index")}


@contextmanager
def writing_the_index(folder: Path, output: Path) -> Iterator[Popen[bytes]]:
    """Run the flow in its own process, and hand it over when it has added to the index."""
    before = set(index_of(output))
    with driver(folder, output) as process:
        limit = time.monotonic() + SECONDS
        while not {path.name for path in (output / STATE).glob("*.index")} - before:
            assert process.poll() is None, log(output).read_text()
            assert time.monotonic() < limit
            time.sleep(0.001)
        yield process


@pytest.fixture(params=["none", "old"])
def folder(request, tmp_path) -> Path:
    """Slides whose output has no index yet, or an old one."""
    folder = tmp_path / "slides"
    folder.mkdir()
    write_study(folder, "a", "b", "c")
    if request.param == "old":
        run(folder)
        write_mask(folder / "b_tissue.tiff", random_labels(7, (0, 255)))
    return folder


@pytest.mark.parametrize("seed", SEEDS)
def test_a_driver_that_is_killed_while_it_writes_the_index_costs_no_work(folder, output, tmp_path, seed) -> None:
    with writing_the_index(folder, output) as process:
        time.sleep(chance(f"kill {seed}").uniform(0, 0.1))
        process.kill()
        process.wait()
    assert run(folder).result().unchanged == 3
    assert len(index_of(output)) == 1
    run(folder, output=str(tmp_path / "fresh"))
    assert visible(output) == visible(tmp_path / "fresh")


def test_the_second_of_two_runs_leaves_the_index_alone(folder, output) -> None:
    with writing_the_index(folder, output) as first:
        first.send_signal(signal.SIGSTOP)
        before = index_of(output)
        try:
            state = run(folder)
        finally:
            first.send_signal(signal.SIGCONT)
        after = index_of(output)
        assert first.wait(SECONDS) == 0, log(output).read_text()
    assert "another run is writing to" in state.message or state.result().unchanged == 3  # or it ends after the first
    assert "another run is writing to" not in state.message or after == before
    assert run(folder).result().unchanged == 3
