"""MONAI: a list of patches per slide, as PatchWSIDataset takes it."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import nan
from pathlib import Path
from typing import Any, ClassVar

from flows.config.model import CoverageConfig
from flows.exports.export_format import ExportedSlide
from flows.exports.tile_numbers import batches, box_and_numbers, write_array

PATCHES = "patches"
"""Folder of the files of slides, which may be called like those of the cohort."""


@dataclass(frozen=True, slots=True)
class Monai:
    """A file `patches/{name}.json` per slide, an empty list without tiles, and `labels.json`, the order of labels."""

    name: ClassVar[str] = "monai"
    reader: ClassVar[str] = "MONAI 1.5: PatchWSIDataset(..., center_location=False)"

    def write_slide(self, exported: ExportedSlide, folder: Path) -> None:
        """Write the tiles of one slide in row-major order, a dictionary each.

        `image` is the path of the slide; `location` the (row, column) of the upper left corner in px of level 0;
        `size` (height, width) in px of `level`, the index of the level that was tiled; `label` a number per class, NaN
        where nothing is known: Python's json reads it, and MONAI's tensors hold it, but not null.
        """
        (folder / PATCHES).mkdir(exist_ok=True)
        with (folder / PATCHES / f"{exported.name}.json").open("wb") as file:
            write_array(_patches(exported), file, _encode)

    def write_cohort(self, slides: Sequence[ExportedSlide], config: CoverageConfig, folder: Path) -> None:
        """Write the classes in the order of each `label`."""
        del config
        with (folder / "labels.json").open("wb") as file:
            write_array(slides[0].classes if slides else (), file)

    def next_steps(self, folder: str) -> Iterator[str]:
        """Yield an expression for the dataset of a slide."""
        data = f"json.load(open('{folder}/{PATCHES}/SLIDE.json'))"
        yield f"in Python: PatchWSIDataset({data}, center_location=False, reader='openslide')"


_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def _encode(patch: dict[str, Any]) -> bytes:
    return _JSON.encode(patch).encode()


def _patches(exported: ExportedSlide) -> Iterator[dict[str, Any]]:
    image, level = exported.slide.path, exported.slide.level
    sides = ("tile_extent_x", "tile_extent_y")
    for x, y, _, _, width, height, *classes in batches(box_and_numbers(exported.tiles, exported.classes, sides)):
        for row, left in enumerate(x):
            yield {
                "image": image,
                "location": [y[row], left],
                "size": [height[row], width[row]],
                "level": level,
                "label": [nan if column[row] is None else column[row] for column in classes],
            }
