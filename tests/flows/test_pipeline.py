"""The coverage flow end to end, on real Ray, a real Prefect server and real files."""

import os
from typing import Any
from uuid import uuid4

import numpy as np
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest
import ray.data
import shapely

from flows.pipeline import coverage
from schemas.coverage import coverage as coverage_schema
from schemas.coverage import tiles as tiles_schema
from schemas.table import checked
from tests.support import oracles
from tests.support.study import (
    SIZE,
    configured,
    contents,
    failures,
    names,
    random_labels,
    run,
    settings,
    write_mask,
    write_slide,
    write_slide_without_mpp,
    write_study,
)

pytestmark = pytest.mark.usefixtures("local_ray", "server")


def test_fractions_equal_the_oracle(folder, output) -> None:
    write_slide(folder / "a.tiff")
    tissue = write_mask(folder / "a_tissue.tiff", random_labels(1, (0, 255)))
    classes = write_mask(folder / "a_classes.ome.tiff", random_labels(2, (0, 1, 2, 3), (96, 128)), mpp=0.25)
    run(folder, keep=None)
    for row in pq.read_table(output / "coverage").to_pylist():
        tile = row["tile_x"], row["tile_y"], (0.5, 0.5), shapely.box(0, 0, 16, 16)
        expected = oracles.overlap([tissue], (1.0, 1.0), *tile)
        assert dict(row["tissue_overlap"]) == pytest.approx(expected)
        assert row["tissue"] == pytest.approx(expected["255"])
        expected = oracles.overlap([classes], (0.25, 0.25), *tile)
        assert dict(row["annotation_overlap"]) == pytest.approx(expected)
        assert row["tumor"] == pytest.approx(expected["1"] + expected["2"])


def test_each_folder_reads_as_one_dataset(folder, output) -> None:
    write_study(folder, "a", "b", "c")
    assert run(folder, keep="tissue > 0.9999").result().kept == 0
    overlays = configured(folder).overlay_columns
    for table, rows, schema in (("coverage", 36, coverage_schema(overlays)), ("tiles", 0, tiles_schema(overlays))):
        checked(pyarrow.dataset.dataset(output / table).to_table(), schema)
        dataset = ray.data.read_parquet(str(output / table))
        assert dataset.count() == rows
        assert dataset.schema().names == schema.arrow.names


def test_a_slide_smaller_than_a_tile_may_have_no_tiles(folder, output) -> None:
    write_study(folder, "a")
    state = run(folder, tiling={"mpp": 0.5, "tile_extent": 100, "last": "drop"})
    assert (state.is_completed(), state.result().tiles) == (True, 0)
    assert pyarrow.dataset.dataset(output / "coverage").count_rows() == 0
    assert not (output / "coverage" / "empty.parquet").exists()


def test_two_workers_and_one_write_the_same_bytes(folder, output) -> None:
    write_study(folder, "a", "b")
    write_slide(folder / "c.tiff", size=(400, 360))
    write_mask(folder / "c_tissue.tiff", random_labels(5, (0, 255), (100, 120)))
    write_mask(folder / "c_classes.ome.tiff", random_labels(6, (0, 1, 3), (300, 360)), mpp=0.33)
    tiling = {"mpp": 0.5, "tile_extent": [3, 2], "stride": 1}  # c has 142,882 tiles: three units of work
    run(folder, tiling=tiling)
    first = contents(output)
    options = ray.data.DataContext.get_current().execution_options
    options.resource_limits = options.resource_limits.copy(cpu=1)
    try:
        run(folder, tiling=tiling)
    finally:
        options.resource_limits = type(options.resource_limits)()
    assert contents(output) == first
    assert len(first) == 8
    groups = [pq.read_metadata(path).num_row_groups for path in (output / "coverage").iterdir()]
    assert sorted(groups) == [1, 1, 3]
    [large] = [path for path in (output / "coverage").iterdir() if pq.read_metadata(path).num_rows > 40_000]
    table = pq.read_table(large)
    order = table["tile_y"].to_numpy() * 1000 + table["tile_x"].to_numpy()
    assert np.all(np.diff(order) > 0)


def test_a_slide_that_is_gone_stays_until_the_configuration_changes(folder, output) -> None:
    write_study(folder, "a", "b")
    run(folder)
    for path in folder.glob("a*"):
        path.unlink()
    run(folder)
    assert names(output, "coverage") == {"a.tiff", "b.tiff"}
    run(folder, keep=None)
    assert names(output, "coverage") == {"a.tiff", "b.tiff"}
    assert names(output, "tiles") == {"a.tiff", "b.tiff"}
    run(folder, tiling={"level": 0, "tile_extent": 16})
    assert names(output, "coverage") == {"b.tiff"}


