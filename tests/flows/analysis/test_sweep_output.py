"""The verb `sweep` on outputs made by hand, its tables read back with polars and its page in a browser."""

import json
import re
from dataclasses import replace
from pathlib import Path

import fsspec
import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.analysis.thresholds.sweep import ClassLeft, CohortLeft, thresholds_of
from flows.analysis.thresholds.sweep_flow import artifact_rows
from flows.analysis.thresholds.sweep_options import SweepOptions
from flows.analysis.thresholds.sweep_output import FILES, claimed_folder, rows_of, sweep_finished, sweep_output
from flows.analysis.thresholds.sweep_page import PageSlides, render_sweep
from flows.cli.verbs.dispatch import main
from flows.records.finished_output import FinishedOutput
from flows.records.slides import Slide
from flows.reports.slide_report import merge_reports, partial_report
from tests.flows.reports.test_gallery import in_browser, shown
from tests.support.finished import HandmadeSlide, write_output

A = [1.0, 0.8, 0.5, 0.5, 0.15, 0.0]
KEPT = [True] * 6
SLIDES = [
    HandmadeSlide("/s/full.tiff", 3, {"a": A, "b": [0.0, 0.2, 0.5, 0.5, 0.0, 0.1]}, KEPT),
    HandmadeSlide("/s/<b>.tiff", 3, {"a": [0.5] * 6, "b": [0.0] * 6}, KEPT),
    HandmadeSlide("/s/unknown.tiff", 3, {"a": [None] * 6, "b": [None] * 6}, KEPT),
]
KEEP = "a >= 0.5 and (b < 0.5 and mask_inside > 0)"


@pytest.fixture
def finished(tmp_path) -> FinishedOutput:
    return write_output(tmp_path / "out", SLIDES, keep=KEEP)


def test_the_verb_writes_tables_and_a_page_that_agree(finished, tmp_path, capsys) -> None:
    assert main(["sweep", str(tmp_path / "out"), "--step", "0.5", "--per-slide-min", "3", "--json"]) == 0
    folder = tmp_path / "out" / "sweep"
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)
    content = json.loads(capsys.readouterr().out)
    expected = {
        "class": ["a"] * 3 + ["b"] * 3,
        "threshold": [0.0, 0.5, 1.0] * 2,
        "tiles": [12, 10, 1, 12, 2, 0],
        "slides": [2, 2, 1, 2, 1, 0],
        "slides_without": [1, 1, 2, 1, 2, 3],
        "slides_below": [1, 1, 3, 1, 3, 3],
    }
    table = pl.read_csv(folder / "sweep.csv")
    assert table.drop("mm2").to_dict(as_series=False) == expected
    tile_mm2 = (16 * 1e-3) ** 2  # 16 px of 1 µm
    assert table["mm2"].to_list() == pytest.approx([n * tile_mm2 for n in (5.95, 5.8, 1.0, 1.3, 1.0, 0.0)])
    assert content["sweep"] == table.to_dicts()
    assert pl.read_csv(folder / "funnel.csv").rows() == [
        ("all tiles", 18, 3, 18, 3, 0),
        ("a >= 0.5", 10, 2, 10, 2, 1),
        ("b < 0.5", 10, 2, 8, 2, 2),
        ("mask_inside > 0", 12, 2, 8, 2, 2),
    ]
    assert [(one["path"], one["tiles"]) for one in content["dropped"]] == [("/s/full.tiff", 2), ("/s/unknown.tiff", 0)]
    columns = ["path", "class", "drops_at", "ge_0", "ge_0_5", "ge_1"]
    assert pl.read_csv(folder / "slides.csv").select(columns).rows() == [
        ("/s/full.tiff", "a", 1.0, 6, 4, 1),
        ("/s/full.tiff", "b", 0.5, 6, 2, 0),
        ("/s/<b>.tiff", "a", 1.0, 6, 6, 0),
        ("/s/<b>.tiff", "b", 0.5, 6, 0, 0),
        ("/s/unknown.tiff", "a", 0.0, 0, 0, 0),
        ("/s/unknown.tiff", "b", 0.0, 0, 0, 0),
    ]
    assert pl.read_csv(folder / "slides_keep.csv").drop("slide_id").rows() == [
        ("/s/full.tiff", 2, 6, 4, 2, 2),
        ("/s/<b>.tiff", None, 6, 6, 6, 6),
        ("/s/unknown.tiff", 1, 6, 0, 0, 0),
    ]


