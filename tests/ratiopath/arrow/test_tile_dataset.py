"""`TileDataset`: the pixels of `read_slide_tiles` and the rows of the table, in any process and any order."""

import math
import multiprocessing
import pickle
import threading
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ray.data.expressions import col

from ratiopath.arrow import TileDataset
from ratiopath.arrow.slide_tiles import TILE_COLUMNS
from ratiopath.errors import ParameterError, SlideNotFoundError
from ratiopath.tiling import read_slide_tiles
from tests.support.dataset_worker import open_files, send_tiles
from tests.support.expressions import evaluate
from tests.support.layouts import LAYOUTS, Raster

SLIDES = 4
SHARES = [0.25, None, 1.0, 0.5]
"""Share of tumor in the tiles of each slide."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Slides of two levels, and tiles/ with a file for each: of four tiles, the last one over the edge."""
    folder = tmp_path_factory.mktemp("study")
    (folder / "tiles").mkdir()
    for number in range(SLIDES):
        path = folder / f"{number}.tiff"
        pixels = np.random.default_rng(number).integers(0, 255, (80, 96, 3), dtype=np.uint8)
        LAYOUTS["deflate"].write(path, Raster((pixels, pixels[::2, ::2]), (0.5, 0.5)))
        side = 16 if number else 24
        rows = {
            "slide_id": [f"s{number}"] * 4,
            "path": [str(path)] * 4,
            "level": [number % 2] * 4,
            "tile_x": [0, 16, 32, 90],
            "tile_y": [0, 8, 16, 70],
            "tile_extent_x": [side] * 4,
            "tile_extent_y": [16] * 4,
            "tumor": pa.array(SHARES, pa.float64()),
            "label": [None, "a", "b", "a"],
        }
        pq.write_table(pa.table(rows), folder / "tiles" / f"s{number}.parquet")
    return folder


@pytest.fixture(scope="module")
def table(folder: Path) -> pa.Table:
    return pq.read_table(folder / "tiles")


def wanted_pixels(table: pa.Table, size: int | None = None) -> list[np.ndarray]:
    column = evaluate(read_slide_tiles(*map(col, ("path", *TILE_COLUMNS)), size=size), table)
    return [column[index].as_py() for index in range(len(column))]


@pytest.fixture(params=["table", "folder", "arrow"])
def tiles(request: pytest.FixtureRequest, folder: Path, table: pa.Table, tmp_path: Path) -> pa.Table | Path:
    if request.param == "arrow":
        with pa.ipc.new_file(str(tmp_path / "tiles.arrow"), table.schema) as file:
            file.write_table(table)
        return tmp_path / "tiles.arrow"
    return table if request.param == "table" else folder / "tiles"


def test_items_are_the_pixels_of_the_slides_and_the_rows_of_the_table(tiles: pa.Table | Path, table: pa.Table) -> None:
    with TileDataset(tiles) as dataset:
        assert len(dataset) == 4 * SLIDES
        for (pixels, row), want, want_row in zip(dataset, wanted_pixels(table), table.to_pylist(), strict=True):
            np.testing.assert_array_equal(pixels, want, strict=True)
            assert row.keys() == want_row.keys()
            assert {**row, "tumor": 0} == {**want_row, "tumor": 0}
            assert row["tumor"] == want_row["tumor"] or (math.isnan(row["tumor"]) and want_row["tumor"] is None)


def test_a_batch_keeps_the_order_that_was_asked_for(tiles: pa.Table | Path, table: pa.Table) -> None:
    order = [13, 2, -1, 2, 7, 0]
    want = wanted_pixels(table)
    with TileDataset(tiles, columns=["slide_id", "tumor"]) as dataset:
        items = dataset.__getitems__(order)
        assert [row["slide_id"] for _, row in items] == ["s3", "s0", "s3", "s0", "s1", "s0"]
        assert all(row.keys() == {"slide_id", "tumor"} for _, row in items)
        for index, (pixels, _) in zip(order, items, strict=True):
            np.testing.assert_array_equal(pixels, want[index], strict=True)
        assert dataset.__getitems__([]) == []


