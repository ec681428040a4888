"""A study for tests: a folder of tiny slides with masks, as real files, and its configuration."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import tifffile
import yaml
from prefect.client.schemas.objects import State

from flows.config.model import CoverageConfig
from flows.pipeline import coverage
from schemas.failures import FAILURES
from schemas.table import checked
from tests.support.layouts import LAYOUTS, Raster

TASKS = (
    "select slides",
    "discover slides",
    "tile slides",
    "derive overlay paths",
    "compute overlaps",
    "filter by coverage",
    "draw previews",
    "find gone slides",
)
"""Names of the tasks in order."""
SIZE = (48, 64)
"""(rows, columns) of a slide at 0.5 µm/px: 12 tiles of 16 x 16."""
FIRST_LINE = "coverage: reading the configuration\n"
"""Printed by the command before anything slow."""
MASK_SIZE = (24, 32)
"""(rows, columns) of a mask at 1 µm/px."""


def write_slide(path: Path, *, mpp: tuple[float, float] = (0.5, 0.5), size: tuple[int, int] = SIZE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    LAYOUTS["deflate"].write(path, Raster((pixels,), mpp))
    return path


def write_slide_without_mpp(path: Path) -> Path:
    tifffile.imwrite(path, np.zeros((*SIZE, 3), np.uint8), tile=(16, 16), photometric="rgb", metadata=None)
    return path


def write_mask(path: Path, labels: np.ndarray, mpp: float = 1.0) -> np.ndarray:
    path.parent.mkdir(parents=True, exist_ok=True)
    LAYOUTS["deflate"].write(path, Raster((labels,), (mpp, mpp)))
    return labels


def random_labels(seed: int, values: tuple[int, ...], size: tuple[int, int] = MASK_SIZE) -> np.ndarray:
    return np.random.default_rng(seed).choice(np.array(values, dtype=np.uint8), size)


def truncate(path: Path, keep: float = 0.6) -> Path:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])
    return path


def write_study(folder: Path, *names: str) -> None:
    """Write a slide NAME.tiff, a binary NAME_tissue.tiff and a three-class NAME_classes.ome.tiff for each name."""
    for seed, name in enumerate(names):
        write_slide(folder / f"{name}.tiff")
        write_mask(folder / f"{name}_tissue.tiff", random_labels(seed, (0, 255)))
        labels = random_labels(seed + 100, (0, 1, 2, 3))
        layout = replace(LAYOUTS["ome"], tile=(16, 16))
        layout.write(folder / f"{name}_classes.ome.tiff", Raster((labels,), (1.0, 1.0)))


def settings(folder: Path, **changes: Any) -> dict[str, Any]:
    """Return the configuration of a study as a YAML file would hold it."""
    return {
        "slides": str(folder),
        "output": str(folder.parent / "output"),
        "tiling": {"mpp": 0.5, "tile_extent": 16},
        "overlays": {
            "tissue": {"path": "{dir}/{stem}_tissue.tiff", "classes": {"tissue": [255]}},
            "annotation": {"path": "{dir}/{stem}_classes.ome.tiff", "classes": {"tumor": [1, 2], "stroma": [3]}},
        },
        "keep": "tissue >= 0.5",
        "previews": False,
        **changes,
    }


def write_settings(path: Path, document: Any) -> str:
    """Write a configuration, text or a document, and return its path."""
    path.write_text(document if isinstance(document, str) else yaml.safe_dump(document, sort_keys=False))
    return str(path)


def configured(folder: Path, **changes: Any) -> CoverageConfig:
    return CoverageConfig.model_validate(settings(folder, **changes))


def run(folder: Path, **changes: Any) -> State:
    return coverage(configured(folder, **changes), return_state=True)


def failures(output: Path) -> dict[str, tuple[str, str, str]]:
    table = checked(pq.read_table(output / "failures.parquet"), FAILURES)
    return {os.path.basename(row["path"]): (row["stage"], row["error"], row["message"]) for row in table.to_pylist()}


def names(output: Path, table: str) -> set[str]:
    """Return the file names of the slides in a table."""
    return {os.path.basename(path) for path in pq.read_table(output / table)["path"].to_pylist()}


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.parquet")}
