"""The growth of the flow's cost with slides, tiles and overlay size, on one worker and on two."""

import json
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import pyarrow.parquet as pq
import ray.data

from benchmarks.flow import flow, prepared


@dataclass(frozen=True, slots=True)
class Cost:
    """Cost of a run that recomputes everything; medians."""

    workers: int
    """Number of concurrent Ray tasks."""
    slides: int
    tiles: int
    seconds: float
    overlap_seconds: float
    """Seconds of the task that measures the overlays."""
    bytes_per_tile: float
    """Size of coverage/ and tiles/ per tile, in bytes."""
    driver_mb: float
    """Peak memory of the driver in MB, Prefect and Ray included."""


def costs(mask: Path, slides: int, repeat: int) -> Iterator[Cost]:
    """Run the flow on one worker and on two in turns."""
    with prepared(mask, slides) as study:
        taken: dict[int, list[tuple[float, float]]] = {1: [], 2: []}
        for _ in range(repeat):
            for workers, runs in taken.items():
                with _limited(workers):
                    runs.append((flow(study, previews=False), _overlap_seconds(Path(study.config.output))))
        files = list(Path(study.config.output).glob("*/*.parquet"))
        size = sum(file.stat().st_size for file in files)
        tiles = sum(pq.read_metadata(file).num_rows for file in files if file.parent.name == "coverage")
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
        for workers, runs in taken.items():
            seconds, of_overlaps = (median(spent) for spent in zip(*runs, strict=True))
            yield Cost(workers, slides, tiles, seconds, of_overlaps, size / tiles, peak_mb)


def _overlap_seconds(output: Path) -> float:
    spent: float = json.loads((output / "run.json").read_text())["times"]["seconds_per_task"]["compute overlaps"]
    return spent


@contextmanager
def _limited(workers: int) -> Iterator[None]:
    options = ray.data.DataContext.get_current().execution_options
    options.resource_limits = options.resource_limits.copy(cpu=workers)
    try:
        yield
    finally:
        options.resource_limits = type(options.resource_limits)()
