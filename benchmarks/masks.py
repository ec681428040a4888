"""Overlays to measure on, made from a fixed seed and kept in a cache folder.

Smooth masks flatter every engine: their TIFF tiles compress a hundredfold and most hold one value. Hence also masks
with noisy edges and with specks of the size of nuclei.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tifffile

TILE = 512
Field = Callable[[int, int], npt.NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Mask:
    """One overlay of the benchmark."""

    name: str
    """Its name on the command line and in the table."""
    width: int
    """Pixels along x."""
    height: int
    """Pixels along y."""
    mpp: float
    """µm per pixel."""
    dtype: str
    """The stored type."""
    compression: str
    """tifffile's name of the codec."""
    label: Callable[[npt.NDArray[np.float32], np.random.Generator], npt.NDArray[np.generic]]
    """From a smooth field in about [-1, 1] to stored values."""

    def path(self, cache: Path) -> Path:
        """Where the file is kept; its name holds what decides its content."""
        return cache / f"{self.name}-{self.width}x{self.height}-{self.mpp}.tiff"

    def write(self, cache: Path) -> Path:
        """Make the file unless it is there already."""
        path = self.path(cache)
        if not path.exists():
            cache.mkdir(parents=True, exist_ok=True)
            beside = path.with_suffix(".part")
            channels = self.label(np.zeros((1, 1), np.float32), np.random.default_rng(0)).shape[2:]
            tifffile.imwrite(
                beside,
                self._tiles(),
                shape=(self.height, self.width, *channels),
                dtype=self.dtype,
                tile=(TILE, TILE),
                compression=self.compression,
                photometric="rgb" if channels else "minisblack",
                resolution=(1e4 / self.mpp, 1e4 / self.mpp),
                resolutionunit="CENTIMETER",
                bigtiff=True,
            )
            beside.rename(path)
        return path

    def _tiles(self) -> Iterator[npt.NDArray[np.generic]]:
        field = smooth_field(seed=7, wavelength=3000 / self.mpp)
        for y in range(0, self.height, TILE):
            for x in range(0, self.width, TILE):
                yield self.label(field(x, y), np.random.default_rng((7, x, y)))


def smooth_field(seed: int, wavelength: float, waves: int = 24) -> Field:
    """A sum of plane waves with random directions; one TIFF tile of it per call."""
    rng = np.random.default_rng(seed)
    angle, phase = rng.uniform(0, 2 * np.pi, (2, waves))
    wave_number = 2 * np.pi / (wavelength * rng.uniform(0.5, 2, waves))
    pixels = np.arange(TILE)

    def tile(x: int, y: int) -> npt.NDArray[np.float32]:
        along_x = (x + pixels)[None] * (wave_number * np.cos(angle))[:, None] + phase[:, None]
        along_y = (y + pixels)[None] * (wave_number * np.sin(angle))[:, None]
        field = np.cos(along_y).T @ np.cos(along_x) - np.sin(along_y).T @ np.sin(along_x)
        return (field / np.sqrt(waves)).astype(np.float32)

    return tile


def binary(field, rng):
    """Tissue or none: 255 where the field is positive."""
    return np.where(field > 0, 255, 0).astype(np.uint8)


def classes(field, rng):
    """Five classes by height."""
    return np.digitize(field, [-0.8, -0.2, 0.3, 0.9]).astype(np.uint8)


def noisy(field, rng):
    """The binary mask with 0.4 % of its pixels flipped."""
    return binary(field, rng) ^ np.where(rng.random(field.shape) < 0.004, 255, 0).astype(np.uint8)


def nuclei(field, rng):
    """Three classes of specks about 12 px across, where the field is positive."""
    out = np.zeros(field.shape, dtype=np.uint8)
    disc = np.hypot(*np.mgrid[-6:7, -6:7]) <= 6
    for y, x in rng.integers(6, TILE - 7, (400, 2)) if field.shape == (TILE, TILE) else ():
        if field[y, x] > 0:
            out[y - 6 : y + 7, x - 6 : x + 7][disc] = rng.integers(1, 4)
    return out


def instances(field, rng):
    """uint16 labels: an own number for each 32 px square of tissue, a few thousand values in all."""
    ids = rng.integers(1, 5000, (TILE // 32, TILE // 32))
    squares = np.kron(ids, np.ones((32, 32), dtype=np.int64))[: field.shape[0], : field.shape[1]]
    return np.where(field > 0, squares, 0).astype(np.uint16)


def colours(field, rng):
    """Five classes as colours, to be compressed as JPEG: thousands of values around the edges."""
    palette = np.array([[255, 255, 255], [230, 150, 180], [120, 40, 140], [200, 30, 30], [30, 30, 200]], dtype=np.uint8)
    return palette[classes(field, rng)]


MASKS = {
    mask.name: mask
    for mask in (
        Mask("binary", 25_088, 20_096, 2.0, "uint8", "adobe_deflate", binary),
        Mask("classes", 25_088, 20_096, 2.0, "uint8", "adobe_deflate", classes),
        Mask("noisy", 25_088, 20_096, 2.0, "uint8", "adobe_deflate", noisy),
        Mask("nuclei", 25_088, 20_096, 2.0, "uint8", "adobe_deflate", nuclei),
        Mask("fractional", 25_088, 20_096, 1.84, "uint8", "adobe_deflate", binary),
        Mask("lzw", 25_088, 20_096, 2.0, "uint8", "lzw", classes),
        Mask("instances", 12_544, 10_048, 4.0, "uint16", "adobe_deflate", instances),
        Mask("colours", 6_272, 5_024, 8.0, "uint8", "jpeg", colours),
        Mask("giant", 100_352, 80_384, 0.5, "uint8", "adobe_deflate", binary),
    )
}