def test_files_of_others_in_a_folder_of_tables_stay(folder, output) -> None:
    write_study(folder, "a")
    (output / "coverage").mkdir(parents=True)
    for name in ("notes.txt", "mine.parquet"):
        (output / "coverage" / name).write_text("mine")
    assert run(folder).is_completed()
    assert {"notes.txt", "mine.parquet"} < set(os.listdir(output / "coverage"))


def test_the_hidden_folder_of_a_killed_run_is_removed(folder, output) -> None:
    write_study(folder, "a")
    grids = output / ".work" / uuid4().hex / "grid"
    grids.mkdir(parents=True)
    (grids / "x.parquet").write_text("half a file")
    assert run(folder).is_completed()
    assert not (output / ".work").exists()


def test_an_id_depends_on_path_and_tiling_only(folder, output) -> None:
    write_study(folder, "a")

    def slide_id(**changes: Any) -> str:
        run(folder, **changes)
        return pq.read_table(output / "slides.parquet")["slide_id"][0].as_py()

    first = slide_id()
    write_slide(folder / "a.tiff", size=(SIZE[0] + 3, SIZE[1]))
    assert slide_id(roi=[0, 0, 8, 8], keep=None) == first
    assert slide_id(tiling={"mpp": 0.5, "tile_extent": [16, 16], "stride": 16}) == first
    assert slide_id(tiling={"mpp": 0.5, "tile_extent": 16, "stride": 8}) != first


def test_a_slide_may_have_any_name(folder, output) -> None:
    strange = ["a b'c\"d", "š片", "x\ny", "{name}", "b[1]*"]
    write_study(folder / "{dir} [x]", *strange)
    assert run(folder).is_completed()
    assert names(output, "coverage") == {f"{name}.tiff" for name in strange}


def test_an_output_may_lie_below_a_folder_that_looks_like_a_partition(folder, tmp_path) -> None:
    write_study(folder, "a")
    assert run(folder, output=f"{tmp_path}/path=1/level=2").is_completed()


def test_a_manifest_gives_resolution_and_overlays(folder, output, tmp_path) -> None:
    write_slide_without_mpp(folder / "a.tiff")
    write_slide_without_mpp(folder / "b.tiff")
    write_mask(tmp_path / "masks" / "of a.tiff", random_labels(1, (0, 255)))
    (tmp_path / "m.csv").write_text(
        "path,mpp,mask\nslides/a.tiff,0.5,masks/of a.tiff\nslides/b.tiff,,masks/of a.tiff\n"
    )
    overlays = {"tissue": {"path": {"column": "mask"}, "classes": {"tissue": [255]}}}
    state = run(folder, slides=str(tmp_path / "m.csv"), overlays=overlays)
    assert failures(output)["b.tiff"][:2] == ("discover slides", "MissingMppError")
    assert state.result(raise_on_failure=False).summary.tiles == 12
    assert names(output, "coverage") == {"a.tiff"}
    assert run(folder, slides=str(tmp_path / "m.csv"), overlays=overlays, slide_mpp=0.5).is_completed()


def test_an_output_that_cannot_be_written_fails_the_run(folder, tmp_path) -> None:
    write_study(folder, "a")
    (tmp_path / "file").touch()
    state = run(folder, output=str(tmp_path / "file" / "output"))
    assert (state.type.value, state.name) == ("FAILED", "Failed")
    assert "OutputError: cannot write " in state.message


def test_a_run_that_fails_leaves_what_was_complete(folder, output) -> None:
    write_study(folder, "a")
    run(folder)
    before = contents(output)
    (output / "tiles").rename(output / "tiles-elsewhere")
    (output / "tiles").write_text("a file in the way")
    assert run(folder).type.value == "FAILED"
    (output / "tiles").unlink()
    (output / "tiles-elsewhere").rename(output / "tiles")
    after = {name: content for name, content in contents(output).items() if not name.startswith(".work")}
    assert after == before


def test_slides_that_do_not_exist_fail_the_flow(folder) -> None:
    state = run(folder, slides=str(folder / "nope"))
    assert (state.type.value, state.name) == ("FAILED", "Failed")
    assert "ConfigurationError: slides: " in state.message


def test_a_wrong_parameter_fails_the_flow_before_it_runs(folder) -> None:
    state = coverage(settings(folder, tolerate=-1), return_state=True)
    assert (state.type.value, state.name) == ("FAILED", "Failed")
    assert "tolerate: found -1; give a number of slides" in state.message


def test_a_run_to_review_is_failed_under_strict(folder) -> None:
    write_study(folder, "a")
    state = run(folder, keep="tissue >= 0", strict=True)
    assert (state.name, state.is_failed()) == ("Review", True)
    assert "not clean under strict: 1 of 1 slides to review: everything kept (1 slide)" in state.message
