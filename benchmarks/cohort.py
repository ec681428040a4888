"""Cohorts of many small slides with an overlay each, written in seconds."""

import io
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile
import yaml

from benchmarks.job import SLIDE_MPP, TILE

EXTENT = 2048, 1536
"""Size of a slide, pixels."""
TILES = EXTENT[0] * EXTENT[1] // TILE**2
"""Tiles of a slide."""
DOWNSAMPLE = 8
"""Pixels of a slide along one of its overlay."""

MANY = 50_000
"""Slides from which on an output has subfolders by default."""


@dataclass(frozen=True, slots=True)
class Cohort:
    """Slides with a mask each, and the configuration of a run over them."""

    folder: Path
    """Folder of the slides, the masks, the configuration and the output."""

    @property
    def output(self) -> Path:
        """Folder of the tables."""
        return self.folder / "coverage"

    @property
    def watched(self) -> tuple[Path, ...]:
        """Folders with files of each slide."""
        tables = [folder for name in ("coverage", "tiles", "previews") for folder in _tree(self.output / name)]
        return self.folder / "slides", self.folder / "masks", *tables

    def write(self, slides: int, *, are_stubs: bool = False) -> None:
        """Write the slides and masks that are missing; stubs have the right size and no content."""
        for name, content in {"slides": _slide(), "masks": _mask()}.items():
            (self.folder / name).mkdir(parents=True, exist_ok=True)
            for number in range(slides):
                path = self.folder / name / f"slide-{number:06}.tiff"
                if path.exists():
                    continue
                path.write_bytes(b"" if are_stubs else content)
                if are_stubs:
                    os.truncate(path, len(content))

    def configure(self, *, previews: bool, subfolders_from: int = MANY) -> Path:
        """Write the configuration and return its path."""
        mask = f"{self.folder}/masks/{{stem}}.tiff"
        settings = {
            "slides": f"{self.folder}/slides",
            "output": str(self.output),
            "tiling": {"level": 0, "tile_extent": TILE},
            "overlays": {"tissue": {"path": mask, "classes": {"tissue": [255]}}},
            "keep": "tissue >= 0.5",
            "previews": previews,
            "subfolders_from": subfolders_from,
        }
        path = self.folder / "coverage.yaml"
        path.write_text(yaml.safe_dump(settings), encoding="utf-8")
        return path


def _tree(folder: Path) -> list[Path]:
    """Return a folder and its subfolders."""
    return [folder, *(path for path in folder.glob("*") if path.is_dir())]


def _slide() -> bytes:
    """Return a TIFF whose tiles are one colour."""
    pixels = np.full((EXTENT[1], EXTENT[0], 3), 240, np.uint8)
    return _tiff(pixels, SLIDE_MPP, tile=(TILE, TILE), compression="jpeg", photometric="rgb")


def _mask() -> bytes:
    """Return a TIFF with tissue in its left half."""
    pixels = np.zeros((EXTENT[1] // DOWNSAMPLE, EXTENT[0] // DOWNSAMPLE), np.uint8)
    pixels[:, : pixels.shape[1] // 2] = 255
    return _tiff(pixels, SLIDE_MPP * DOWNSAMPLE, tile=(64, 64), compression="deflate", photometric="minisblack")


def _tiff(pixels: np.ndarray, mpp: float, **layout: object) -> bytes:
    file = io.BytesIO()
    resolution = (1e4 / mpp, 1e4 / mpp)
    tifffile.imwrite(file, pixels, resolution=resolution, resolutionunit="CENTIMETER", metadata=None, **layout)
    return file.getvalue()
