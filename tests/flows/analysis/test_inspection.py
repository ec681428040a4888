"""Inspection of files: what is said about levels, values, labels, place and damage."""

import json

import numpy as np
import pytest
import tifffile
from PIL import Image

from flows.analysis.inspection import Inspection, inspect_file
from flows.analysis.pixel_values import coarse_level, count_values
from flows.cli.verbs.dispatch import main
from ratiopath.geometry import Extent
from ratiopath.slides import ArrayReader
from tests.support.leica import write_leica_slide
from tests.support.study import truncate, write_mask, write_slide, write_slide_without_mpp

SQUARE = [[[0, 0], [40, 0], [40, 20], [0, 20], [0, 0]]]


@pytest.fixture
def slide(tmp_path) -> str:
    """64 x 48 px at 0.5 µm/px."""
    return str(write_slide(tmp_path / "a.tiff"))


def geojson(path, *outlines: tuple[str, list]) -> str:
    features = [
        {
            "type": "Feature",
            "geometry": {"type": "Polygon", "coordinates": rings},
            "properties": {"classification": {"name": label}},
        }
        for label, rings in outlines
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return str(path)


def line(found: Inspection, start: str) -> str:
    return next(text for text in found.lines if text.startswith(start))


def test_values_of_a_mask_are_counted_under_the_names_that_classes_take(tmp_path, slide) -> None:
    labels = np.zeros((24, 32), np.uint8)
    labels[:, :8] = 255
    write_mask(tmp_path / "mask.tiff", labels)
    found = inspect_file(str(tmp_path / "mask.tiff"), slide)
    assert found.content["values"]["counts"] == {"0": 576, "255": 192}
    assert line(found, "values") == "values at level 0: 0 (75.00%), 255 (25.00%)"
    assert found.content["fit"]["case"] == "fits"
    assert found.content["fit"]["downsample"] == [2.0, 2.0]
    assert found.defects == []


def test_a_mask_of_another_slide_is_a_defect(tmp_path, slide) -> None:
    write_mask(tmp_path / "mask.tiff", np.zeros((100, 32), np.uint8))
    [defect] = inspect_file(str(tmp_path / "mask.tiff"), slide).defects
    assert "is no image of the slide" in defect


def test_the_source_of_the_resolution_is_told(tmp_path, slide) -> None:
    tifffile.imwrite(
        tmp_path / "ome.tiff", np.zeros((8, 8), np.uint8), ome=True,
        metadata={"axes": "YX", "PhysicalSizeX": 0.25, "PhysicalSizeY": 0.25},
    )  # fmt: skip
    sources = {
        slide: "resolution tags",
        str(tmp_path / "ome.tiff"): "OME PhysicalSize",
        str(write_slide_without_mpp(tmp_path / "none.tiff")): None,
    }
    assert {path: inspect_file(path).content["mpp_source"] for path in sources} == sources


def test_levels_and_encoding_of_a_slide(slide) -> None:
    found = inspect_file(slide)
    assert found.content["levels"] == [{"extent": [64, 48], "downsample": [1.0, 1.0], "mpp": [0.5, 0.5]}]
    assert "3 channels of uint8" in line(found, "image")
    assert line(found, "values").endswith("a picture or a heat map, not labels")


def test_a_slide_that_openslide_reads_tells_its_scanned_box(tmp_path) -> None:
    write_leica_slide(tmp_path / "a.scn")
    found = inspect_file(str(tmp_path / "a.scn"))
    assert found.content["reader"] == "OpenSlide (leica)"
    assert found.content["mpp_source"] == "openslide.mpp-x and openslide.mpp-y"
    assert found.content["bounds"] is not None


def test_a_mask_in_jpeg_has_a_remark_and_one_without_loss_has_none(tmp_path) -> None:
    labels = np.zeros((64, 64), np.uint8)
    labels[20:40, 20:40] = 255
    write_mask(tmp_path / "whole.tiff", labels)
    Image.fromarray(labels).save(tmp_path / "lossy.jpg")
    assert inspect_file(str(tmp_path / "whole.tiff")).content["remarks"] == []
    [remark] = inspect_file(str(tmp_path / "lossy.jpg")).content["remarks"]
    assert remark.startswith("JPEG changes pixels")


def test_the_range_of_a_heat_map_leaves_nan_out() -> None:
    scores = np.linspace(0, 1, 1024, dtype=np.float32).reshape(32, 32)
    scores[0, 0] = np.nan
    values = count_values(ArrayReader([scores], None))
    assert values.counts is None
    assert (values.low, values.high) == (pytest.approx(1 / 1023), 1.0)


def test_of_a_large_level_some_chunks_are_read_and_their_share_is_told() -> None:
    reader = ArrayReader([np.ones((48, 64), np.uint8)], None, chunk=Extent(16, 16))
    values = count_values(reader, max_pixels=64 * 48 // 4)
    assert (values.share, values.pixels, values.counts) == (0.25, 64 * 48 // 4, {"1": 64 * 48 // 4})


def test_the_coarsest_level_with_enough_pixels_is_looked_at() -> None:
    levels = [np.zeros((10, side), np.uint8) for side in (4000, 2000, 1000, 500)]
    assert coarse_level(ArrayReader(levels, None)) == 2
    assert coarse_level(ArrayReader(levels[3:], None)) == 0


def test_labels_of_an_annotation_have_outlines_and_area(tmp_path, slide) -> None:
    other = [[[0, 30], [20, 30], [20, 40], [0, 40], [0, 30]]]
    path = geojson(tmp_path / "a.geojson", ("Tumor", SQUARE), ("Tumor", other), ("Stroma", other))
    found = inspect_file(path, slide)
    tumor = found.content["labels"]["Tumor"]
    assert (tumor["outlines"], tumor["area"]) == (2, 1000.0)
    assert tumor["mm2"] == pytest.approx(1000 * 0.25e-6)
    assert found.content["bounds"] == [0.0, 0.0, 40.0, 40.0]
    assert "inside its 64 x 48 px" in line(found, "on ")


def test_an_annotation_beside_its_slide_is_a_defect_and_its_labels_are_told(tmp_path, slide) -> None:
    far = [[[x + 1000, y] for x, y in SQUARE[0]]]
    found = inspect_file(geojson(tmp_path / "a.geojson", ("Tumor", far)), slide)
    [defect] = found.defects
    assert "lies outside of the slide" in defect
    assert line(found, "label Tumor") == "label Tumor: 1 outline, area 800 px²"


def test_the_verb_ends_with_3_for_a_damaged_file_and_goes_on(tmp_path, slide, capsys) -> None:
    damaged = str(truncate(write_slide(tmp_path / "b.tiff")))
    assert main(["inspect", slide, "--json"]) == 0
    [whole] = json.loads(capsys.readouterr().out)["files"]
    assert whole["defects"] == []
    assert main(["inspect", damaged, slide, "-q"]) == 3
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("defect: ")
    assert damaged in output.err
    assert main(["inspect", damaged, str(tmp_path / "nope.tiff"), slide]) == 3
    assert f"\n{slide}\n" in capsys.readouterr().out


def test_controls_in_a_label_are_shown_as_escapes(tmp_path) -> None:
    found = inspect_file(geojson(tmp_path / "a.geojson", ("red\x1b[31m\nlabel\u202e", SQUARE)))
    assert "  label red\\x1b[31m\\nlabel\\u202e: 1 outline, area 800 px²" in found.text
    assert "red\x1b[31m\nlabel\u202e" in found.content["labels"]
