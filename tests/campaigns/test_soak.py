"""Many runs over a changing folder: each processes only the changes, and memory and open files stay bounded.

    RATIOPATH_SOAK=2000x10 pytest -s tests/campaigns/test_soak.py

runs the long form (slides x runs).
"""

import os
import random
import time
from pathlib import Path

import pytest
from watchdog.events import FileOpenedEvent, FileSystemEventHandler
from watchdog.observers.inotify import InotifyObserver

from flows.records.run_record import Summary
from tests.support import study
from tests.support.population import Population, counts, resources

SLIDES, RUNS = map(int, os.environ.get("RATIOPATH_SOAK", "60x4").split("x"))
KEEPS = ("tissue >= 0.5", "tissue >= 0.25 and tumor < 0.9", None)
MORE_MB, MORE_FILES = 100, 20
"""Allowed growth from the second run to the last, for what Ray and Prefect keep."""

pytestmark = pytest.mark.usefixtures("local_ray", "server")


class Opens(FileSystemEventHandler):
    """Records each file of a folder that any process opens, as reported by the kernel."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def on_opened(self, event: FileOpenedEvent) -> None:
        if not event.is_directory:
            self.names.append(os.path.basename(event.src_path))


def run(folder: Path, **changes: object) -> Summary:
    result = study.run(folder, **changes).result(raise_on_failure=False)
    return result if isinstance(result, Summary) else result.summary


def watched_run(population: Population, **changes: object) -> tuple[Summary, list[str]]:
    opens, observer = Opens(), InotifyObserver()
    observer.schedule(opens, str(population.folder))
    observer.start()
    try:
        summary = run(population.folder, **changes)
        time.sleep(1)  # for the last events to arrive
    finally:
        observer.stop()
        observer.join()
    return summary, opens.names


def test_runs_over_a_changing_folder_process_only_its_changes_and_stay_small(tmp_path):
    population = Population(tmp_path / "slides", random.Random(0))  # noqa: S311 - reproducible from a seed
    population.add(SLIDES)
    used = []
    for number in range(RUNS):
        if number:
            population.change(share=0.01)
        began = time.monotonic()
        summary, opened = watched_run(population, keep=KEEPS[number % len(KEEPS)])
        seconds, expected = time.monotonic() - began, population.expected()
        used.append(resources())
        figures = f"{seconds:.1f} s, {len(opened)} opens, {used[-1][0]:.0f} MB, {used[-1][1]} files"
        print(f"run {number}: {figures}, {expected}")  # noqa: T201 - shown by -s

        assert counts(summary) == expected
        assert summary.tiles == 12 * (expected["found"] - expected["put_aside"])
        assert set(opened) <= population.may_be_opened()
        assert len(set(opened)) >= expected["new"] + expected["changed"]
        population.ran()

    assert used[-1][0] < used[1][0] + MORE_MB
    assert used[-1][1] < used[1][1] + MORE_FILES
    keep = KEEPS[(RUNS - 1) % len(KEEPS)]
    run(population.folder, keep=keep, gone="drop")
    run(population.folder, keep=keep, output=str(tmp_path / "fresh"))
    assert study.contents(tmp_path / "output") == study.contents(tmp_path / "fresh")
