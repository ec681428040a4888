"""Whole runs over slides and overlays that claim gigabytes: no process of a run takes one."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml

from tests.support.disturbed import command, descendants, kill
from tests.support.handmade import page_of, write
from tests.support.lying import BULKY, LIES, write_lie
from tests.support.study import failures, names

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="reads the peaks of the processes' memory as Linux gives them"),
    pytest.mark.timeout(1200),
]
MAX_BYTES = 1 << 30
PERIOD = 0.05
"""Seconds between two looks at the processes; Linux keeps the peak of each."""
REFUSED_AS_SLIDES = {"wide", "tall", "giant", "giant-in-tiles"}
"""Lies about the size itself, for which there would be too many tiles; the pixels of a slide are not measured."""
CONFIGURATION = {
    "tiling": {"mpp": 1.0, "tile_extent": 1024},
    "overlays": {"tissue": {"path": "{dir}/{stem}_tissue.tiff", "classes": {"tissue": [0]}, "align": "mpp"}},
    "keep": "tissue >= 0.5",
}


@dataclass
class Peaks:
    """Memory of the processes of a run."""

    of_each: dict[str, int] = field(default_factory=dict)
    """Largest resident size of each process, in bytes, by its number and command."""
    together: int = 0
    """Largest sum of their anonymous memory at one time, in bytes."""

    def look(self, pid: int) -> None:
        total = 0
        for one in (pid, *descendants(pid)):
            try:
                text = Path(f"/proc/{one}/status").read_text(encoding="utf-8")
            except OSError:
                continue  # it has ended
            numbers = {
                name: int(value.split()[0]) << 10 for name, value in _lines(text) if name in {"VmHWM", "RssAnon"}
            }
            if numbers:  # a process that ends has none
                self.of_each[f"{one} {command(one)[:80]}"] = numbers["VmHWM"]
                total += numbers["RssAnon"]
        self.together = max(self.together, total)


def _lines(status: str) -> Iterator[tuple[str, str]]:
    for line in status.splitlines():
        name, _, value = line.partition(":")
        yield name, value


@dataclass(frozen=True)
class Run:
    """A run that has ended."""

    code: int
    errors: str
    output: Path
    peaks: Peaks


def run(study: Path) -> Run:
    """Run the flow over a study in processes of its own, and watch their memory."""
    output = study / "output"
    settings = {**CONFIGURATION, "slides": str(study / "slides"), "exclude": ["*_tissue.tiff"], "output": str(output)}
    (study / "coverage.yaml").write_text(yaml.safe_dump(settings))
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "RAY_"))}
    process = subprocess.Popen(
        [sys.executable, "-m", "flows.coverage", "--config", str(study / "coverage.yaml")],
        env={**kept, "PREFECT_HOME": str(study / "home")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    peaks = Peaks()

    def watch() -> None:
        while process.poll() is None:
            peaks.look(process.pid)
            time.sleep(PERIOD)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        _, errors = process.communicate(timeout=900)
    finally:
        for pid in (*descendants(process.pid), process.pid):
            kill(pid)
        watcher.join()
    return Run(process.returncode, errors, output, peaks)


def honest(path: Path) -> None:
    write(path, page_of(np.zeros((64, 64), np.uint8)))


@pytest.fixture(scope="module")
def baseline(tmp_path_factory) -> Run:
    """A run over honest files, as many as there are lies."""
    study = tmp_path_factory.mktemp("honest")
    (study / "slides").mkdir()
    for name in ("honest", *[f"slide-{name}" for name in LIES], *[f"overlay-{name}" for name in LIES]):
        honest(study / "slides" / f"{name}.tiff")
        honest(study / "slides" / f"{name}_tissue.tiff")
    return run(study)


@pytest.fixture(scope="module")
def lying(tmp_path_factory) -> Run:
    """A run over every lie as a slide and as an overlay, and one honest slide."""
    study = tmp_path_factory.mktemp("lying")
    (study / "slides").mkdir()
    honest(study / "slides" / "honest.tiff")
    honest(study / "slides" / "honest_tissue.tiff")
    for name in (*LIES, *BULKY):
        write_lie(study / "slides" / f"slide-{name}.tiff", name)
        honest(study / "slides" / f"slide-{name}_tissue.tiff")
        honest(study / "slides" / f"overlay-{name}.tiff")
        write_lie(study / "slides" / f"overlay-{name}_tissue.tiff", name)
    return run(study)


def test_honest_files_are_measured(baseline) -> None:
    assert baseline.code == 0, baseline.errors


def test_the_run_ends_with_slides_put_aside(lying) -> None:
    assert lying.code == 3, lying.errors


def test_no_process_takes_a_gigabyte(lying) -> None:
    assert {process: peak for process, peak in lying.peaks.of_each.items() if peak >= MAX_BYTES} == {}


def test_the_run_takes_less_than_a_gigabyte_more_than_over_honest_files(baseline, lying) -> None:
    assert lying.peaks.together - baseline.peaks.together < MAX_BYTES


def test_the_peaks_are_those_of_the_driver_and_the_workers(lying) -> None:
    assert sum("ray::" in process for process in lying.peaks.of_each) >= 2
    assert any("flows.coverage" in process for process in lying.peaks.of_each)


@pytest.mark.parametrize("name", LIES)
def test_the_slide_of_an_overlay_that_lies_is_put_aside(name, lying) -> None:
    stage, error, _ = failures(lying.output)[f"overlay-{name}.tiff"]
    assert stage in {"derive overlay paths", "compute overlaps"}
    assert error in {"UnsupportedImageError", "TruncatedError"}


@pytest.mark.parametrize("name", REFUSED_AS_SLIDES)
def test_a_slide_that_lies_about_its_size_is_put_aside(name, lying) -> None:
    stage, error, _ = failures(lying.output)[f"slide-{name}.tiff"]
    assert stage in {"discover slides", "tile slides"}
    assert error in {"UnsupportedImageError", "TruncatedError"}


def test_a_slide_of_a_million_tiles_is_in_the_tables(lying) -> None:
    assert 1_000_000 in {pq.read_metadata(file).num_rows for file in (lying.output / "coverage").iterdir()}


def test_honest_slides_are_in_the_tables(lying) -> None:
    expected = {"honest.tiff", *[f"overlay-{name}.tiff" for name in BULKY]}
    assert expected <= names(lying.output, "coverage")
    assert expected <= names(lying.output, "tiles")


def test_every_slide_is_in_the_tables_or_put_aside(lying) -> None:
    found = pq.read_table(lying.output / "slides.parquet", columns=["path"])["path"].to_pylist()
    known = {os.path.basename(path) for path in found} | set(failures(lying.output))
    assert known == {
        "honest.tiff",
        *[f"{role}-{name}.tiff" for role in ("slide", "overlay") for name in (*LIES, *BULKY)],
    }
