"""Medians of subjects that take turns, and the memory each needs."""

import multiprocessing
import re
import statistics
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any


def timed(work: Callable[[], object]) -> float:
    """Seconds of one run."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def medians(subjects: Mapping[str, Callable[[], float]], repeat: int, warm_up: int = 1) -> dict[str, float]:
    """The median seconds of each subject; A B C A B C ..., so that a busy moment meets all.

    Args:
        subjects: Each gives the seconds of one run.
        repeat: Runs that count.
        warm_up: Runs before, that do not.
    """
    seconds: dict[str, list[float]] = {name: [] for name in subjects}
    for turn in range(warm_up + repeat):
        for name, subject in subjects.items():
            took = subject()
            if turn >= warm_up:
                seconds[name].append(took)
    return {name: statistics.median(taken) for name, taken in seconds.items()}


def peak_mb(work: Callable[..., object], *arguments: Any) -> float:
    """Memory of a fresh process at the height of a run, above what it had before, in MB (Linux)."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_raised, work, arguments).result()


def _raised(work: Callable[..., object], arguments: tuple[Any, ...]) -> float:
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak is what it is now
    before = _peak_kb()
    work(*arguments)
    return (_peak_kb() - before) / 1000


def _peak_kb() -> int:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(re.search(r"VmHWM:\s*(\d+) kB", status)[1])


def burn() -> float:
    """What two processes do at once, against one: 2 where nothing else runs on two cores."""
    alone = timed(_spin)
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        list(pool.map(len, ["", ""]))  # start both
        both = timed(lambda: [future.result() for future in [pool.submit(_spin), pool.submit(_spin)]])
    return 2 * alone / both


def _spin() -> None:
    sum(range(20_000_000))
