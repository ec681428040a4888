"""Runs whose overlays are annotations: exact shares, counts, notes, and slides put aside by name."""

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from flows.records.provenance import REPORT_KEY
from tests.support.annotation_files import asap, imagescope
from tests.support.study import (
    configured,
    contents,
    failures,
    names,
    random_labels,
    run,
    write_mask,
    write_slide,
    write_slide_without_mpp,
)

BOX = [(4.0, 4.0), (20.0, 4.0), (20.0, 12.0), (4.0, 12.0)]
BOW_TIE = [(32.0, 0.0), (48.0, 16.0), (48.0, 0.0), (32.0, 16.0)]
OUTLINES = [("Tumor", BOX), ("Stroma", BOX), ("Artefact*", [(0, 32), (64, 32), (64, 48), (0, 48)])]
DRAWN = {"path": "{dir}/{stem}.xml", "classes": {"tumor": ["Tumor"], "stroma": [{"match": "S.*"}]}}

pytestmark = pytest.mark.usefixtures("local_ray", "server")


def run_drawn(folder: Path, keep: str | None = None, **options: Any) -> list[dict[str, Any]]:
    """Rows of the coverage of a run with one annotation per slide."""
    run(folder, overlays={"drawn": {**DRAWN, **options}}, keep=keep)
    return pq.read_table(folder.parent / "output" / "coverage").to_pylist()


def at(rows: list[dict[str, Any]], x: int, y: int) -> dict[str, Any]:
    [row] = [row for row in rows if (row["tile_x"], row["tile_y"]) == (x, y)]
    return row


def notes(folder: Path) -> list[str]:
    """Remarks in the report on the only slide."""
    [file] = (folder.parent / "output" / "coverage").glob("*.parquet")
    report: dict[str, Any] = json.loads(pq.read_schema(file).metadata[REPORT_KEY])
    return report["notes"]


class TestOneSlide:
    @pytest.fixture
    def folder(self, folder: Path) -> Path:
        write_slide(folder / "a.tiff")
        (folder / "a.xml").write_bytes(asap(OUTLINES))
        return folder

    def test_classes_have_the_exact_share_of_their_labels(self, folder: Path) -> None:
        rows = run_drawn(folder)
        assert [at(rows, x, 0)["tumor"] for x in (0, 16, 32)] == [12 * 8 / 256, 4 * 8 / 256, 0.0]
        assert at(rows, 0, 0)["stroma"] == 12 * 8 / 256

    def test_labels_that_overlap_have_a_key_of_their_own(self, folder: Path) -> None:
        assert dict(at(run_drawn(folder), 0, 0)["drawn_overlap"]) == {"0": 0.625, "Stroma + Tumor": 0.375}

    def test_ignored_labels_do_not_exist(self, folder: Path) -> None:
        row = at(run_drawn(folder), 0, 32)
        assert (row["drawn_inside"], row["tumor"]) == (0.0, None)

    def test_what_is_on_top_is_disjoint(self, folder: Path) -> None:
        row = at(run_drawn(folder, on_top=["Tumor", "Stroma"]), 0, 0)
        assert (row["tumor"], row["stroma"]) == (0.0, 0.375)

    def test_outlines_are_counted_where_their_centroid_lies(self, folder: Path) -> None:
        rows = run_drawn(folder, count=True)
        assert [at(rows, x, 0)["drawn_count"] for x in (0, 16)] == [2, 0]
        assert at(rows, 0, 0)["tumor_count"] == 1
        assert at(rows, 0, 32)["drawn_count"] is at(rows, 0, 32)["tumor_count"] is None

    def test_its_shares_are_exact_by_either_rule(self, folder: Path) -> None:
        rows = [run_drawn(folder, counting=rule, uncertainty=True) for rule in ("centre", "area")]
        assert rows[0] == rows[1]
        assert (at(rows[0], 0, 0)["drawn_uncertainty"], at(rows[0], 0, 32)["drawn_uncertainty"]) == (0.0, None)

    def test_keep_may_use_its_classes(self, folder: Path) -> None:
        run_drawn(folder, keep="tumor > 0.3")
        assert pq.read_table(folder.parent / "output" / "tiles").num_rows == 1

    def test_a_second_run_keeps_the_file_and_another_option_does_not(self, folder: Path) -> None:
        run_drawn(folder)
        before = contents(folder.parent / "output" / "coverage")
        run_drawn(folder)
        assert contents(folder.parent / "output" / "coverage") == before
        run_drawn(folder, fill="evenodd")
        assert contents(folder.parent / "output" / "coverage") != before

    def test_overlapping_classes_are_noted(self, folder: Path) -> None:
        run_drawn(folder)
        area = 16 * 8 * 0.25 / 1e6
        [note] = notes(folder)
        assert note.startswith(f"overlay drawn: classes tumor and stroma overlap by {area:.4g} mm², which counts in")

    def test_a_class_that_no_label_matches_is_told_with_the_labels_that_there_are(self, folder: Path, capsys) -> None:
        run_drawn(folder, classes={"necrosis": ["Necrosis"]})
        record = json.loads((folder.parent / "output" / "run.json").read_text())
        [absent] = record["review"]["absent_classes"]
        assert (absent["name"], absent["values"]) == ("necrosis", ["Necrosis"])
        assert {found["value"] for found in absent["found"]} == {"0", "Stroma + Tumor"}

    def test_its_outline_is_drawn(self, folder: Path) -> None:
        run(folder, overlays={"drawn": DRAWN}, keep=None, previews=True)
        assert len(list((folder.parent / "output" / "previews").glob("*.png"))) == 1

    def test_a_level_below_is_measured_in_the_same_frame(self, folder: Path) -> None:
        rows = run_drawn(folder, keep=None)
        run(folder, overlays={"drawn": DRAWN}, keep=None, slide_mpp=0.25, tiling={"mpp": 0.25, "tile_extent": 16})
        again = pq.read_table(folder.parent / "output" / "coverage").to_pylist()
        assert {at(again, 0, 0)["tumor"], at(rows, 0, 0)["tumor"]} == {0.375}


