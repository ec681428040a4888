"""Heat maps for the benchmarks, and the ways to their statistics in each tile."""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import tifffile

from benchmarks.job import ROIS, SLIDE_MPP, Job
from benchmarks.masks import Mask
from ratiopath.geometry import Mpp
from ratiopath.overlays import TileWindows, open_overlay
from ratiopath.roi import Roi
from ratiopath.statistics.statistic import parse_statistics

OURS = "ours"
TOLERANCE = 1e-6
"""Largest difference, as a share of the range of the map; pyvips computes deviations from sums of squares."""
MOMENTS = ("mean", "min", "max", "std")
ALL = (*MOMENTS, "q95")
Subject = Callable[[Job], np.ndarray]


def probability(ground, rng):
    """Scale a smooth field with grain to 0..255, as a network's output is stored."""
    return np.clip(128 + 60 * ground.texture + rng.normal(0, 8, ground.texture.shape), 0, 255).astype(np.uint8)


def attention(ground, rng):
    """Give each square of 16 px of tissue a number of its own, as attention over patches is painted; 0 elsewhere."""
    squares = np.kron(rng.random((32, 32)), np.ones((16, 16)))
    return np.where(ground.tissue > 0, squares, 0).astype(np.float32)


HEAT_MAPS = (
    Mask("probability", 12_544, 10_048, 2.0, "uint8", "adobe_deflate", probability),
    Mask("attention", 12_544, 10_048, 2.0, "float32", "adobe_deflate", attention),
)


def job_of(heat_map: Mask, shrink: int, cache: Path) -> Job:
    """Write a heat map unless it is cached, and lay a grid over it."""
    return Job.of(heat_map.shrunk(shrink).write(cache))


def _ours(job: Job, names: tuple[str, ...]) -> np.ndarray:
    x, y = job.x.astype(np.float64), job.y.astype(np.float64)
    with open_overlay(str(job.path)) as heat_map:
        windows = TileWindows(x, y, Mpp.of(SLIDE_MPP), Roi(ROIS[job.roi]))
        return heat_map.statistics(windows, parse_statistics(names)).values


def moments(job: Job) -> np.ndarray:
    """Measure mean, minimum, maximum and deviation with the engine."""
    return _ours(job, MOMENTS)


def everything(job: Job) -> np.ndarray:
    """Measure the same and a quantile with the engine."""
    return _ours(job, ALL)


def pyvips_stats(job: Job) -> np.ndarray:
    """Crop each tile and take pyvips' own statistics of it."""
    import pyvips  # noqa: PLC0415 - optional

    image = pyvips.Image.new_from_file(str(job.path))

    def measure(x: int, y: int, width: int, height: int) -> list[float]:
        least, greatest, _, _, mean, deviation = image.crop(x, y, width, height).stats().numpy()[0, :6]
        pixels = width * height
        return [mean, least, greatest, deviation * np.sqrt((pixels - 1) / pixels)]

    return _each(job, measure, (image.width, image.height))


def pyvips_numpy(job: Job) -> np.ndarray:
    """Fetch a pyvips region per tile and measure it with numpy, quantile included."""
    import pyvips  # noqa: PLC0415 - optional

    image = pyvips.Image.new_from_file(str(job.path))
    region, dtype = pyvips.Region.new(image), np.uint8 if image.format == "uchar" else np.float32

    def measure(x: int, y: int, width: int, height: int) -> list[float]:
        pixels = np.frombuffer(region.fetch(x, y, width, height), dtype).astype(np.float64)
        return [pixels.mean(), pixels.min(), pixels.max(), pixels.std(), np.quantile(pixels, 0.95)]

    return _each(job, measure, (image.width, image.height))


def tifffile_numpy(job: Job) -> np.ndarray:
    """Read the map into memory by tifffile; measure slices of it with numpy, quantile included."""
    image = tifffile.imread(job.path, key=0)

    def measure(x: int, y: int, width: int, height: int) -> list[float]:
        pixels = image[y : y + height, x : x + width].astype(np.float64).ravel()
        return [pixels.mean(), pixels.min(), pixels.max(), pixels.std(), np.quantile(pixels, 0.95)]

    return _each(job, measure, image.shape[::-1])


def _each(job: Job, measure: Callable[[int, int, int, int], list[float]], size: tuple[int, int]) -> np.ndarray:
    """Measure each tile by itself, cut to the map."""
    left, top, extent, _ = job.windows()
    rows = []
    for x, y in zip(left.tolist(), top.tolist(), strict=True):
        width, height = min(extent.width, size[0] - x), min(extent.height, size[1] - y)
        rows.append(measure(x, y, width, height))
    return np.array(rows)


SUBJECTS: dict[str, tuple[tuple[str, ...], str | None, Subject]] = {
    f"{OURS}, mean min max std": (MOMENTS, None, moments),
    "pyvips, crop and stats": (MOMENTS, "pyvips", pyvips_stats),
    f"{OURS}, with q95": (ALL, None, everything),
    "pyvips, region and numpy": (ALL, "pyvips", pyvips_numpy),
    "tifffile, whole and numpy": (ALL, None, tifffile_numpy),
}
"""Subjects by name: the statistics, the module that each needs, and the function."""


def subjects() -> dict[str, Subject]:
    """Select the subjects that are installed."""
    return {who: subject for who, (_, module, subject) in SUBJECTS.items() if module is None or find_spec(module)}


def difference(job: Job) -> str | None:
    """Compare some random tiles of every subject with numpy on slices of the whole map; None if all are equal."""
    sample = job.sample()
    expected = tifffile_numpy(sample)
    scale = max(1e-12, float(np.ptp(expected)))
    for who, subject in subjects().items():
        found = subject(sample)
        wrong = np.flatnonzero((np.abs(found - expected[:, : found.shape[1]]) > TOLERANCE * scale).any(axis=1))
        if len(wrong):
            return f"{who}: tile {wrong[0]} has {found[wrong[0]].tolist()}, numpy says {expected[wrong[0]].tolist()}"
    return None
