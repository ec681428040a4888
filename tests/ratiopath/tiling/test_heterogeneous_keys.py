"""Blocks whose overlays hold different values: one column all the same, through Ray and through Parquet."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import ray.data
from ray.data import Dataset
from shapely import box

from tests.support.expressions import overlap_expression, present, tile_table
from tests.support.layouts import LAYOUTS, Raster

pytestmark = pytest.mark.usefixtures("local_ray")

KEYS = {"0", "1", "2", "255"}


@pytest.fixture
def blocks(tmp_path: Path) -> list[pa.Table]:
    """{0, 255}; {0, 1, 2}; no row; rows entirely off the image."""
    binary = np.zeros((20, 40), np.uint8)
    binary[:, 10:] = 255
    classes = np.repeat(np.array([0, 1, 2, 0], np.uint8), 10)[None].repeat(20, axis=0)
    for name, level in (("binary", binary), ("classes", classes)):
        LAYOUTS["tiles"].write(tmp_path / name, Raster((level,), (1.0, 1.0)))
    tiles = [(0, 0), (20, 0), (5, 0)]
    off = [(1000, 0), (-1000, -1000)]
    return [
        tile_table(tmp_path / "binary", tiles, (1.0, 1.0)),
        tile_table(tmp_path / "classes", tiles, (1.0, 1.0)),
        tile_table(tmp_path / "binary", [], (1.0, 1.0)),
        tile_table(tmp_path / "classes", off, (1.0, 1.0)),
    ]


def overlaps(blocks: list[pa.Table]) -> Dataset:
    expression = overlap_expression(box(0, 0, 20, 20))
    return ray.data.from_arrow(blocks).with_column("share", expression, num_cpus=1, memory=256 * 1024**2)


EXPECTED = {
    ("binary", 0, 0): {"0": 0.5, "255": 0.5},
    ("binary", 20, 0): {"255": 1.0},
    ("binary", 5, 0): {"0": 0.25, "255": 0.75},
    ("classes", 0, 0): {"0": 0.5, "1": 0.5},
    ("classes", 20, 0): {"2": 0.5, "0": 0.5},
    ("classes", 5, 0): {"0": 0.25, "1": 0.5, "2": 0.25},
    ("classes", 1000, 0): {},
    ("classes", -1000, -1000): {},
}


def by_tile(rows: list[dict]) -> dict[tuple[str, int, int], dict[str, float | None]]:
    return {(Path(row["mask"]).name, row["tile_x"], row["tile_y"]): row["share"] for row in rows}


def test_every_row_keeps_its_own_values_through_ray(blocks: list[pa.Table]) -> None:
    found = by_tile(overlaps(blocks).take_all())
    assert {tile: present(share) for tile, share in found.items()} == EXPECTED


def test_one_batch_has_the_keys_of_all_blocks_and_none_where_a_row_has_not(blocks: list[pa.Table]) -> None:
    [batch] = overlaps(blocks).iter_batches(batch_size=100, batch_format="pyarrow")
    found = by_tile(batch.to_pylist())
    assert all(set(share) == KEYS for share in found.values())
    assert {tile: present(share) for tile, share in found.items()} == EXPECTED


def test_parquet_gives_back_the_same_with_none_for_a_missing_value(blocks: list[pa.Table], tmp_path: Path) -> None:
    overlaps(blocks).write_parquet(str(tmp_path / "out"))
    files = sorted((tmp_path / "out").glob("*.parquet"))
    fields = {field.name for file in files for field in pq.read_schema(file).field("share").type}
    assert fields == KEYS
    found = by_tile(ray.data.read_parquet(str(tmp_path / "out")).take_all())
    assert {tile: present(share) for tile, share in found.items()} == EXPECTED


def test_one_block_after_repartition_holds_all_rows(blocks: list[pa.Table]) -> None:
    found = by_tile(overlaps(blocks).repartition(1).take_all())
    assert all(set(share) == KEYS for share in found.values())
    assert {tile: present(share) for tile, share in found.items()} == EXPECTED


def test_a_dataset_of_nothing_but_rows_off_the_image_has_only_none(blocks: list[pa.Table]) -> None:
    rows = overlaps(blocks[3:]).take_all()
    assert len(rows) == 2
    assert all(fraction is None for row in rows for fraction in row["share"].values())


def test_a_dataset_of_empty_blocks_stays_empty(blocks: list[pa.Table]) -> None:
    assert overlaps([blocks[2], blocks[2]]).count() == 0