def test_tiles_of_one_size_can_be_stacked(table: pa.Table) -> None:
    with TileDataset(table, size=20) as dataset:
        found = np.stack([pixels for pixels, _ in dataset])
    np.testing.assert_array_equal(found, np.stack(wanted_pixels(table, 20)), strict=True)


def test_an_index_beyond_the_tiles_is_an_index_error(table: pa.Table) -> None:
    dataset = TileDataset(table)
    for index in (16, -17):
        with pytest.raises(IndexError, match=f"no tile {index} among 16"):
            dataset[index]
    assert len(TileDataset(table.slice(0, 0))) == 0


def test_only_the_last_slides_stay_open(folder: Path, table: pa.Table) -> None:
    with TileDataset(table, open_slides=2) as dataset:
        for index in (0, 4, 1, 8):  # slides 0, 1, 0, 2
            dataset[index]
        assert open_files(folder) == ["0.tiff", "2.tiff"]
    assert open_files(folder) == []


def test_each_thread_opens_its_own_slides(folder: Path, table: pa.Table) -> None:
    dataset, found = TileDataset(table), []

    def read() -> None:
        found.append(dataset[0][0])
        found.append(open_files(folder))
        dataset.close()

    with dataset:
        thread = threading.Thread(target=read)
        pixels, _ = dataset[0]
        thread.start()
        thread.join()
    np.testing.assert_array_equal(found[0], pixels)
    assert found[1] == ["0.tiff", "0.tiff"]


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_read_what_the_parent_reads(folder: Path, table: pa.Table, method: str) -> None:
    want = wanted_pixels(table)
    context = multiprocessing.get_context(method)
    results = context.SimpleQueue()
    with TileDataset(folder / "tiles") as dataset:
        dataset[0]  # open in the parent
        orders = ([5, 0, 12], [1, 0, 9])
        workers = [context.Process(target=send_tiles, args=(dataset, order, folder, results)) for order in orders]
        for worker in workers:
            worker.start()
        found = [results.get() for _ in workers]
        for worker in workers:
            worker.join()
        np.testing.assert_array_equal(dataset[1][0], want[1])
    for order, pixels, opened in found:
        assert all(np.array_equal(tile, want[index]) for index, tile in zip(order, pixels, strict=True))
        assert opened == sorted(f"{number}.tiff" for number in {index // 4 for index in order})  # not the parent's


def test_a_mapped_file_is_pickled_as_its_path(table: pa.Table, tmp_path: Path) -> None:
    many = pa.concat_tables([table] * 200)
    with pa.ipc.new_file(str(tmp_path / "tiles.arrow"), many.schema) as file:
        file.write_table(many)
    pickled = pickle.dumps(TileDataset(tmp_path / "tiles.arrow", columns=["tumor"]))
    assert len(pickled) < 1000
    with pickle.loads(pickled) as dataset:  # noqa: S301 - ours
        assert len(dataset) == len(many)
        assert dataset[-1][1] == {"tumor": 0.5}


def test_the_rows_print_in_one_line(table: pa.Table) -> None:
    assert repr(TileDataset(table, columns=["tumor"], size=20)) == "TileDataset(16 tiles, resized to 20 x 20 px; tumor)"


def test_a_missing_column_and_no_open_slide_are_refused(table: pa.Table) -> None:
    with pytest.raises(ParameterError, match="no column 'level'; pass tiles/"):
        TileDataset(table.drop_columns("level"))
    with pytest.raises(ParameterError, match="no column 'stroma'"):
        TileDataset(table, columns=["stroma"])
    with pytest.raises(ParameterError, match="open_slides is 0"):
        TileDataset(table, open_slides=0)


def test_a_slide_that_is_gone_is_named(table: pa.Table) -> None:
    gone = table.set_column(table.schema.get_field_index("path"), "path", pa.array(["/gone.tiff"] * len(table)))
    with pytest.raises(SlideNotFoundError, match=r"/gone\.tiff"):
        TileDataset(gone)[0]
