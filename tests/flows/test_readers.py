"""The folder tiles/ of an output, as it is, in the programs that people load it with, without options."""

import duckdb
import pandas as pd
import polars as pl
import pytest

from tests.support.finished import HandmadeSlide, write_output
from tests.support.offline import load_dataset  # noqa: F401 - a fixture

NAMES = ["level0_x", "level0_y", "tumor", "stroma"]
ROWS = [(0, 0, 0.25, 0.75), (32, 0, 1.0, 0.0), (0, 0, None, None), (32, 32, None, None)]
"""Kept tiles of both slides; nothing is known of the second, in which both classes are null throughout."""


@pytest.fixture(scope="module")
def tiles(tmp_path_factory):
    folder = tmp_path_factory.mktemp("readers") / "output"
    known = {"tumor": [0.25, 1.0], "stroma": [0.75, 0.0]}
    unknown = {"tumor": [None] * 4, "stroma": [None] * 4}
    slides = [
        HandmadeSlide("/slides/a.tiff", 2, known, [True, True]),
        HandmadeSlide("/slides/b.tiff", 2, unknown, [True, False, False, True]),
        HandmadeSlide("/slides/c.tiff", 1, {"tumor": [0.5], "stroma": [0.5]}, [False]),
    ]
    write_output(folder, slides)
    return folder / "tiles"


def test_hugging_face_datasets(tiles, load_dataset) -> None:  # noqa: F811
    found = load_dataset("parquet", data_files=f"{tiles}/*.parquet", split="train")
    assert list(zip(*(found[name] for name in NAMES), strict=True)) == ROWS
    assert {found.features[name].dtype for name in NAMES} == {"int64", "float64"}


def test_hugging_face_datasets_streamed(tiles, load_dataset) -> None:  # noqa: F811
    stream = load_dataset("parquet", data_dir=str(tiles), split="train", streaming=True)
    assert [tuple(row[name] for name in NAMES) for row in stream] == ROWS


def test_pandas(tiles) -> None:
    found = pd.read_parquet(tiles)[NAMES].astype(object)
    assert [tuple(row) for row in found.where(found.notna(), None).to_numpy()] == ROWS


def test_polars(tiles) -> None:
    assert pl.scan_parquet(f"{tiles}/*.parquet").select(NAMES).collect().rows() == ROWS


def test_duckdb(tiles) -> None:
    assert duckdb.read_parquet(f"{tiles}/*.parquet").project(", ".join(NAMES)).fetchall() == ROWS
