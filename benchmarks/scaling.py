"""How the flow's cost grows: with slides, tiles and overlay size, on one worker and on two."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
import ray.data

from benchmarks.flow import flow, prepared


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one run, everything computed anew."""

    workers: int
    """Ray tasks at a time."""
    slides: int
    tiles: int
    seconds: float
    bytes_per_tile: float
    """Of coverage/ and tiles/ together."""
    driver_mb: float
    """The largest the driver has been, Prefect and Ray included."""


def costs(mask: Path, slides: int) -> Iterator[Cost]:
    """Run the flow once to warm up, then on one worker and on two."""
    with prepared(mask, slides) as study:
        flow(study, previews=False)
        for workers in (1, 2):
            with _limited(workers):
                seconds = flow(study, previews=False)
            files = list(Path(study.config.output).glob("*/*.parquet"))
            size = sum(file.stat().st_size for file in files)
            tiles = sum(pq.read_metadata(file).num_rows for file in files if file.parent.name == "coverage")
            peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
            yield Cost(workers, slides, tiles, seconds, size / tiles, peak_mb)


@contextmanager
def _limited(workers: int) -> Iterator[None]:
    options = ray.data.DataContext.get_current().execution_options
    options.resource_limits = options.resource_limits.copy(cpu=workers)
    try:
        yield
    finally:
        options.resource_limits = type(options.resource_limits)()
