"""The tutorial this library continues, step by step on two small slides: its very calls give what they promise."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import ray.cloudpickle
import ray.data
from ray.data.expressions import col
from shapely.geometry import box

from ratiopath.ray import read_slides
from ratiopath.tiling import grid_tiles, read_slide_tiles, row_hash, tile_overlay, tile_overlay_overlap
from tests.support import oracles
from tests.support.layouts import LAYOUTS, Raster

pytestmark = pytest.mark.usefixtures("local_ray")

ROI = box(128, 128, 384, 384)
TILE, STRIDE = 512, 448
SLIDES = {"a.tiff": "tiles-subifds", "b.ome.tiff": "ome"}


def tissue(rows: int, columns: int, seed: int) -> np.ndarray:
    """A blob that covers some tiles, cuts others and leaves others empty."""
    y, x = np.mgrid[:rows, :columns]
    return (x - columns * 0.35) ** 2 / columns**2 + (y - rows * (0.3 + 0.2 * seed)) ** 2 / rows**2 < 0.12


def slide(seed: int) -> Raster:
    """Noise in tissue, white elsewhere; 0.25 and 0.5 µm/px."""
    random = np.random.default_rng(seed)
    levels = []
    for rows, columns in ((2100, 2600), (1050, 1300)):
        colours = random.integers(90, 200, (rows, columns, 3)).astype(np.uint8)
        colours[~tissue(rows, columns, seed)] = 255
        levels.append(colours)
    return Raster(tuple(levels), (0.25, 0.25))


def mask(seed: int) -> Raster:
    """255 in tissue, 0 elsewhere; 1 µm/px."""
    return Raster(((tissue(525, 650, seed) * 255).astype(np.uint8),), (1.0, 1.0))


def tiling(row: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "tile_x": x,
            "tile_y": y,
            "path": row["path"],
            "slide_id": row["id"],
            "level": row["level"],
            "tile_extent_x": row["tile_extent_x"],
            "tile_extent_y": row["tile_extent_y"],
            "mpp_x": row["mpp_x"],
            "mpp_y": row["mpp_y"],
        }
        for x, y in grid_tiles(
            slide_extent=(row["extent_x"], row["extent_y"]),
            tile_extent=(row["tile_extent_x"], row["tile_extent_y"]),
            stride=(row["stride_x"], row["stride_y"]),
            last="keep",
        )
    ]


def add_overlay_path(batch: pd.DataFrame) -> pd.DataFrame:
    batch["tissue_mask_path"] = batch["path"].str.replace("slides", "masks").str.replace(".ome.tiff", ".tiff")
    return batch


def extract_foreground_coverage(tile: dict[str, Any]) -> dict[str, Any]:
    tile["tissue_coverage"] = tile["tissue_overlap"].get("255", 0.0) or 0.0  # a missing key comes as None
    return tile


@dataclass(frozen=True, slots=True)
class Steps:
    """Results of the tutorial's steps, as rows."""

    slides: list[dict[str, Any]]
    patches: list[dict[str, Any]]
    covered: list[dict[str, Any]]
    kept: list[dict[str, Any]]
    written: Path
    rasters: dict[str, Raster]
    masks: dict[str, Raster]


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory, local_ray: None) -> Steps:
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])  # the workers cannot import a test
    folder = tmp_path_factory.mktemp("tutorial")
    (folder / "slides").mkdir()
    (folder / "masks").mkdir()
    rasters, masks = {}, {}
    for seed, (name, layout) in enumerate(SLIDES.items()):
        rasters[name] = LAYOUTS[layout].write(folder / "slides" / name, slide(seed))
        masks[name] = LAYOUTS["strips-of-7"].write(folder / "masks" / name.replace(".ome", ""), mask(seed))

    slides = read_slides(str(folder / "slides"), mpp=0.5, tile_extent=TILE, stride=STRIDE)
    slides = slides.map(row_hash, num_cpus=0.1, memory=128 * 1024**2).materialize()
    tiles = slides.flat_map(tiling, num_cpus=0.2, memory=128 * 1024**2).repartition(target_num_rows_per_block=8)
    tiles = tiles.map_batches(add_overlay_path, batch_format="pandas").materialize()
    arguments = {
        "roi": ROI,
        "overlay_path": col("tissue_mask_path"),
        "tile_x": col("tile_x"),
        "tile_y": col("tile_y"),
        "mpp_x": col("mpp_x"),
        "mpp_y": col("mpp_y"),
    }
    with_patch = tiles.with_column(
        "tissue_overlay", tile_overlay(**arguments), num_cpus=1, memory=256 * 1024**2
    ).materialize()
    covered = (
        tiles.with_column("tissue_overlap", tile_overlay_overlap(**arguments), num_cpus=1, memory=256 * 1024**2)
        .map(extract_foreground_coverage)
        .materialize()
    )
    tissue_tiles = covered.filter(lambda tile: tile["tissue_coverage"] >= 0.5)
    with_pixels = tissue_tiles.with_column(
        "tile",
        read_slide_tiles(
            col("path"), col("tile_x"), col("tile_y"), col("tile_extent_x"), col("tile_extent_y"), col("level")
        ),
        num_cpus=1,
        memory=256 * 1024**2,
    )
    kept = with_pixels.filter(lambda row: row["tile"].std() > 8).materialize()
    kept.drop_columns(["tile", "path", "level", "tile_extent_x", "tile_extent_y"]).write_parquet(str(folder / "tiles"))
    return Steps(
        slides.take_all(),
        with_patch.take_all(),
        covered.take_all(),
        kept.take_all(),
        folder / "tiles",
        rasters,
        masks,
    )


