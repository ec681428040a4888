"""Masks made wrong on purpose, in runs: what is measured, what is put aside and what the reports say."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import tifffile
from PIL import Image

from flows.records.provenance import REPORT_KEY
from tests.support.annotation_files import asap
from tests.support.study import failures, names, random_labels, run, write_mask, write_slide, write_slide_without_mpp

pytestmark = pytest.mark.usefixtures("local_ray", "server")
LABELS = random_labels(0, (0, 255))
OVERLAY = {"path": "{dir}/{stem}_tissue.tiff", "classes": {"tissue": [255]}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A slide of 64 x 48 px at 0.5 µm/px and its mask at 1 µm/px."""
    study(tmp_path / "slides", "right", 1.0)
    return tmp_path / "slides"


def study(folder: Path, name: str, mpp: float | None, labels: np.ndarray = LABELS) -> None:
    write_slide(folder / f"{name}.tiff")
    path = folder / f"{name}_tissue.tiff"
    if mpp is None:
        tifffile.imwrite(path, labels, tile=(16, 16), metadata=None)
    else:
        write_mask(path, labels, mpp)


def measure(folder: Path, overlay: dict[str, Any] | None = None, **changes: Any) -> Path:
    run(folder, overlays={"tissue": {**OVERLAY, **(overlay or {})}}, **changes)
    return folder.parent / "output"


def shares(output: Path, name: str) -> list[float]:
    rows = pq.read_table(output / "coverage").to_pylist()
    return [row["tissue"] for row in rows if Path(row["path"]).stem == name]


def report(output: Path, name: str) -> dict[str, Any]:
    """Report in the footer of a slide's file."""
    found = [file for file in (output / "coverage").iterdir()
             if Path(pq.read_table(file, columns=["path"])["path"][0].as_py()).stem == name]  # fmt: skip
    return json.loads(pq.read_metadata(found[0]).metadata[REPORT_KEY])


def test_sizes_stand_for_resolutions_that_are_missing(folder: Path) -> None:
    study(folder, "untagged", None)
    study(folder, "screen", 352.8)
    output = measure(folder)
    assert failures(output) == {}
    assert shares(output, "untagged") == shares(output, "screen") == shares(output, "right")
    assert json.loads((output / "run.json").read_text())["alignments"] == {"tissue": {"fits": 1, "no resolution": 2}}


def test_the_decision_and_its_numbers_are_in_the_report_of_the_slide(folder: Path) -> None:
    assert report(measure(folder), "right")["alignments"] == {
        "tissue": {"case": "fits", "scale": [2.0, 2.0], "downsample": [2.0, 2.0], "drift": [0.0, 0.0]}
    }


def test_an_imprecise_resolution_is_a_note(tmp_path: Path) -> None:
    folder = tmp_path / "slides"
    write_slide(folder / "a.tiff", size=(192, 256))
    write_mask(folder / "a_tissue.tiff", random_labels(0, (0, 255), (96, 128)), 1.04)
    found = report(measure(folder), "a")
    note = (
        "overlay tissue is aligned by size: a pixel is 2 x 2 px of level 0, not 2.08 x 2.08 as the resolutions say, "
        "which would drift by 10.24 x 7.68 px"
    )
    assert found["notes"] == [note]
    assert found["suspicions"] == []


def test_a_wrong_resolution_puts_the_slide_aside_until_a_setting_accepts_it(folder: Path) -> None:
    study(folder, "twice", 2.0)
    output = measure(folder)
    stage, error, message = failures(output)["twice.tiff"]
    assert (stage, error) == ("compute overlaps", "MisalignedError")
    assert "a pixel of the overlay is 4 x 4 px of level 0" in message
    assert "but 2 x 2 px by the sizes 32 x 24 and 64 x 48 px; hint: set overlays.NAME.align: extent" in message
    assert names(output, "coverage") == {"right.tiff"}
    for accepting in ({"align": "extent"}, {"mpp": 1.0}, {"mpp": [1.0, 1.0]}):
        output = measure(folder, accepting)
        assert failures(output) == {}
        assert shares(output, "twice") == shares(output, "right")


def test_a_resolution_may_be_a_column_of_the_manifest(folder: Path) -> None:
    study(folder, "twice", 2.0)
    manifest = folder / "slides.csv"

    def measured(mpp: float) -> Path:
        manifest.write_text(f"path,mask_mpp\nright.tiff,\ntwice.tiff,{mpp}\n")
        return measure(folder, {"mpp": {"column": "mask_mpp"}}, slides=str(manifest))

    output = measured(1.0)
    assert failures(output) == {}
    assert shares(output, "twice") == shares(output, "right")
    assert set(failures(measured(4.0))) == {"twice.tiff"}  # another cell is another input
    counts = json.loads((output / "run.json").read_text())["counts"]
    assert counts["unchanged"] == 1


def test_a_mask_of_a_part_is_measured_and_reviewed(folder: Path) -> None:
    study(folder, "part", 1.0, LABELS[:16, :8])
    output = measure(folder)
    assert report(output, "part")["suspicions"] == [
        "overlay tissue covers a part of the slide: 16 x 32 px of level 0, where the slide has 64 x 48 px"
    ]
    assert np.array(shares(output, "part"), float).shape == (12,)


def test_a_mask_of_another_slide_is_put_aside(folder: Path) -> None:
    study(folder, "other", 1.0, random_labels(1, (0, 255), (32, 24)))
    stage, error, message = failures(measure(folder))["other.tiff"]
    assert (stage, error) == ("compute overlaps", "MisalignedError")
    assert "is no image of the slide" in message
    assert "other" in {Path(name).stem for name in names(measure(folder, {"align": "mpp"}), "coverage")}


def test_a_slide_without_resolution_is_measured_by_size(folder: Path) -> None:
    study(folder, "bare", 1.0)
    write_slide_without_mpp(folder / "bare.tiff")
    output = measure(folder, tiling={"level": 0, "tile_extent": 16}, previews=True)
    assert failures(output) == {}
    assert shares(output, "bare") == shares(output, "right")


def test_a_picture_without_any_resolution_is_measured_by_size(folder: Path) -> None:
    Image.fromarray(LABELS).save(folder / "right_tissue.png", dpi=(72, 72))
    output = measure(folder, {"path": "{dir}/{stem}_tissue.png"})
    found = shares(output, "right")
    assert report(output, "right")["alignments"]["tissue"]["case"] == "no resolution"
    assert found == shares(measure(folder), "right")


@pytest.mark.parametrize(("options", "named"), [
    ({"align": "extent"}, "overlays.tissue.align"),
    ({"align": "mpp", "mpp": 1}, "overlays.tissue.mpp and overlays.tissue.align"),
])  # fmt: skip
def test_an_annotation_has_no_options_of_images(folder: Path, options: dict[str, Any], named: str) -> None:
    (folder / "right.xml").write_bytes(asap([("a", [(0, 0), (9, 0), (9, 9)])]))
    output = measure(folder, {"path": "{dir}/{stem}.xml", "classes": {"tissue": ["a"]}, **options})
    _, error, message = failures(output)["right.tiff"]
    assert error == "UnsupportedFormatError"
    assert f"has options of images: {named}; hint: remove them" in message