def test_repairs_and_what_has_no_area_are_noted(folder: Path) -> None:
    write_slide(folder / "a.tiff")
    content = imagescope([("Tumor", BOW_TIE), ("Tumor", BOX)]).replace(b'Type="0"', b'Type="3"', 2)
    (folder / "a.xml").write_bytes(content.replace(b'Type="3"', b'Type="0"', 1))
    rows = run_drawn(folder, classes={"tumor": ["Tumor"]})
    assert at(rows, 32, 0)["tumor"] == 0.5
    assert notes(folder) == [
        "overlay drawn: 1 outlines repaired, area changed by 128 px²",
        "overlay drawn: left out: Arrow 1",
    ]


def test_bad_annotations_put_their_slide_aside_and_others_are_measured(folder: Path) -> None:
    for name in ("good", "empty", "missing", "cut", "elsewhere", "mask"):
        write_slide(folder / f"{name}.tiff")
    (folder / "good.xml").write_bytes(asap(OUTLINES))
    (folder / "empty.xml").write_bytes(asap([]))
    (folder / "cut.xml").write_bytes(asap(OUTLINES)[:-40])
    (folder / "elsewhere.xml").write_bytes(asap([("Tumor", [(x + 500, y) for x, y in BOX])]))
    write_mask(folder / "mask.xml", random_labels(0, (0, 1)))
    rows = run_drawn(folder, missing="zero", on_top=["Tumor"])
    found = {name: error for name, (_, error, _) in failures(folder.parent / "output").items()}
    assert found == {
        "cut.tiff": "TruncatedError", "elsewhere.tiff": "MisalignedError", "mask.tiff": "UnsupportedFormatError",
    }  # fmt: skip
    assert names(folder.parent / "output", "coverage") == {"good.tiff", "empty.tiff", "missing.tiff"}
    assert {row["tumor"] for row in rows if Path(row["path"]).stem in {"empty", "missing"}} == {0.0}


def test_a_slide_without_resolution_can_have_annotations(folder: Path) -> None:
    write_slide_without_mpp(folder / "a.tiff")
    (folder / "a.xml").write_bytes(asap(OUTLINES))
    run(folder, overlays={"drawn": DRAWN}, keep=None, tiling={"level": 0, "tile_extent": 16})
    rows = pq.read_table(folder.parent / "output" / "coverage").to_pylist()
    assert at(rows, 0, 0)["tumor"] == 0.375


def test_masks_and_annotations_may_be_mixed_in_one_run(folder: Path) -> None:
    write_slide(folder / "a.tiff")
    write_mask(folder / "a_tissue.tiff", random_labels(0, (255,)))
    (folder / "a.xml").write_bytes(asap(OUTLINES))
    tissue = {"path": "{dir}/{stem}_tissue.tiff", "classes": {"tissue": [255]}}
    centre = {"path": "{dir}/{stem}_tissue.tiff", "classes": {"any": [">0"]}, "roi": [4, 4, 12, 12]}
    ranked = {"path": "{dir}/{stem}.xml", "classes": {"first": ["Tumor"], "second": ["Stroma"]}, "dominant": True}
    overlays = {"tissue": tissue, "drawn": DRAWN, "centre": centre, "ranked": ranked}
    run(folder, overlays=overlays, keep="tissue > 0.5 and tumor > 0 and any > 0.5", previews=True)
    table = pq.read_table(folder.parent / "output" / "tiles")
    assert (table.num_rows, table["any"].to_pylist()) == (2, [1.0, 1.0])
    assert table["ranked_dominant"].to_pylist() == ["first", "first"]
    [file] = (folder.parent / "output" / "coverage").glob("*.parquet")
    report = json.loads(pq.read_schema(file).metadata[REPORT_KEY])
    assert report["mm2"]["any"] == pytest.approx(report["mm2"]["tissue"] / 4)
    assert len(list((folder.parent / "output" / "previews").glob("*.png"))) == 1


def test_counts_have_columns_of_their_own_names(folder: Path) -> None:
    config = configured(folder, overlays={"drawn": {**DRAWN, "count": True}}, keep=None)
    assert config.overlay_columns[0].counts == ("drawn_count", "tumor_count", "stroma_count")