def share(steps: Steps, row: dict[str, Any]) -> dict[str, float]:
    whole = steps.masks[os.path.basename(row["path"])]
    return oracles.overlap(list(whole.levels), whole.mpp, row["tile_x"], row["tile_y"], (0.5, 0.5), ROI)


def test_read_slides_gives_a_row_per_slide_with_the_level_closest_to_the_mpp(steps: Steps) -> None:
    extents = {"extent_x": 1300, "extent_y": 1050, "tile_extent_x": 512, "tile_extent_y": 512}
    level = {"stride_x": 448, "stride_y": 448, "mpp_x": 0.5, "mpp_y": 0.5, "level": 1, "downsample": 2.0}
    assert {row["path"] for row in steps.slides} == {str(steps.written.parent / "slides" / name) for name in SLIDES}
    for row in steps.slides:
        assert row == {"path": row["path"], "id": row["id"], **extents, **level}


def test_row_hash_names_every_slide_differently(steps: Steps) -> None:
    assert len({row["id"] for row in steps.slides}) == len(SLIDES)
    assert all(len(row["id"]) == 64 and int(row["id"], 16) >= 0 for row in steps.slides)


def test_the_grid_covers_every_slide_edge_included(steps: Steps) -> None:
    expected = {(x, y) for x in (0, 448, 896) for y in (0, 448, 896)}
    for name in SLIDES:
        rows = [row for row in steps.covered if row["path"].endswith(name)]
        assert {(row["tile_x"], row["tile_y"]) for row in rows} == expected
        assert len(rows) == len(expected)


def test_patches_are_the_masks_pixels_under_the_roi(steps: Steps) -> None:
    assert len(steps.patches) == 18
    for row in steps.patches:
        whole = steps.masks[os.path.basename(row["path"])]
        data, outside = row["tissue_overlay"]
        want, want_outside = oracles.overlay_patch(
            list(whole.levels), whole.mpp, row["tile_x"], row["tile_y"], (0.5, 0.5), ROI
        )
        np.testing.assert_array_equal(data, want, strict=True)
        np.testing.assert_array_equal(outside.astype(bool), want_outside, strict=True)


def test_coverage_is_the_share_of_255_and_zero_where_the_key_is_none(steps: Steps) -> None:
    for row in steps.covered:
        assert row["tissue_coverage"] == pytest.approx(share(steps, row).get("255", 0.0), rel=1e-12)
    assert {0.0, 1.0} < {row["tissue_coverage"] for row in steps.covered}


def test_the_filters_keep_the_tiles_with_half_their_roi_in_tissue(steps: Steps) -> None:
    expected = {
        (row["path"], row["tile_x"], row["tile_y"]) for row in steps.covered if share(steps, row).get("255", 0.0) >= 0.5
    }
    assert {(row["path"], row["tile_x"], row["tile_y"]) for row in steps.kept} == expected
    assert 0 < len(expected) < len(steps.covered)


def test_tiles_are_the_slides_own_pixels_and_white_beyond_it(steps: Steps) -> None:
    for row in steps.kept:
        level = steps.rasters[os.path.basename(row["path"])].levels[1]
        padded = np.full((1050 + TILE, 1300 + TILE, 3), 255, np.uint8)
        padded[:1050, :1300] = level
        window = padded[row["tile_y"] : row["tile_y"] + TILE, row["tile_x"] : row["tile_x"] + TILE]
        np.testing.assert_array_equal(row["tile"], window, strict=True)


def test_parquet_gives_back_the_kept_tiles(steps: Steps) -> None:
    tables = [pq.read_table(file).to_pylist() for file in sorted(steps.written.glob("*.parquet"))]
    back = [row for rows in tables for row in rows]
    written = {(row["slide_id"], row["tile_x"], row["tile_y"]): row["tissue_coverage"] for row in back}
    assert written == {(row["slide_id"], row["tile_x"], row["tile_y"]): row["tissue_coverage"] for row in steps.kept}
    assert not {"tile", "path", "level"} & set(back[0])


def test_ray_reads_the_parquet_back_as_one_dataset(steps: Steps) -> None:
    assert ray.data.read_parquet(str(steps.written)).count() == len(steps.kept)
