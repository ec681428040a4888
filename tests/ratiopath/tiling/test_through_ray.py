"""The public column expressions on a real Ray: many blocks, files and resolutions in one dataset."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import ray.data
import shapely

from ratiopath.arrow import tile_overlay_statistics
from tests.support import oracles
from tests.support.expressions import (
    overlap_expression,
    overlay_expression,
    present,
    statistics_expression,
    tile_table,
)
from tests.support.layouts import LAYOUTS, Raster

pytestmark = pytest.mark.usefixtures("local_ray")

RESOURCES = {"num_cpus": 1, "memory": 256 * 1024**2}
ROI = shapely.Point(8, 8).buffer(11.5).difference(shapely.box(4, 4, 9, 6.5))
TILES = [(x, y) for y in range(-16, 60, 24) for x in range(-16, 80, 24)]


def overlay(seed: int, values: tuple[int, ...], dtype: str, channels: int = 1) -> Raster:
    random = np.random.default_rng(seed)
    sizes = ((61, 75), (31, 38))
    shapes = [size if channels == 1 else (*size, channels) for size in sizes]
    return Raster(tuple(random.choice(values, shape).astype(dtype) for shape in shapes), (0.5, 0.5))


FILES = {
    "classes.ome.tiff": ("ome", overlay(1, (0, 1, 2), "uint8")),
    "mask.tiff": ("strips-of-7", overlay(2, (0, 255), "uint8")),
    "wide.tiff": ("bigtiff", overlay(3, (0, 40_000), "uint16")),
    "bits.tiff": ("packbits", overlay(4, (0, 1), "bool")),
}


def written(folder: Path, names: list[str]) -> dict[str, Raster]:
    return {name: LAYOUTS[FILES[name][0]].write(folder / name, FILES[name][1]) for name in names}


def test_overlaps_of_files_and_resolutions_mixed_in_one_block_equal_the_oracle(tmp_path: Path) -> None:
    rasters = written(tmp_path, list(FILES))
    parts = [tile_table(tmp_path / name, TILES, mpp) for name in FILES for mpp in ((0.5, 0.5), (1.0, 0.75))]
    mixed = pa.concat_tables(parts)
    mixed = mixed.take(np.random.default_rng(0).permutation(len(mixed)))
    rows = ray.data.from_arrow(mixed).with_column("share", overlap_expression(ROI), **RESOURCES).take_all()
    assert len(rows) == len(mixed)
    for row in rows:
        raster = rasters[Path(row["mask"]).name]
        mpp_tile = row["mpp_x"], row["mpp_y"]
        want = oracles.overlap(list(raster.levels), raster.mpp, row["tile_x"], row["tile_y"], mpp_tile, ROI)
        assert present(row["share"]) == pytest.approx(want, rel=1e-12)


def test_statistics_through_many_blocks_equal_those_of_arrays(tmp_path: Path) -> None:
    written(tmp_path, list(FILES))
    mixed = pa.concat_tables([tile_table(tmp_path / name, TILES, (1.0, 0.75)) for name in FILES])
    blocks = ray.data.from_arrow([mixed.slice(start, 17) for start in range(0, len(mixed), 17)])
    names = ["mean", "std", "q50", "share>=1"]

    rows = blocks.with_column("found", statistics_expression(ROI, statistics=names), **RESOURCES).take_all()

    tiles = (mixed[name] for name in ("mask", "tile_x", "tile_y", "mpp_x", "mpp_y"))
    assert [row["found"] for row in rows] == tile_overlay_statistics(ROI, *tiles, statistics=names).to_pylist()


def test_patches_through_many_blocks_equal_the_oracle(tmp_path: Path) -> None:
    [raster] = written(tmp_path, ["classes.ome.tiff"]).values()
    table = tile_table(tmp_path / "classes.ome.tiff", TILES, (1.0, 1.0))
    blocks = ray.data.from_arrow([table.slice(start, 5) for start in range(0, len(table), 5)])
    rows = blocks.with_column("patch", overlay_expression(ROI), **RESOURCES).take_all()
    assert len(rows) == len(TILES)
    for row in rows:
        data, mask = row["patch"]
        want, outside = oracles.overlay_patch(
            list(raster.levels), raster.mpp, row["tile_x"], row["tile_y"], (1.0, 1.0), ROI
        )
        np.testing.assert_array_equal(data, want, strict=True)
        np.testing.assert_array_equal(mask.astype(bool), outside, strict=True)


def test_patches_of_different_sizes_and_types_live_in_one_column(tmp_path: Path) -> None:
    """Two resolutions give two shapes, four files four types: every row keeps its own."""
    rasters = written(tmp_path, list(FILES))
    parts = [tile_table(tmp_path / name, TILES[:3], mpp) for name in FILES for mpp in ((0.5, 0.5), (1.0, 0.75))]
    rows = ray.data.from_arrow(parts).with_column("patch", overlay_expression(ROI), **RESOURCES).take_all()
    assert len(rows) == 3 * len(parts)
    for row in rows:
        raster = rasters[Path(row["mask"]).name]
        mpp_tile = row["mpp_x"], row["mpp_y"]
        data, mask = row["patch"]
        want, outside = oracles.overlay_patch(
            list(raster.levels), raster.mpp, row["tile_x"], row["tile_y"], mpp_tile, ROI
        )
        np.testing.assert_array_equal(data, want, strict=True)
        np.testing.assert_array_equal(mask.astype(bool), outside, strict=True)


def test_an_empty_block_gives_no_patch_and_spoils_none(tmp_path: Path) -> None:
    written(tmp_path, ["mask.tiff"])
    table = tile_table(tmp_path / "mask.tiff", TILES[:4], (0.5, 0.5))
    blocks = ray.data.from_arrow([table.slice(0, 0), table, table.slice(0, 0)])
    patches = blocks.with_column("patch", overlay_expression(ROI), **RESOURCES)
    assert patches.count() == 4
    [batch] = patches.iter_batches(batch_size=10)
    assert batch["patch"].shape[:2] == (4, 2)


def test_a_given_resolution_stands_for_the_files_own(tmp_path: Path) -> None:
    [raster] = written(tmp_path, ["mask.tiff"]).values()
    table = tile_table(tmp_path / "mask.tiff", TILES, (0.5, 0.5))
    expression = overlap_expression(ROI, overlay_mpp=(0.25, 1.0))
    rows = ray.data.from_arrow(table).with_column("share", expression, **RESOURCES).take_all()
    for row in rows:
        want = oracles.overlap(list(raster.levels), (0.25, 1.0), row["tile_x"], row["tile_y"], (0.5, 0.5), ROI)
        assert present(row["share"]) == pytest.approx(want, rel=1e-12)
