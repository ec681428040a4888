"""The report on each slide: counts, means and areas compared to the masks, and reasons to review it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flows.records.output_files import OutputFiles
from flows.storage.parquet import read_table
from flows.storage.workspace import Workspace
from flows.tasks import (
    compute_overlaps,
    derive_overlay_paths,
    discover_slides,
    filter_by_coverage,
    select_slides,
    tile_slides,
)
from tests.support.study import configured, random_labels, write_mask, write_slide

pytestmark = pytest.mark.usefixtures("local_ray")

MM2 = 1e-6
"""mm² of a pixel of a mask at 1 µm/px."""
TISSUE = {"tissue": {"path": "{dir}/{stem}_tissue.tiff", "classes": {"tissue": [255]}, "missing": "null"}}


def reports(folder: Path, **changes: Any) -> dict[str, dict[str, Any]]:
    config = configured(folder, **{"overlays": TISSUE, **changes})
    workspace = Workspace.at(config.output)
    selected = select_slides(OutputFiles.of(workspace), config, workspace)
    slides = discover_slides(selected, config, workspace)
    tiled, paths = tile_slides(slides, config, workspace), derive_overlay_paths(slides, config, workspace)
    covered = compute_overlaps(tiled, paths, config, workspace)
    kept = filter_by_coverage(covered, slides, config, workspace)
    return {Path(row["path"]).stem: row for row in read_table(kept.path).to_pylist()}


def study(folder: Path, labels: np.ndarray | None, mpp: float = 1.0) -> None:
    write_slide(folder / "a.tiff")
    if labels is not None:
        write_mask(folder / "a_tissue.tiff", labels, mpp)


def test_mean_and_area_are_those_of_the_mask(folder):
    labels = random_labels(0, (0, 255))
    study(folder, labels)

    report = reports(folder)["a"]

    assert report["tissue_mean"] == pytest.approx((labels == 255).mean())
    assert report["tissue_mm2"] == pytest.approx((labels == 255).sum() * MM2)


def test_tiles_are_counted(folder):
    study(folder, random_labels(0, (0, 255)))

    assert reports(folder)["a"]["tiles"] == 12


def test_tiles_over_the_edge_add_only_the_area_inside_the_slide(folder):
    labels = random_labels(0, (0, 255))
    study(folder, labels)

    report = reports(folder, tiling={"mpp": 0.5, "tile_extent": 20})["a"]

    assert report["tissue_mm2"] == pytest.approx((labels == 255).sum() * MM2)


def test_a_slide_without_the_file_of_an_overlay_whose_classes_are_then_zero_is_not_to_be_reviewed(folder):
    study(folder, None)

    report = reports(folder, overlays={"tissue": {**TISSUE["tissue"], "missing": "zero"}}, keep=None)["a"]

    assert (report["tissue_mean"], report["suspicions"]) == (0.0, [])


def test_overlapping_tiles_count_no_pixel_twice(folder):
    study(folder, np.full((24, 32), 255, np.uint8))

    report = reports(folder, tiling={"mpp": 0.5, "tile_extent": 16, "stride": 8})["a"]

    assert report["tissue_mm2"] == pytest.approx(24 * 32 * MM2)


def test_coverage_that_is_known_in_no_tile_is_null(folder):
    study(folder, None)

    report = reports(folder)["a"]

    assert (report["tissue_mean"], report["tissue_mm2"]) == (None, None)


@pytest.mark.parametrize(
    ("labels", "mpp", "keep", "suspicions"),
    [
        (np.repeat(np.uint8([[0, 255]]), 24, axis=0).repeat(16, axis=1), 1.0, "tissue >= 0.5", []),
        (np.full((24, 32), 255, np.uint8), 1.0, "tissue >= 0.5", ["everything kept"]),
        (
            np.full((24, 32), 7, np.uint8),
            1.0,
            "tissue >= 0.5",
            ["nothing kept", "overlay tissue holds none of its classes"],
        ),
        (
            np.zeros((24, 32), np.uint8),
            1.0,
            "tissue >= 0.5",
            ["nothing kept", "overlay tissue is empty: only the value 0"],
        ),
        (
            np.repeat(np.uint8([[0, 255]]), 24, axis=0).repeat(8, axis=1),
            1.0,
            "tissue >= 0.5",
            ["overlay tissue covers a part of the slide: 32 x 48 px of level 0, where the slide has 64 x 48 px"],
        ),
        (None, 1.0, None, []),
    ],
)
def test_the_reasons_to_review_a_slide_are_named(folder, labels, mpp, keep, suspicions):
    study(folder, labels, mpp)

    assert reports(folder, keep=keep)["a"]["suspicions"] == suspicions


def test_failed_slides_have_no_report(folder):
    study(folder, random_labels(0, (0, 255)))
    (folder / "broken.tiff").write_bytes(b"no image")

    assert set(reports(folder)) == {"a"}
