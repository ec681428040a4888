"""Overlays for the benchmarks, made from a fixed seed and kept in a cache folder.

Smooth masks flatter every engine: their TIFF tiles compress a hundredfold and most hold one value. Hence also masks
with noisy edges and with specks of the size of nuclei.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tifffile

TILE = 512
Field = Callable[[int, int], npt.NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Ground:
    """Smooth fields under one TIFF tile, of mean 0 and deviation about 1."""

    tissue: npt.NDArray[np.float32]
    """> 0 in pieces of tissue about a centimetre across, with ragged edges."""
    texture: npt.NDArray[np.float32]
    """Varies over a millimetre."""


@dataclass(frozen=True, slots=True)
class Mask:
    """One overlay of the benchmark."""

    name: str
    """Name on the command line and in the table."""
    width: int
    """Pixels along x."""
    height: int
    """Pixels along y."""
    mpp: float
    """µm per pixel."""
    dtype: str
    """Stored type."""
    compression: str
    """tifffile's name of the codec."""
    label: Callable[["Ground", np.random.Generator], npt.NDArray[np.generic]]
    """Function from the fields under a TIFF tile to stored values."""
    channels: int = 1
    """Values per pixel."""
    grain: int = 1
    """Side in pixels of the squares that edges follow: coarse ones make a giant mask in minutes."""

    def shrunk(self, by: int) -> "Mask":
        """Shrink the mask along both axes by a factor."""
        return replace(self, width=-(-self.width // by), height=-(-self.height // by))

    def path(self, cache: Path) -> Path:
        """Return the path of the file; its name determines its content."""
        return cache / f"{self.name}-{self.width}x{self.height}-{self.mpp}.tiff"

    def write(self, cache: Path) -> Path:
        """Make the file unless it is there already."""
        path = self.path(cache)
        if not path.exists():
            cache.mkdir(parents=True, exist_ok=True)
            beside = path.with_suffix(".part")
            channels = (self.channels,) if self.channels > 1 else ()
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
        pieces = smooth_field(seed=7, wavelength=20_000 / self.mpp, grain=self.grain)
        texture = smooth_field(seed=8, wavelength=2000 / self.mpp, grain=self.grain)
        for y in range(0, self.height, TILE):
            for x in range(0, self.width, TILE):
                fine = texture(x, y)
                yield self.label(Ground(2 * pieces(x, y) + 0.5 * fine, fine), np.random.default_rng((7, x, y)))


def smooth_field(seed: int, wavelength: float, grain: int = 1, waves: int = 24) -> Field:
    """Build a sum of plane waves with random directions, evaluated for one TIFF tile per call."""
    rng = np.random.default_rng(seed)
    angle, phase = rng.uniform(0, 2 * np.pi, (2, waves))
    wave_number = 2 * np.pi / (wavelength * rng.uniform(0.5, 2, waves))
    pixels = np.arange(0, TILE, grain)

    def tile(x: int, y: int) -> npt.NDArray[np.float32]:
        along_x = (x + pixels)[None] * (wave_number * np.cos(angle))[:, None] + phase[:, None]
        along_y = (y + pixels)[None] * (wave_number * np.sin(angle))[:, None]
        field = np.cos(along_y).T @ np.cos(along_x) - np.sin(along_y).T @ np.sin(along_x)
        return (field / np.sqrt(waves)).astype(np.float32).repeat(grain, axis=0).repeat(grain, axis=1)

    return tile


def binary(ground, rng):
    """Label tissue 255."""
    return np.where(ground.tissue > 0, 255, 0).astype(np.uint8)


def classes(ground, rng):
    """Label four classes of tissue."""
    return np.where(ground.tissue > 0, 1 + np.digitize(ground.texture, [-0.8, 0, 0.8]), 0).astype(np.uint8)


def noisy(ground, rng):
    """Flip 0.4 % of the binary mask's pixels, in tissue and outside."""
    return binary(ground, rng) ^ np.where(rng.random(ground.tissue.shape) < 0.004, 255, 0).astype(np.uint8)


def nuclei(ground, rng):
    """Label three classes of specks, about 12 px across, in the tissue."""
    out = np.zeros(ground.tissue.shape, dtype=np.uint8)
    disc = np.hypot(*np.mgrid[-6:7, -6:7]) <= 6
    for y, x in rng.integers(6, TILE - 7, (400, 2)):
        if ground.tissue[y, x] > 0:
            out[y - 6 : y + 7, x - 6 : x + 7][disc] = rng.integers(1, 4)
    return out


def instances(ground, rng):
    """Label each 32 px square of tissue, a few thousand uint16 values in all."""
    squares = np.kron(rng.integers(1, 5000, (TILE // 32, TILE // 32)), np.ones((32, 32), dtype=np.int64))
    return np.where(ground.tissue > 0, squares, 0).astype(np.uint16)


def colours(ground, rng):
    """Colour five classes, to be compressed as JPEG: thousands of values around the edges."""
    palette = np.array([[255, 255, 255], [230, 150, 180], [120, 40, 140], [200, 30, 30], [30, 30, 200]], dtype=np.uint8)
    return palette[classes(ground, rng)]


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
        Mask("colours", 6_272, 5_024, 8.0, "uint8", "jpeg", colours, channels=3),
        Mask("giant", 100_352, 80_384, 0.25, "uint8", "adobe_deflate", binary, grain=4),
    )
}
