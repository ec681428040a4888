"""Suites of many slides, each run in a process of its own: time and memory of the flow, and files that it opens."""

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks.cohort import Cohort
from benchmarks.driver import Run, environment, run
from benchmarks.options import DifferenceError, Options
from benchmarks.simulated import simulate
from benchmarks.timing import medians

COLUMNS = "slides", "run", "seconds", "ms a slide", "files opened a slide", "driver, MB"


def cohorts(options: Options) -> None:
    """Run the flow on small slides, all new and then all unchanged; with several numbers, print the growth a slide."""
    _print_header()
    costs: dict[str, list[tuple[int, Run]]] = {}
    for number in options.numbers(3_000):
        with _cohort() as cohort:
            cohort.write(number)
            config = cohort.configure(previews=False)
            for status, make in {"new": partial(_remove, cohort.output), "unchanged": _nothing}.items():
                cost = _median(cohort, config, {status: number}, options.repeat, make)
                _print_row(number, status, cost)
                costs.setdefault(status, []).append((number, cost))
    for status, ((few, at_few), *_, (many, at_many)) in ((who, of) for who, of in costs.items() if len(of) > 1):
        ms = (at_many.seconds - at_few.seconds) / (many - few) * 1e3
        mb = (at_many.driver_mb - at_few.driver_mb) / (many - few)
        print(f"| {few:,} to {many:,} | {status}, each more | | {ms:.2f} | | {mb:.4f} |", flush=True)


def index(options: Options) -> None:
    """Run the flow on an output of very many slides that is simulated, with pictures, and in which all is done."""
    _print_header()
    for number in options.numbers(100_000):
        with _cohort() as cohort:
            config = simulate(cohort, number)
            _print_row(number, "simulated", _median(cohort, config, {"unchanged": number}, options.repeat, _nothing))


def sample(options: Options) -> None:
    """Run the README's first command, which makes a sample of two slides, in an environment that has run it before."""
    with tempfile.TemporaryDirectory() as folder:
        taken = medians({"sample": partial(_sample, folder)}, options.repeat)
    print(f"\n| command | seconds |\n|---|---|\n| `python -m flows.coverage`, sample | {taken['sample']:.1f} |")


def _sample(folder: str) -> float:
    shutil.rmtree(Path(folder, "coverage-sample"), ignore_errors=True)
    command, began = [sys.executable, "-m", "flows.coverage", "-q"], time.perf_counter()
    subprocess.run(command, cwd=folder, env=environment(), check=True)
    return time.perf_counter() - began


@contextmanager
def _cohort() -> Iterator[Cohort]:
    with tempfile.TemporaryDirectory() as folder:
        yield Cohort(Path(folder))


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


def _nothing() -> None:
    pass


def _median(cohort: Cohort, config: Path, counts: Mapping[str, int], repeat: int, make: Callable[[], None]) -> Run:
    """Run several times and return the median of each figure.

    Raises:
        DifferenceError: A run counts other slides.
    """
    runs = []
    for _ in range(repeat):
        make()
        runs.append(run(cohort, config))
        found = {status: runs[-1].counts[status] for status in counts}
        if found != counts:
            raise DifferenceError(f"a run over {counts} has counted {found}")
    figures = (median(getattr(one, name) for one in runs) for name in ("seconds", "driver_mb", "opened"))
    return Run(*figures, runs[-1].counts)


def _print_header() -> None:
    print(f"\n| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}")


def _print_row(number: int, what: str, cost: Run) -> None:
    ms, opened = cost.seconds / number * 1e3, cost.opened / number
    row = f"{number:,}", what, f"{cost.seconds:.2f}", f"{ms:.2f}", f"{opened:.3g}", f"{cost.driver_mb:.0f}"
    print(f"| {' | '.join(row)} |", flush=True)
