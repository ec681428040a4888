"""The folder tiles/ of an output, flat or in subfolders, in the programs that people load it with, without options."""

from collections.abc import Iterable
from operator import itemgetter
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from flows.tasks.settle_layout import settle_layout
from tests.support.finished import HandmadeSlide, write_output
from tests.support.offline import load_dataset  # noqa: F401 - a fixture

NAMES = ["path", "level0_x", "level0_y", "tumor", "stroma"]
ROWS = [
    ("/slides/a.tiff", 0, 0, 0.25, 0.75),
    ("/slides/a.tiff", 32, 0, 1.0, 0.0),
    ("/slides/b.tiff", 0, 0, None, None),
    ("/slides/b.tiff", 32, 32, None, None),
]
"""Kept tiles of both slides; nothing is known of the second, in which both classes are null throughout."""


def by_slide(rows: Iterable[tuple]) -> list[tuple[Any, ...]]:
    """Return rows with the slides in the order of their paths; those of a slide stay in theirs."""
    return sorted(rows, key=itemgetter(0))


@pytest.fixture(scope="module", params=["flat", "subfolders"])
def tiles(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("readers") / "output"
    known = {"tumor": [0.25, 1.0], "stroma": [0.75, 0.0]}
    unknown = {"tumor": [None] * 4, "stroma": [None] * 4}
    slides = [
        HandmadeSlide("/slides/a.tiff", 2, known, [True, True]),
        HandmadeSlide("/slides/b.tiff", 2, unknown, [True, False, False, True]),
        HandmadeSlide("/slides/c.tiff", 1, {"tumor": [0.5], "stroma": [0.5]}, [False]),
    ]
    output = write_output(folder, slides)
    if request.param == "subfolders":
        settle_layout(output.storage, len(slides), 1)
        assert not list((folder / "tiles").glob("*.parquet"))
    return folder / "tiles"


def test_hugging_face_datasets(tiles, load_dataset) -> None:  # noqa: F811
    found = load_dataset("parquet", data_files=f"{tiles}/**/*.parquet", split="train")
    assert by_slide(zip(*(found[name] for name in NAMES), strict=True)) == ROWS
    assert {found.features[name].dtype for name in NAMES[1:]} == {"int64", "float64"}


def test_hugging_face_datasets_streamed(tiles, load_dataset) -> None:  # noqa: F811
    stream = load_dataset("parquet", data_dir=str(tiles), split="train", streaming=True)
    assert by_slide(tuple(row[name] for name in NAMES) for row in stream) == ROWS


def test_pandas(tiles) -> None:
    found = pd.read_parquet(tiles)[NAMES].astype(object)
    assert by_slide(tuple(row) for row in found.where(found.notna(), None).to_numpy()) == ROWS


def test_polars(tiles) -> None:
    assert by_slide(pl.scan_parquet(f"{tiles}/**/*.parquet").select(NAMES).collect().rows()) == ROWS


def test_polars_with_the_folder_alone(tiles) -> None:
    assert by_slide(pl.scan_parquet(tiles).select(NAMES).collect().rows()) == ROWS


def test_duckdb(tiles) -> None:
    assert by_slide(duckdb.read_parquet(f"{tiles}/**/*.parquet").project(", ".join(NAMES)).fetchall()) == ROWS


def test_a_subfolder_adds_no_column(tiles) -> None:
    schema = pq.read_schema(next(tiles.rglob("*.parquet")))
    assert ds.dataset(tiles).schema.names == schema.names
    assert pq.read_table(tiles).schema.names == schema.names
    assert pl.scan_parquet(tiles).collect_schema().names() == schema.names
    assert duckdb.read_parquet(f"{tiles}/**/*.parquet").columns == schema.names
