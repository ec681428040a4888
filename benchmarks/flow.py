"""The whole flow on large slides, with pictures and without, and the bare column expression on the same tiles."""

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, repeat
from pathlib import Path

import numpy as np
import pyarrow as pa
import ray.data
import tifffile
from ray.data.expressions import col

from benchmarks.job import ROIS, SLIDE_MPP, TILE, Job
from benchmarks.timing import timed
from flows.cli.prefect_server import Server
from flows.config.model import CoverageConfig
from flows.execution.ray_runtime import ensure_ray
from flows.pipeline import coverage
from ratiopath.tiling import tile_overlay_overlap

ROWS_PER_BLOCK = 16_384
SMALL = 32
"""Downsample of the small level, which pictures show."""


@dataclass(frozen=True, slots=True)
class Study:
    """Slides with a mask each."""

    config: CoverageConfig
    """Configuration of the flow."""
    table: pa.Table
    """The same tiles as arguments of the expression."""
    slides: int
    """Number of slides."""

    @property
    def tiles(self) -> int:
        """Number of tiles of all slides."""
        return self.table.num_rows


@contextmanager
def engines() -> Iterator[None]:
    """Run Ray and a Prefect server."""
    logging.getLogger("prefect").setLevel(logging.ERROR)
    ensure_ray()
    with Server() as server, server.ready():
        yield


@contextmanager
def prepared(mask: Path, slides: int) -> Iterator[Study]:
    """Write slides of which only size and resolution are read, and links to one mask."""
    job = Job.of(mask)
    with tempfile.TemporaryDirectory() as name:
        folder, tables = Path(name), []
        for number in range(slides):
            write_slide(folder / "slides" / f"{number}.tiff", job)
            link = folder / "masks" / f"{number}.tiff"
            link.parent.mkdir(exist_ok=True)
            link.symlink_to(mask.resolve())
            tables.append(Job(link, job.roi, job.x, job.y).table())
        settings = {
            "slides": f"{folder}/slides",
            "output": f"{folder}/coverage",
            "tiling": {"level": 0, "tile_extent": TILE},
            "overlays": {"tissue": {"path": f"{folder}/masks/{{stem}}.tiff", "classes": {"tissue": [255]}}},
            "keep": "tissue >= 0.5",
            "force": True,
        }
        yield Study(CoverageConfig.model_validate(settings), pa.concat_tables(tables).combine_chunks(), slides)


def write_slide(path: Path, job: Job) -> None:
    """Write a TIFF of the size of a job's slide: all tiles but the first are sparse, and a small level is complete."""
    with tifffile.TiffFile(job.path) as mask:
        height, width = mask.pages.first.shape[:2]
    scale = TILE // job.windows()[2].width
    size = (height * scale, width * scale)
    tiles = -(-size[1] // TILE) * -(-size[0] // TILE)
    path.parent.mkdir(exist_ok=True)
    layout = {"tile": (TILE, TILE), "photometric": "rgb", "compression": "jpeg", "metadata": None}
    small = np.random.default_rng(0).integers(0, 256, (*(-(-side // SMALL) for side in size), 3), dtype=np.uint8)
    with tifffile.TiffWriter(path) as writer:
        writer.write(
            chain([np.full((TILE, TILE, 3), 255, np.uint8)], repeat(None, tiles - 1)),
            shape=(*size, 3),
            dtype="uint8",
            resolution=(1e4 / SLIDE_MPP, 1e4 / SLIDE_MPP),
            resolutionunit="CENTIMETER",
            **layout,
        )
        writer.write(small, subfiletype=1, **layout)


def flow(study: Study, *, previews: bool) -> float:
    """Time a run of the flow that recomputes everything."""
    config = study.config.model_copy(update={"previews": previews})
    return timed(lambda: coverage(config))


def bare_expression(study: Study) -> float:
    """Time the expression alone."""
    table = study.table
    blocks = [table.slice(start, ROWS_PER_BLOCK) for start in range(0, table.num_rows, ROWS_PER_BLOCK)]
    overlap = tile_overlay_overlap(ROIS["box"], col("overlay"), col("tile_x"), col("tile_y"), col("mpp"), col("mpp"))
    return timed(lambda: ray.data.from_arrow(blocks).with_column("overlap", overlap, num_cpus=1).materialize())
