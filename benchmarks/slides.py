"""A slide to read tiles from: an Aperio SVS with JPEG tiles of 240 px, as its scanners write, made once."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import tifffile

from benchmarks.job import SLIDE_MPP, TILE
from benchmarks.masks import smooth_field
from ratiopath.grid import grid_columns

WIDTH, HEIGHT, EDGE = 12_000, 9_600, 240
_GLASS, _EOSIN, _NUCLEUS = (
    np.array(colour, np.float32) for colour in ([243, 241, 244], [226, 160, 196], [86, 50, 126])
)


def write(cache: Path, shrink: int = 1) -> Path:
    """Make the file unless it is there already."""
    width, height = WIDTH // shrink, HEIGHT // shrink
    path = cache / f"slide-{width}x{height}.svs"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        beside = path.with_suffix(".part")
        tifffile.imwrite(
            beside,
            _tiles(width, height),
            shape=(height, width, 3),
            dtype="uint8",
            tile=(EDGE, EDGE),
            compression="jpeg",
            compressionargs={"level": 90},
            photometric="rgb",
            subsampling=(2, 2),
            description=f"Aperio Image Library v12.0.0 \r\n{width}x{height} Q=90|AppMag = 20|MPP = {SLIDE_MPP}",
            metadata=None,
        )
        beside.rename(path)
    return path


def _tiles(width: int, height: int) -> Iterator[np.ndarray]:
    tissue, nuclei = smooth_field(seed=1, wavelength=6000), smooth_field(seed=2, wavelength=24)
    for y in range(0, height, EDGE):
        for x in range(0, width, EDGE):
            rng = np.random.default_rng((1, x, y))
            inside = np.clip(tissue(x, y) * 20, 0, 1)[:EDGE, :EDGE, None]
            dark = np.clip(nuclei(x, y) * 4 - 4, 0, 1)[:EDGE, :EDGE, None]
            stained = _EOSIN * (1 - dark) + _NUCLEUS * dark
            image = _GLASS * (1 - inside) + stained * inside + rng.normal(0, 4, (EDGE, EDGE, 1))
            yield np.clip(image, 0, 255).astype(np.uint8)


def table(path: Path, shrink: int = 1) -> pa.Table:
    """Build the arguments of a Ray expression on the slide's tiles."""
    x, y = grid_columns((WIDTH // shrink, HEIGHT // shrink), (TILE, TILE), (TILE, TILE), last="drop")
    numbers = {"tile_extent_x": TILE, "tile_extent_y": TILE, "level": 0}
    constant = {name: np.full(len(x), value) for name, value in numbers.items()}
    return pa.table({"path": pa.repeat(str(path), len(x)), "tile_x": x, "tile_y": y, **constant})