def test_the_lines_name_the_slides_that_keep_leaves_too_few_tiles(finished, tmp_path, capsys) -> None:
    assert main(["sweep", str(tmp_path / "out"), "--per-slide-min", "3", "--to", str(tmp_path / "results")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "3 slides, 18 tiles"
    assert (
        lines[1] == "a: 12 tiles, 0.00152 mm²; left 10 in 2 slides at 0.25, 10 in 2 slides at 0.5, 2 in 1 slide at 0.75"
    )
    assert "keep leaves 2 slides fewer than 3 tiles: full.tiff (2), unknown.tiff (0)" in lines
    assert (tmp_path / "results" / "sweep.html").exists()
    assert not (tmp_path / "out" / "sweep").exists()


def test_the_area_at_threshold_0_is_that_of_the_report(finished) -> None:
    slide = Slide.from_row(finished.slides.to_pylist()[1])
    tiles = pa.concat_tables(finished.coverage_groups(slide.slide_id, None))
    extra = {"suspicions": [], "notes": [], "alignments": {}}
    report = merge_reports([partial_report(tiles, slide, finished.config) | extra], finished.config)
    only = FinishedOutput(finished.storage, finished.config, finished.record, finished.slides[1:2])
    options = SweepOptions.of(only.config, 1, None, 1)
    swept = sweep_output(only, options, claimed_folder(only, None), rows_of(only))
    assert {row["class"]: row["mm2"] for row in swept.rows[::2]} == pytest.approx(report["mm2"])


def test_a_damaged_file_is_put_aside_and_an_absent_one_is_not_counted(finished, tmp_path, capsys) -> None:
    first, second, _ = (finished.path_of("coverage", one) for one in finished.slides["slide_id"].to_pylist())
    Path(first).write_bytes(b"PAR1 and no more PAR1")
    Path(second).unlink()
    assert main(["sweep", str(tmp_path / "out")]) == 3
    found = capsys.readouterr()
    assert f"put aside {first!r} is damaged" in found.err
    assert "1 slide, 6 tiles" in found.out
    assert "1 slide without a file in coverage/, since the run put them aside: not counted" in found.out


def test_slides_that_are_gone_are_not_counted(finished, tmp_path, capsys) -> None:
    rows = pl.read_parquet(tmp_path / "out" / "slides.parquet")
    rows[:2].write_parquet(tmp_path / "out" / "slides.parquet")
    assert main(["sweep", str(tmp_path / "out")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["2 slides, 12 tiles", "1 file in coverage/ of slides that are gone: not counted"]


def test_a_file_that_lacks_a_class_is_put_aside(finished, tmp_path, capsys) -> None:
    path = finished.path_of("coverage", finished.slides["slide_id"][0].as_py())
    pl.read_parquet(path, columns=["tile_x", "tile_y", "mask_inside", "a"]).write_parquet(path)
    assert main(["sweep", str(tmp_path / "out")]) == 3
    assert "has no column 'b'; hint: run the flow again" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["sweep.html", "slides.csv"])
def test_files_of_others_are_not_overwritten(finished, tmp_path, capsys, name) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / name).write_text("mine")
    assert main(["sweep", str(tmp_path / "out"), "--to", str(tmp_path / "mine")]) == 2
    assert f"has a file {name} that no sweep wrote; give another folder with --to" in capsys.readouterr().err
    assert (tmp_path / "mine" / name).read_text() == "mine"


def test_a_sweep_replaces_an_earlier_one(finished, tmp_path, capsys) -> None:
    assert main(["sweep", str(tmp_path / "out"), "-q"]) == 0
    assert main(["sweep", str(tmp_path / "out"), "-q", "--step", "1", "--keep", "b > 0.1"]) == 0
    assert pl.read_csv(tmp_path / "out" / "sweep" / "sweep.csv")["threshold"].to_list() == [0.0, 1.0] * 2
    assert pl.read_csv(tmp_path / "out" / "sweep" / "funnel.csv")["part"].to_list() == ["all tiles", "b > 0.1"]


def test_keep_may_name_columns_of_the_manifest(tmp_path) -> None:
    slides = [replace(one, cells={"fold": fold}) for one, fold in zip(SLIDES, (0, 1, None), strict=True)]
    write_output(tmp_path / "out", slides, columns={"fold": "integer"}, keep="fold < 1 and a >= 0.5")
    assert main(["sweep", str(tmp_path / "out"), "-q"]) == 0
    table = pl.read_csv(tmp_path / "out" / "sweep" / "funnel.csv")
    assert table.select("part", "tiles_alone", "tiles_in_order").rows() == [
        ("all tiles", 18, 18), ("fold < 1", 6, 6), ("a >= 0.5", 10, 4),
    ]  # fmt: skip


def test_an_output_in_a_store_is_swept_into_a_folder(finished, tmp_path, capsys) -> None:
    fsspec.filesystem("memory").put(str(tmp_path / "out"), "/of-a-sweep", recursive=True)
    assert main(["sweep", "memory://of-a-sweep", "--to", str(tmp_path / "results")]) == 0
    assert pl.read_csv(tmp_path / "results" / "funnel.csv")["tiles_in_order"].to_list() == [18, 10, 8, 8]


def test_an_output_without_slides_and_keep_has_a_page(tmp_path) -> None:
    output = write_output(tmp_path / "out", SLIDES[:1])
    empty = FinishedOutput(output.storage, output.config, output.record, output.slides[:0])
    swept = sweep_output(empty, SweepOptions.of(empty.config, 0.5, None, 1), claimed_folder(empty, None), [])
    assert [row["tiles"] for row in swept.rows] == [0] * 6
    assert {row["mm2"] for row in swept.rows} == {None}
    assert "The run has no keep" in (tmp_path / "out" / "sweep" / "sweep.html").read_text()


def texts(dom: str, tag: str, kind: str = "") -> list[str]:
    return re.findall(rf"<{tag}{kind and f' class={chr(34)}{kind}{chr(34)}'}>(.*?)</{tag}>", dom, re.DOTALL)


@in_browser
def test_the_page_shows_a_threshold_and_the_slides_that_drop_out(finished, tmp_path) -> None:
    assert main(["sweep", str(tmp_path / "out"), "-q", "--step", "0.25"]) == 0
    page = (tmp_path / "out" / "sweep" / "sweep.html").read_text()
    dom = shown(tmp_path, page, "a=0.75&least=5&open=a")
    assert texts(dom, "h2")[:2] == ["a &gt;= 0.75", "b &gt;= 0"]
    assert texts(dom, "p", "left")[0] == ("2 tiles (16.7 %), 1 slide (33.3 %), 2 with none, 0.000461 mm² of a")
    assert "slides with fewer than 5 tiles: 3" in dom
    assert texts(dom, "li")[:3] == ["full.tiff: 2", "&lt;b&gt;.tiff: 0", "unknown.tiff: 0"]
    assert '<code id="keep">a &gt;= 0.75</code>' in dom


def test_the_page_names_no_other_host(finished, tmp_path) -> None:
    assert main(["sweep", str(tmp_path / "out"), "-q"]) == 0
    assert "://" not in (tmp_path / "out" / "sweep" / "sweep.html").read_text()


@pytest.mark.parametrize(("limit", "is_listed"), [(5_000 * 21, True), (5_000 * 21 - 1, False)])
def test_the_page_lists_slides_up_to_a_number_of_counts(finished, limit, is_listed) -> None:
    slide, thresholds = Slide.from_row(finished.slides.to_pylist()[0]), thresholds_of(0.05)
    left = ClassLeft(np.arange(2100, 0, -100), None)
    page, cohort = PageSlides(["a"], limit), CohortLeft(thresholds, 1)
    for _ in range(5_000):
        page.add(slide, {"a": left})
        cohort.add(left)
    content = render_sweep(thresholds, 1, 5_000, {"a": cohort}, page, None, [], [])
    assert content.count("full.tiff") == (5_000 if is_listed else 0)
    assert f'"isListed": {str(is_listed).lower()}' in content
    assert len(content) < 1_000_000


def test_the_tables_are_artifacts_of_a_flow_run(server, finished, tmp_path) -> None:
    assert main(["sweep", str(tmp_path / "out"), "-q", "--artifact"]) == 0
    keys = ArtifactFilter(key=ArtifactFilterKey(any_=["coverage-sweep", "coverage-funnel"]))
    with get_client(sync_client=True) as client:
        found = {one.key: json.loads(one.data) for one in client.read_artifacts(artifact_filter=keys)}
    assert found["coverage-sweep"][10] == pl.read_csv(tmp_path / "out" / "sweep" / "sweep.csv").to_dicts()[10]
    assert [row["tiles_in_order"] for row in found["coverage-funnel"]] == [18, 10, 8, 8]


def test_no_artifact_is_made_without_an_api(finished, tmp_path, capsys) -> None:
    with temporary_settings({PREFECT_API_URL: None}):
        assert main(["sweep", str(tmp_path / "out"), "-q", "--artifact"]) == 0
    assert capsys.readouterr().err == "no artifact was made: no Prefect API is set; set PREFECT_API_URL\n"


def test_an_artifact_of_many_thresholds_holds_some(finished, tmp_path) -> None:
    swept = sweep_finished(str(tmp_path / "out"), None, 0.001, None, 1)
    rows = artifact_rows(swept, 1_000)
    assert len(swept.rows) == 2 * 1001
    assert len(rows) == 2 * 334
    assert [row["threshold"] for row in rows[:3]] == [0.0, 0.003, 0.006]
    assert artifact_rows(swept, 5_000) == list(swept.rows)
