"""Tables, summary and record of one run over two slides, and of one over an empty folder."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest
import ray.data
from prefect.client.schemas.objects import State

from flows.config.model import CoverageConfig
from flows.records.review import Review
from flows.records.run_record import Summary
from schemas.coverage import coverage as coverage_schema
from schemas.coverage import tiles as tiles_schema
from schemas.slides import SLIDES
from schemas.table import checked
from tests.support.study import TASKS, configured, failures, names, run, write_study

SCHEMAS = {"coverage": coverage_schema, "tiles": tiles_schema}
"""Schema of each folder of tables, as a function of the overlays' columns."""
per_folder = pytest.mark.parametrize("table", SCHEMAS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("completed") / "slides"
    write_study(folder, "a", "b")
    return folder


@pytest.fixture(scope="module")
def state(folder, local_ray, server) -> State:
    return run(folder)


@pytest.fixture(scope="module")
def output(state, folder) -> Path:
    return folder.parent / "output"


@pytest.fixture(scope="module")
def config(folder) -> CoverageConfig:
    return configured(folder)


@pytest.fixture(scope="module")
def ids(output) -> list[str]:
    """Ids of the slides, in the order of the table."""
    return pq.read_table(output / "slides.parquet")["slide_id"].to_pylist()


@pytest.fixture(scope="module")
def first(output, ids) -> pa.Table:
    """Coverage of the first slide."""
    return pq.read_table(output / "coverage" / f"{ids[0]}.parquet")


def test_the_state_is_completed(state) -> None:
    assert (state.type.value, state.name) == ("COMPLETED", "Completed")


def test_the_message_counts_the_slides(state) -> None:
    assert state.message.startswith("2 of 2 slides in the tables, 0 put aside; 2 new, 0 changed, 0 unchanged, 0 gone; ")


def test_the_output_holds_the_documented_files_and_no_other(output) -> None:
    assert sorted(os.listdir(output)) == [
        ".state",
        "coverage",
        "failures.parquet",
        "run.json",
        "slides.parquet",
        "tiles",
    ]


def test_slides_are_listed_in_order_of_their_paths(output, folder) -> None:
    slides = checked(pq.read_table(output / "slides.parquet"), SLIDES)
    assert slides["path"].to_pylist() == [f"{folder}/a.tiff", f"{folder}/b.tiff"]


def test_a_slide_has_the_geometry_of_its_file(output) -> None:
    geometry = {"extent_x": 64, "extent_y": 48, "mpp_x": 0.5, "level": 0, "downsample": 1.0}
    assert pq.read_table(output / "slides.parquet").select(list(geometry)).to_pylist()[0] == geometry


@per_folder
def test_each_slide_has_one_file(output, ids, table) -> None:
    assert sorted(os.listdir(output / table)) == sorted(f"{slide_id}.parquet" for slide_id in ids)


@per_folder
def test_each_file_follows_its_schema(output, ids, config, table) -> None:
    for slide_id in ids:
        checked(pq.read_table(output / table / f"{slide_id}.parquet"), SCHEMAS[table](config.overlay_columns))


def test_no_slide_failed(output) -> None:
    assert failures(output) == {}


def test_tiles_are_in_row_major_order(first) -> None:
    assert list(zip(first["tile_x"].to_pylist(), first["tile_y"].to_pylist(), strict=True)) == [
        (x, y) for y in (0, 16, 32) for x in (0, 16, 32, 48)
    ]


def test_the_kept_tiles_are_those_that_keep_selects(output, ids, first) -> None:
    kept = pq.read_table(output / "tiles" / f"{ids[0]}.parquet")
    expected = first.filter(pc.greater_equal(first["tissue"], 0.5)).drop_columns(
        ["tissue_overlap", "annotation_overlap"]
    )
    level0 = ["level0_x", "level0_y", "level0_extent_x", "level0_extent_y"]  # level 0 is tiled
    assert kept.drop_columns(level0).equals(expected)
    assert (
        kept.select(level0)
        .rename_columns(["tile_x", "tile_y", "tile_extent_x", "tile_extent_y"])
        .equals(expected.select(["tile_x", "tile_y", "tile_extent_x", "tile_extent_y"]))
    )


def test_some_tiles_are_kept_and_some_are_not(output, ids, first) -> None:
    assert 0 < pq.read_metadata(output / "tiles" / f"{ids[0]}.parquet").num_rows < first.num_rows


def test_the_summary_counts_slides_and_tiles(state, output) -> None:
    none = dict.fromkeys(("changed", "recomputed", "unchanged", "put_aside", "gone", "tolerated"), 0)
    kept = pq.read_table(output / "tiles").num_rows
    assert replace(state.result(), review=Review()) == Summary(
        output=str(output), found=2, new=2, tiles=24, kept=kept, **none
    )


@pytest.fixture(scope="module")
def record(output) -> dict:
    return json.loads((output / "run.json").read_text())


def test_the_record_has_the_counts_of_the_summary(record, state) -> None:
    assert record["counts"]["kept"] == state.result().kept


def test_the_record_has_the_review(record, state) -> None:
    assert record["review"]["reasons"] == state.result().review.reasons


def test_the_record_has_the_configuration(record, config) -> None:
    assert record["configuration"] == config.model_dump(mode="json")


def test_the_record_has_the_versions(record) -> None:
    assert {"python", "ray", "prefect", "ratiopath-flows"} <= record["versions"].keys()


def test_the_record_has_the_seconds_of_the_tasks_that_ran(record) -> None:
    assert [*record["times"]["seconds_per_task"]] == [name for name in TASKS if name != "draw previews"]


class TestAnEmptyFolder:
    @pytest.fixture(scope="class")
    @classmethod
    def folder(cls, tmp_path_factory) -> Path:
        folder = tmp_path_factory.mktemp("empty") / "slides"
        folder.mkdir()
        return folder

    @pytest.fixture(scope="class")
    @classmethod
    def state(cls, folder, local_ray, server) -> State:
        return run(folder)

    @pytest.fixture(scope="class")
    @classmethod
    def output(cls, state, folder) -> Path:
        return folder.parent / "output"

    def test_completes_with_no_slides(self, state) -> None:
        assert (state.is_completed(), state.result().found) == (True, 0)

    def test_gives_an_empty_table_of_slides(self, output) -> None:
        assert checked(pq.read_table(output / "slides.parquet"), SLIDES).num_rows == 0

    def test_gives_no_failures(self, output) -> None:
        assert failures(output) == {}

    @per_folder
    def test_gives_folders_with_their_schema(self, output, folder, table) -> None:
        schema = SCHEMAS[table](configured(folder).overlay_columns)
        found = pyarrow.dataset.dataset(output / table)
        assert (found.count_rows(), found.schema.names) == (0, schema.arrow.names)

    @per_folder
    def test_gives_folders_that_ray_reads(self, output, table) -> None:
        assert ray.data.read_parquet(str(output / table)).count() == 0

    def test_holds_only_the_slides_that_come_later(self, output, folder) -> None:
        """Last: it adds a slide."""
        write_study(folder, "a")
        run(folder)
        assert names(output, "coverage") == {"a.tiff"}
        assert len(os.listdir(output / "coverage")) == 1
