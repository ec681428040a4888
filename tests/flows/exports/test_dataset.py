"""A data set of a cohort: few files, sorted by slide, that every reader loads without options."""

import json

import duckdb
import pandas as pd
import polars as pl
import pyarrow.parquet as pq
import pytest

from flows.cli.verbs.dispatch import main
from flows.config.errors import ConfigurationError
from flows.config.model import CoverageConfig
from flows.exports.formats.dataset import DatasetFormat, dataset_tiles
from tests.support.finished import HandmadeSlide, write_output
from tests.support.offline import load_dataset  # noqa: F401 - a fixture
from tests.support.written_output import exported

CONFIG = CoverageConfig.model_validate(
    {
        "slides": "/slides",
        "output": "/output",
        "tiling": {"level": 1, "tile_extent": 16},
        "overlays": {"mask": {"path": "{dir}/{stem}_mask.tiff", "classes": {"tumor": [1]}}},
        "columns": {"label": "text"},
    }
)
SLIDES = (
    HandmadeSlide("/slides/b.tiff", 2, {"tumor": [0.5, 1.0]}, [True, True], cells={"label": "benign"}),
    HandmadeSlide("/slides/a.tiff", 3, {"tumor": [0.25, None, 0.75]}, [True, True, False], cells={"label": None}),
    HandmadeSlide("/slides/c.tiff", 1, {"tumor": [0.5]}, [False], cells={"label": "tumor"}),
)
ROWS = [("a", 0, 0, 0.25), ("a", 16, 0, None), ("b", 0, 0, 0.5), ("b", 16, 0, 1.0)]
"""Stem of the slide, x and y in pixels of level 1, and share of each tile."""


def write(slides, folder, **options):
    """Write a data set as the driver of exports does: each slide, then the cohort."""
    folder.mkdir()
    for slide in slides:
        DatasetFormat(**options).write_slide(slide, folder)
    DatasetFormat(**options).write_cohort(slides, CONFIG, folder)
    return folder


def shards(folder):
    return json.loads((folder / "dataset.json").read_text())["shards"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    tmp_path = tmp_path_factory.mktemp("cohort")
    return write(exported(tmp_path / "output", *SLIDES, columns=CONFIG.columns), tmp_path / "dataset")


def test_datasets_loads_tiles_and_slides_without_options(folder, load_dataset) -> None:  # noqa: F811
    tiles = load_dataset("parquet", data_dir=str(folder / "tiles"), split="train")
    found = zip(tiles["slide_id"], tiles["x"], tiles["y"], tiles["tumor"], strict=True)
    assert [(slide_id[0], x, y, share) for slide_id, x, y, share in found] == ROWS
    assert load_dataset(str(folder), split="train")["x"] == tiles["x"]  # tiles is the default of the card
    slides = load_dataset("parquet", data_files=str(folder / "slides.parquet"), split="train")
    assert [path[-6] for path in slides["path"]] == ["a", "b", "c"]
    assert slides["id"] == slides["slide_id"]
    assert (slides["tiles"], slides["label"]) == ([2, 2, 0], [None, "benign", "tumor"])
    assert load_dataset(str(folder), "slides", split="train")["id"] == slides["id"]


def test_pandas_polars_and_duckdb_load_the_folder(folder) -> None:
    names = ["x", "y", "tumor"]
    expected = [row[1:] for row in ROWS]
    frame = pd.read_parquet(folder / "tiles")[names].astype(object)
    assert frame.where(frame.notna(), None).apply(tuple, axis=1).tolist() == expected
    assert pl.read_parquet(folder / "tiles" / "*.parquet").select(names).rows() == expected
    assert duckdb.read_parquet(f"{folder}/tiles/*.parquet").project("x, y, tumor").fetchall() == expected


def test_columns_that_the_loader_of_mlkit_names(folder) -> None:
    assert pq.read_schema(folder / "slides.parquet").names[:3] == ["id", "slide_id", "path"]
    assert {"level", "tile_extent_x", "tile_extent_y"} < set(pq.read_schema(folder / "slides.parquet").names)
    assert pq.read_schema(folder / "tiles" / "tiles-00000.parquet").names == [
        *("slide_id", "x", "y", "level", "tile_extent_x", "tile_extent_y", "mpp_x", "mpp_y"),
        *("level0_x", "level0_y", "level0_extent_x", "level0_extent_y", "tumor", "label"),
    ]


def test_nothing_else_lies_in_the_folder_and_the_manifest_counts(folder) -> None:
    files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))
    assert files == ["README.md", "dataset.json", "slides.parquet", "tiles", "tiles/tiles-00000.parquet"]
    content = json.loads((folder / "dataset.json").read_text())
    assert (content["slides"], content["tiles"], content["classes"], content["keep"]) == (3, 4, ["tumor"], None)
    [shard] = content["shards"]
    assert (shard["rows"], shard["bytes"]) == (4, (folder / "tiles" / shard["file"]).stat().st_size)
    assert (shard["first_slide"][0], shard["last_slide"][0]) == ("a", "b")


def test_slides_without_tiles_make_a_table_without_rows(tmp_path) -> None:
    folder = write(exported(tmp_path / "output", SLIDES[2], columns=CONFIG.columns), tmp_path / "d")
    assert [shard["rows"] for shard in shards(folder)] == [0]
    assert duckdb.read_parquet(f"{folder}/tiles/*.parquet").fetchall() == []  # datasets refuses a table without rows
    write([], tmp_path / "e")
    assert json.loads((tmp_path / "e" / "dataset.json").read_text())["shards"] == []


@pytest.mark.parametrize("name", ["id", "y"])
def test_a_column_of_the_manifest_named_like_a_column_is_refused(tmp_path, name) -> None:
    slide = HandmadeSlide("/s/a.tiff", 1, {"tumor": [0.5]}, [True], cells={name: 1.5})
    with pytest.raises(ConfigurationError, match=f"columns: '{name}' is the name of a column of the format 'dataset'"):
        dataset_tiles(*exported(tmp_path, slide, columns={name: "number"}))


def test_a_class_named_like_a_column_is_refused(tmp_path) -> None:
    [slide] = exported(tmp_path, HandmadeSlide("/s/a.tiff", 1, {"x": [0.5]}, [True]))
    with pytest.raises(ConfigurationError, match="classes: 'x' is the name of a column of the format 'dataset'"):
        dataset_tiles(slide)


def test_the_verb_writes_the_tiles_that_where_chooses(tmp_path, capsys) -> None:
    write_output(tmp_path / "output", SLIDES, columns=CONFIG.columns)
    to = tmp_path / "to"
    for where, expected in (("tumor > 0", 3), ("tumor >= 0.5", 2)):  # the second replaces the first
        assert main(["export", "dataset", str(tmp_path / "output"), "--to", str(to), "--where", where]) == 0
        assert pq.read_table(to / "tiles").num_rows == expected
    assert json.loads((to / "dataset.json").read_text())["tiles"] == 2
    assert f'next: datasets.load_dataset("parquet", data_dir="{to}/tiles")' in capsys.readouterr().out
