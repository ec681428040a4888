"""Exports of finished tables: names, conditions, slides put aside, and the folder before and after."""

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import tifffile

from flows.cli.verbs.dispatch import main
from flows.config.errors import ConfigurationError
from flows.config.export_settings import ExportSettings, FormatName
from flows.exports.export import Export
from flows.exports.export_record import ExportRecord
from flows.exports.export_target import ExportTarget, refuse_foreign_exports
from flows.exports.registry import NAMES
from flows.records.finished_output import FinishedOutput
from flows.storage.filesystem import Storage
from tests.support.finished import HandmadeSlide, write_output

NAN = float("nan")


def slide(name: str, *shares: float, **changes) -> HandmadeSlide:
    """A row of tiles, all kept."""
    return HandmadeSlide(f"/slides/{name}", len(shares), {"tumor": shares}, [True] * len(shares), **changes)


@pytest.fixture
def output(tmp_path) -> FinishedOutput:
    return write_output(tmp_path / "output", [slide("a.svs", 0.25, 0.75), slide("b.svs", 0.5)])


def export(tables: FinishedOutput, to: Path, form: FormatName = "heatmap", **settings) -> ExportRecord:
    return Export.open(tables, form, ExportSettings(to=str(to), **settings)).run(lambda _: None)


def contents(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


def test_each_slide_has_its_files_under_its_stem(output, tmp_path) -> None:
    export(output, tmp_path / "to")
    assert contents(tmp_path / "to") == {"a_tumor.tiff", "b_tumor.tiff", "export.json"}
    assert tifffile.imread(tmp_path / "to" / "a_tumor.tiff").tolist() == [[0.25, 0.75]]


def test_where_chooses_tiles_by_any_column(tmp_path) -> None:
    cells = [{"fold": 0, "label": "ill"}, {"fold": 1, "label": "ill"}]
    slides = [slide("a.svs", 0.25, 0.75, cells=cells[0]), slide("b.svs", 0.5, cells=cells[1])]
    output = write_output(tmp_path / "output", slides, columns={"fold": "integer", "label": "text"})
    record = export(output, tmp_path / "to", where="fold == 0 and label == 'ill' and level0_x >= 32 and tumor > 0.5")
    assert [one.tiles for one in record.slides] == [1, 0]
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "to" / "a_tumor.tiff"), [[NAN, 0.75]])


def test_classes_choose_the_columns(output, tmp_path) -> None:
    export(output, tmp_path / "to", classes=["mask_inside"], name="slide_id")
    names = {f"{row['slide_id']}_mask_inside.tiff" for row in output.slides.to_pylist()}
    assert contents(tmp_path / "to") == names | {"export.json"}


def test_the_share_that_exists_does_not_classify_tiles_beside_a_class(output, tmp_path) -> None:
    export(output, tmp_path / "to", "qupath", classes=["mask_inside", "tumor"], crop=False)
    [tile] = json.loads((tmp_path / "to" / "b.geojson").read_text())["features"]
    assert tile["properties"]["measurements"]["mask_inside"] > tile["properties"]["measurements"]["tumor"]
    assert tile["properties"]["classification"]["name"] == "tumor"


def test_slides_without_tiles_file_or_that_the_format_cannot_hold_are_put_aside(tmp_path) -> None:
    slides = [slide("a.svs", 0.25), slide("b.svs", 0.5), slide("c.svs", 0.5, mpp=None)]
    output = write_output(tmp_path / "output", slides)
    Path(output.path_of("tiles", output.slides["slide_id"][1].as_py())).unlink()
    record = export(output, tmp_path / "to")
    assert contents(tmp_path / "to") == {"a_tumor.tiff", "export.json"}
    reasons = {one.path: one.reason.partition(":")[0] for one in record.put_aside}
    assert reasons == {"/slides/b.svs": "SlideNotFoundError", "/slides/c.svs": "MissingMppError"}


def test_the_next_export_removes_the_files_of_slides_that_left_and_no_other(output, tmp_path) -> None:
    to = tmp_path / "to"
    export(output, to)
    (to / "features").mkdir()
    (to / "features" / "b_tumor.tiff").touch()
    smaller = write_output(tmp_path / "smaller", [slide("a.svs", 0.125)])
    export(smaller, to)
    assert contents(to) == {"a_tumor.tiff", "export.json", "features", "features/b_tumor.tiff"}
    assert tifffile.imread(to / "a_tumor.tiff").tolist() == [[0.125]]


def test_a_file_of_others_under_a_name_of_the_export_stays(output, tmp_path) -> None:
    to = tmp_path / "to"
    to.mkdir()
    (to / "b_tumor.tiff").write_text("mine")
    with pytest.raises(ConfigurationError, match=r"b_tumor\.tiff' is a file of others"):
        export(output, to)
    assert (to / "b_tumor.tiff").read_text() == "mine"
    with pytest.raises(ConfigurationError, match=r"b_tumor\.tiff' is a file of others"):
        export(output, to)  # the first, unfinished one changes nothing about whose it is
    (to / "b_tumor.tiff").unlink()
    export(output, to)
    assert contents(to) == {"a_tumor.tiff", "b_tumor.tiff", "export.json"}


