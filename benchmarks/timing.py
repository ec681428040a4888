"""Timing of subjects that take turns, and their peak memory."""

import multiprocessing
import re
import statistics
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any


def timed(work: Callable[[], object]) -> float:
    """Time one run in seconds."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def medians(subjects: Mapping[str, Callable[[], float]], repeat: int, warm_up: int = 1) -> dict[str, float]:
    """Measure the median seconds of each subject; A B C A B C ..., so that a busy moment affects all.

    Args:
        subjects: Functions that return the seconds of one run.
        repeat: Number of runs that count.
        warm_up: Number of runs before that do not count.
    """
    seconds: dict[str, list[float]] = {name: [] for name in subjects}
    for turn in range(warm_up + repeat):
        for name, subject in subjects.items():
            took = subject()
            if turn >= warm_up:
                seconds[name].append(took)
    return {name: statistics.median(taken) for name, taken in seconds.items()}


def peak_mb(work: Callable[..., object], *arguments: Any) -> float:
    """Measure the peak memory of a run above its start, in a fresh process, in MB (Linux)."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_raised, work, arguments).result()


def _raised(work: Callable[..., object], arguments: tuple[Any, ...]) -> float:
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # resets the peak
    before = peak_kb()
    work(*arguments)
    return (peak_kb() - before) / 1000


def peak_kb() -> int:
    """Read the peak resident memory of this process, in kB (Linux)."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(re.search(r"VmHWM:\s*(\d+) kB", status)[1])


def burn() -> float:
    """Measure the throughput of two processes relative to one: 2 on two idle cores."""
    alone = timed(_spin)
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        list(pool.map(len, ["", ""]))  # start both
        both = timed(lambda: [future.result() for future in [pool.submit(_spin), pool.submit(_spin)]])
    return 2 * alone / both


def _spin() -> None:
    sum(range(20_000_000))
