"""Tiles as CSV, read back with DuckDB and with Python's own module."""

import csv
from dataclasses import replace

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.config.errors import ConfigurationError
from flows.exports.export_format import ExportedSlide
from flows.exports.formats.csv_tiles import CsvTiles
from tests.support.exported import exported_slides
from tests.support.finished import HandmadeSlide

SHARES = {"tissue": [0.1, 1.0, None, 0.0], "tumor": [1 / 3, 0.0, None, 1e-9]}


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> ExportedSlide:
    slide = HandmadeSlide("/slides/a.tiff", 2, SHARES, [False, True, True, True])
    (found,), _ = exported_slides(tmp_path_factory.mktemp("csv") / "output", slide)
    return found


def test_the_file_reads_as_expected(exported, tmp_path) -> None:
    CsvTiles().write_slide(exported, tmp_path)

    assert (tmp_path / "a.csv").read_bytes() == (
        b"minx,miny,width,height,tissue,tumor\n"
        b"32,0,32,32,1,0\n"
        b"0,32,32,32,,\n"
        b"32,32,32,32,0,1e-9\n"
    )  # fmt: skip


def test_the_files_of_all_slides_are_one_table_in_duckdb(exported, tmp_path) -> None:
    CsvTiles().write_slide(exported, tmp_path)
    CsvTiles().write_slide(replace(exported, name="b", tiles=exported.tiles.slice(0, 0)), tmp_path)
    (line,) = CsvTiles().next_steps(str(tmp_path))

    found = duckdb.sql(line.partition(": ")[2]).fetchall()

    assert [row[:-1] for row in found] == [
        (32, 0, 32, 32, 1, 0),
        (0, 32, 32, 32, None, None),
        (32, 32, 32, 32, 0, 1e-9),
    ]
    assert {row[-1] for row in found} == {str(tmp_path / "a.csv")}


def test_a_slide_without_tiles_is_a_head(exported, tmp_path) -> None:
    CsvTiles().write_slide(replace(exported, tiles=exported.tiles.slice(0, 0)), tmp_path)

    assert (tmp_path / "a.csv").read_text() == "minx,miny,width,height,tissue,tumor\n"


@given(st.lists(st.floats() | st.none(), min_size=1, max_size=20))
def test_numbers_come_back_exactly(exported, tmp_path_factory, values) -> None:
    folder, count = tmp_path_factory.mktemp("numbers"), len(values)
    tiles = pa.table(
        {
            **{name: [0] * count for name in ("level0_x", "level0_y", "level0_extent_x", "level0_extent_y")},
            "mean": pa.array(values, pa.float64()),
        }
    )

    CsvTiles().write_slide(replace(exported, tiles=tiles, classes=("mean",)), folder)

    with (folder / "a.csv").open(newline="") as file:
        found = [row["mean"] for row in csv.DictReader(file)]
    finite = [abs(value or 0.0) < float("inf") and value is not None for value in values]
    assert [cell != "" for cell in found] == finite
    assert [float(cell) for cell in found if cell] == [
        value for value, is_number in zip(values, finite, strict=True) if is_number
    ]


def test_a_class_called_like_the_box_is_refused(exported, tmp_path) -> None:
    tiles = exported.tiles.rename_columns({"tumor": "width"})

    with pytest.raises(ConfigurationError, match=r"'width' is the name of a column of .*--classes"):
        CsvTiles().write_slide(replace(exported, tiles=tiles, classes=("tissue", "width")), tmp_path)