def test_files_of_a_killed_export_are_written_again(output, tmp_path) -> None:
    to = tmp_path / "to"
    opened = Export.open(output, "heatmap", ExportSettings(to=str(to)))
    with opened.running() as running:
        running.attempt(opened.rows[0])  # and no finish
    assert json.loads((to / "export.json").read_text())["is_finished"] is False
    assert contents(to) == {"a_tumor.tiff", "export.json"}
    export(output, to)
    assert contents(to) == {"a_tumor.tiff", "b_tumor.tiff", "export.json"}


def test_a_record_cannot_name_files_outside_the_folder(output, tmp_path) -> None:
    to = tmp_path / "to"
    export(output, to)
    record = json.loads((to / "export.json").read_text())
    record["cohort"] = ["../victim"]
    (to / "export.json").write_text(json.dumps(record))
    with pytest.raises(ConfigurationError, match="not a file of this program"):
        export(output, to)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"where": "stroma > 0.5"}, "where: unknown column 'stroma'"),
        ({"where": "tumor > 50"}, "where: 'tumor' and '50' compare alike"),
        ({"classes": ["level"]}, "classes: no column of numbers 'level' is written; the columns are tumor, "),
        ({"form": "csv", "classes": ["tumor", "tumor"]}, "classes: 'tumor' is named twice; name it once"),
        ({"classify": ["tumor"]}, "classify is an option of qupath only"),
        ({"form": "qupath", "classes": ["tumor"], "classify": ["mask_inside"]}, "classify: no column of numbers"),
        ({"crop": False}, "crop is an option of qupath only"),
    ],
)
def test_settings_that_do_not_fit_the_tables_are_refused_before_any_work(output, tmp_path, settings, message) -> None:
    with pytest.raises(ConfigurationError, match=message):
        export(output, tmp_path / "to", **settings)
    assert not (tmp_path / "to").exists()


def test_a_column_of_the_manifest_called_like_one_of_the_data_set_is_refused_before_any_work(tmp_path) -> None:
    output = write_output(tmp_path / "output", [slide("a.svs", 0.5, cells={"id": 1.5})], columns={"id": "number"})
    with pytest.raises(ConfigurationError, match="columns: 'id' is the name of a column of the format 'dataset'"):
        export(output, tmp_path / "to", "dataset")
    assert not (tmp_path / "to").exists()


def test_stems_that_collide_are_refused_with_both_paths(tmp_path) -> None:
    output = write_output(tmp_path / "output", [slide("x/a.svs", 0.25), slide("y/a.ome.tiff", 0.5)])
    with pytest.raises(ConfigurationError, match=r"'/slides/x/a.svs' and '/slides/y/a.ome.tiff' .*; set it to"):
        export(output, tmp_path / "to")
    assert len(export(output, tmp_path / "to", name="slide_id").slides) == 2


def test_the_data_set_takes_slides_of_one_stem_since_its_files_have_other_names(tmp_path) -> None:
    output = write_output(tmp_path / "output", [slide("x/a.svs", 0.25), slide("y/a.svs", 0.5)])
    assert len(export(output, tmp_path / "to", "dataset").slides) == 2


def test_maps_of_two_slides_that_would_be_one_file_are_refused(tmp_path) -> None:
    slides = [
        HandmadeSlide(f"/slides/{name}.svs", 1, {"tumor": [0.25], "b_tumor": [0.5]}, [True]) for name in ("a", "a_b")
    ]
    output = write_output(tmp_path / "output", slides)
    with pytest.raises(ConfigurationError, match=r"maps of '/slides/a.svs' and '/slides/a_b.svs' .* 'a_b_tumor.tiff'"):
        export(output, tmp_path / "to")
    assert len(list(export(output, tmp_path / "to", classes=["tumor"]).files)) == 2


def test_folders_of_the_tables_and_of_other_exports_are_refused(output, tmp_path) -> None:
    root = Path(output.storage.root)
    (tmp_path / "link").symlink_to(root / "tiles")
    for folder in (root, root / "tiles", root / "tiles" / "mine", tmp_path / "link"):
        with pytest.raises(ConfigurationError, match="is a folder of the tables"):
            export(output, folder)
    export(output, tmp_path / "to")
    with pytest.raises(ConfigurationError, match="holds an export of the format heatmap"):
        export(output, tmp_path / "to", "csv")
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="is a file; set a folder"):
        export(output, tmp_path / "file")


