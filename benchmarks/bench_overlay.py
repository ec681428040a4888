"""Overlap columns against the decode floor and against peers: `python benchmarks/bench_overlay.py --help`.

One run, subjects in turn (A B C A B C ...), medians, ratios to the floor. Before anything is timed, 200 random tiles
are compared with np.unique; a difference ends the run with exit code 1. Peers are measured where they are installed.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import ray
import shapely
import tifffile
from masks import MASKS
from subjects import TILE, Job, available, ours

ROIS = {"box": shapely.box(0, 0, TILE, TILE), "circle": shapely.Point(TILE / 2, TILE / 2).buffer(TILE / 2)}
CHECKED = 200


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a table per mask, ROI and stride."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--masks", nargs="+", choices=MASKS, default=["binary", "classes", "noisy", "nuclei"])
    parser.add_argument("--rois", nargs="+", choices=ROIS, default=list(ROIS))
    parser.add_argument("--strides", nargs="+", type=int, default=[TILE], help="pixels between tiles")
    parser.add_argument("--repeat", type=int, default=5, help="runs of each subject")
    parser.add_argument("--tiles", type=int, help="only the first tiles of the grid")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "ratiopath-benchmarks")
    given = parser.parse_args(arguments)

    ray.init(include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    ray.data.DataContext.get_current().enable_progress_bars = False
    for name in given.masks:
        path = MASKS[name].write(given.cache)
        for roi in given.rois:
            for stride in given.strides:
                job = Job.of(path, ROIS[roi], stride, given.tiles)
                if not equals_numpy(job):
                    print(f"{name} {roi} {stride}: counts differ from np.unique")
                    return 1
                print(f"\n{name}, {roi}, stride {stride}: {len(job.x):,} tiles, {path.stat().st_size / 1e6:.1f} MB")
                show(measured(job, given.repeat), len(job.x))
    return 0


def equals_numpy(job: Job) -> bool:
    """Whether the counts of some random tiles are those of np.unique on slices of the whole mask."""
    image = tifffile.imread(job.path, key=0)
    chosen = np.random.default_rng(0).permutation(len(job.x))[:CHECKED]
    some = Job(job.path, job.roi, job.x[chosen], job.y[chosen])
    left, top, extent, inside = some.windows()
    found = ours(some)
    for tile, (x, y) in enumerate(zip(left, top, strict=True)):
        pixels = image[y : y + extent.height, x : x + extent.width]
        if inside is not None:
            pixels = pixels[inside[: pixels.shape[0], : pixels.shape[1]]]
        values, counts = np.unique(pixels, return_counts=True)
        expected = np.zeros(256, dtype=np.int64)
        expected[values] = counts
        if not np.array_equal(found[tile], expected):
            return False
    return True


def measured(job: Job, repeat: int) -> dict[str, float]:
    """Median seconds of each subject, after one run that does not count."""
    subjects = available()
    seconds: dict[str, list[float]] = {name: [] for name in subjects}
    for turn in range(repeat + 1):
        for name, subject in subjects.items():
            took = timed(subject, job)
            if turn:
                seconds[name].append(took)
    return {name: statistics.median(taken) for name, taken in seconds.items()}


def timed(subject: Callable[[Job], object], job: Job) -> float:
    """Seconds of one run."""
    began = time.perf_counter()
    subject(job)
    return time.perf_counter() - began


def show(medians: dict[str, float], tiles: int) -> None:
    """Print a row per subject."""
    floor = medians["decode floor"]
    print(f"{'':22s} {'seconds':>8s} {'x floor':>8s} {'tiles/s':>10s}")
    for name, seconds in sorted(medians.items(), key=lambda row: row[1]):
        print(f"{name:22s} {seconds:8.3f} {seconds / floor:8.2f} {tiles / seconds:10,.0f}")


if __name__ == "__main__":
    sys.exit(main())
