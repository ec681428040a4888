"""Patches for MONAI, read as PatchWSIDataset reads them."""

import json
from array import array
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from flows.exports.formats.monai import Monai
from tests.support.exported import exported_slides
from tests.support.finished import HandmadeSlide

SLIDE = HandmadeSlide(
    "/slides/a.tiff", 3, {"tissue": [0.1, 1.0, None], "tumor": [1 / 3, 0.0, None]}, [True, False, True]
)


def patch(sample: dict[str, Any]) -> tuple[str, list[int], int, list[int], npt.NDArray[np.float32]]:
    """Return what the dataset gives its reader, and the label, with `center_location=False` and other defaults."""
    size = sample["size"]
    assert len(size) == 2
    label = np.array(array("f", sample["label"]))  # float32, which like torch refuses None
    return sample["image"], sample["location"], sample.get("level", 0), size, label


def test_patches_are_those_that_the_dataset_reads(tmp_path) -> None:
    (slide,), _ = exported_slides(tmp_path / "output", SLIDE)

    Monai().write_slide(slide, tmp_path)

    first, second = map(patch, json.loads((tmp_path / "patches/a.json").read_text()))
    assert first[:4] == ("/slides/a.tiff", [0, 0], 1, [16, 16])
    assert second[:4] == ("/slides/a.tiff", [0, 64], 1, [16, 16])
    np.testing.assert_array_equal(first[4], np.array([0.1, 1 / 3], np.float32))
    np.testing.assert_array_equal(second[4], [np.nan, np.nan])


def test_rows_come_before_columns(tmp_path) -> None:
    (slide,), _ = exported_slides(tmp_path / "output", SLIDE)
    tiles = slide.tiles.slice(0, 1).drop(["level0_x", "level0_y", "tile_extent_x", "tile_extent_y"])
    for name, value in {"level0_x": 7, "level0_y": 11, "tile_extent_x": 8, "tile_extent_y": 4}.items():
        tiles = tiles.append_column(name, [[value]])

    Monai().write_slide(replace(slide, tiles=tiles), tmp_path)

    (sample,) = json.loads((tmp_path / "patches/a.json").read_text())
    assert (sample["location"], sample["size"]) == ([11, 7], [4, 8])


def test_a_slide_without_tiles_is_an_empty_list(tmp_path) -> None:
    (slide,), config = exported_slides(tmp_path / "output", SLIDE)

    Monai().write_slide(replace(slide, tiles=slide.tiles.slice(0, 0)), tmp_path)
    Monai().write_cohort([slide], config, tmp_path)

    assert json.loads((tmp_path / "patches/a.json").read_text()) == []
    assert json.loads((tmp_path / "labels.json").read_text()) == ["tissue", "tumor"]