def test_an_export_goes_to_a_store_too(output) -> None:
    uri = "memory://bucket/export"
    record = Export.open(output, "heatmap", ExportSettings(to=uri)).run(lambda _: None)
    again = Export.open(output, "heatmap", ExportSettings(to=uri))  # its own files are not those of others
    assert (again.slide.target.others, again.missing) == (frozenset(), frozenset())
    storage = Storage.at(uri)
    assert storage.names(storage.root) == ["a_tumor.tiff", "b_tumor.tiff", "export.json"]
    assert list(record.files) == ["a_tumor.tiff", "b_tumor.tiff"]


def test_configured_exports_are_refused_before_any_work_by_folders_and_names(tmp_path) -> None:
    output = write_output(tmp_path / "output", [HandmadeSlide("/s/a.svs", 1, {"x": [0.5]}, [True])])

    def refuse(**exports: ExportSettings) -> None:
        refuse_foreign_exports(output.config.model_copy(update={"exports": exports}), output.storage)

    refuse(csv=ExportSettings(), heatmap=ExportSettings())
    (tmp_path / "link").symlink_to(tmp_path / "maps")
    for folder in (f"{tmp_path}/./maps/", f"{tmp_path}/link"):
        with pytest.raises(ConfigurationError, match=r"exports\.heatmap\.to: csv and heatmap have the same folder"):
            refuse(csv=ExportSettings(to=str(tmp_path / "maps")), heatmap=ExportSettings(to=folder))
    for form in ("geoparquet", "hs2p", "dataset"):
        with pytest.raises(ConfigurationError, match=f"'x' is the name of a column of the format '{form}'"):
            refuse(**{form: ExportSettings()})
        with pytest.raises(ConfigurationError, match=f"'x' is the name of a column of the format '{form}'"):
            export(output, tmp_path / "to", form)
    assert not (tmp_path / "to").exists()


@pytest.mark.parametrize("form", NAMES)
def test_the_next_steps_name_files_below_the_folder(output, tmp_path, bucket, form) -> None:
    uri = bucket.uri("maps")
    options = {"crop": False} if form == "qupath" else {}
    to_store = Export.open(output, form, ExportSettings(to=uri, **options))
    to_store.run(lambda _: None)
    assert all("?" not in line for line in to_store.next_steps)
    to_folder = Export.open(output, form, ExportSettings(to=str(tmp_path / "my maps"), **options))
    to_folder.run(lambda _: None)
    store, folder = uri.partition("?")[0], str(tmp_path / "my maps")
    plain = [line.replace("'", "") for line in to_folder.next_steps]
    assert [line.replace("'", "").replace(store, folder) for line in to_store.next_steps] == plain


def test_the_folder_in_a_store_keeps_the_options_of_the_output() -> None:
    files = Storage.at("memory://bucket/out").files
    output = Storage(files, "bucket/out", "s3://bucket/out?region=eu-central-1")
    target, *_ = ExportTarget.open(None, "csv", output)
    found = target.workspace.root, target.workspace.output
    assert found == ("bucket/out/exports/csv", "s3://bucket/out/exports/csv?region=eu-central-1")


def test_tables_of_another_version_are_refused_or_put_aside(output, tmp_path) -> None:
    path = Path(output.path_of("tiles", output.slides["slide_id"][0].as_py()))
    pq.write_table(pq.read_table(path).drop_columns(["level0_x"]), path)
    [aside] = export(output, tmp_path / "to").put_aside
    assert "has no column level0_x; hint: run the flow again" in aside.reason
    pq.write_table(output.slides.drop_columns(["level0_mpp_x"]), tmp_path / "output" / "slides.parquet")
    with pytest.raises(
        ConfigurationError, match=r"slides.parquet in .* has no column level0_mpp_x; run the flow again"
    ):
        export(FinishedOutput.open(output.storage.root), tmp_path / "to")


def test_the_verb_names_the_folder_and_the_slides_put_aside(tmp_path, capsys) -> None:
    output = write_output(tmp_path / "output", [slide("a.svs", 0.25, 0.75), slide("c.svs", 0.5, mpp=None)])
    code = main(["export", "heatmap", output.storage.root, "--where", "tumor > 0.5", "--classes", "tumor", "--json"])
    printed = capsys.readouterr()
    found = json.loads(printed.out)
    assert (code, found["slides"], found["tiles"], found["files"]) == (3, 1, 1, 1)
    assert found["folder"] == str(tmp_path / "output" / "exports" / "heatmap")
    assert contents(tmp_path / "output" / "exports" / "heatmap") == {"a_tumor.tiff", "export.json"}
    assert printed.err.startswith("put aside: /slides/c.svs: MissingMppError: ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["pdf", "x"], "pdf"),
        (["heatmap", "x", "--to", "s3://key:secret@bucket"], "to: "),
        (["heatmap", "x"], "holds no finished run"),
        (["heatmap", "x", "--name", "hash"], "hash"),
    ],
)
def test_the_verb_refuses_what_it_does_not_know(tmp_path, monkeypatch, capsys, arguments, message) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["export", *arguments]) == 2
    printed = capsys.readouterr().err
    assert printed.startswith("refused:")
    assert message in printed
    assert "secret" not in printed
