"""One run over slides with a scanned bounding box: what is put aside, what is measured from which corner, and drawn."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import shapely
import shapely.affinity
import shapely.geometry
from PIL import Image

from flows.config.overlay import Overlay
from flows.records.provenance import REPORT_KEY
from flows.records.slides import Slide
from flows.reports.previews import layers
from flows.reports.previews.scene import Canvas
from flows.reports.tile_areas import TileAreas
from ratiopath.geometry import Extent, Mpp
from ratiopath.roi import Roi
from ratiopath.slides.frame import read_frame
from tests.support import oracles
from tests.support.leica import BOX, DOWNSAMPLE, EXTENT, MPP, write_leica_slide
from tests.support.study import failures, names, random_labels, run, write_mask

LEFT, TOP, WIDTH, HEIGHT = BOX
OF_BOX = random_labels(7, (0, 255), (HEIGHT // 2, WIDTH // 2))
OF_SLIDE = random_labels(8, (0, 255), (EXTENT[1] // 2, EXTENT[0] // 2))
OUTLINE = shapely.Polygon([(4.5, 3.25), (41.0, 9.5), (22.25, 40.75)])
TILE = 16
SQUARE = shapely.box(0, 0, TILE, TILE)


def image(name: str, suffix: str = ".tiff", **options: Any) -> dict[str, Any]:
    return {"path": f"{{dir}}/{{stem}}_{name}{suffix}", "classes": {name: [255]}, "missing": "null", **options}


def drawn(name: str, column: str, **options: Any) -> dict[str, Any]:
    path = f"{{dir}}/{{stem}}_{name}.geojson"
    return {"path": path, "classes": {column: ["Tumor"]}, "missing": "null", **options}


OVERLAYS = {
    "auto": image("auto"),
    "boxed": image("boxed", align="bounds"),
    "picture": image("picture", ".png"),
    "placed_picture": image("placed", ".png", align="bounds"),
    "unplaced": drawn("unplaced", "unplaced_tumor"),
    "from_level0": drawn("placed", "level0_tumor", origin="level0"),
    "from_bounds": drawn("placed", "bounds_tumor", origin="bounds"),
    "from_halo": drawn("placed", "halo_tumor", origin="halo"),
}
CORNERS = {"level0_tumor": (0, 0), "bounds_tumor": (LEFT, TOP), "halo_tumor": (256, 256)}
FAILED = {"box.scn", "picture.scn", "unplaced.scn"}
MEASURED = {"whole.scn", "boxed.scn", "outlined.scn"}


def write_geojson(path: Path) -> None:
    properties = {"objectType": "annotation", "classification": {"name": "Tumor"}}
    feature = {"type": "Feature", "geometry": shapely.geometry.mapping(OUTLINE), "properties": properties}
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))


@pytest.fixture(scope="module")
def output(tmp_path_factory, local_ray, server) -> Path:
    """Output of the run; each slide has one kind of overlay."""
    folder = tmp_path_factory.mktemp("scanned_box") / "slides"
    for name in FAILED | MEASURED:
        write_leica_slide(folder / name)
    write_mask(folder / "whole_auto.tiff", OF_SLIDE, 2 * MPP)
    write_mask(folder / "box_auto.tiff", OF_BOX, 2 * MPP)
    write_mask(folder / "boxed_boxed.tiff", OF_BOX, 2 * MPP)
    Image.fromarray(OF_BOX).save(folder / "picture_picture.png")
    Image.fromarray(OF_BOX).save(folder / "boxed_placed.png")
    write_geojson(folder / "unplaced_unplaced.geojson")
    write_geojson(folder / "outlined_placed.geojson")
    run(folder, overlays=OVERLAYS, keep=None, previews=True)
    return folder.parent / "output"


def rows_of(output: Path, slide: str) -> list[dict[str, Any]]:
    rows = pq.read_table(output / "coverage").to_pylist()
    return [row for row in rows if Path(row["path"]).name == slide]


def report_of(output: Path, slide: str) -> dict[str, Any]:
    """Report in the footer of a slide's file."""
    [file] = [one for one in (output / "coverage").iterdir()
              if Path(pq.read_table(one, columns=["path"])["path"][0].as_py()).name == slide]  # fmt: skip
    report: dict[str, Any] = json.loads(pq.read_metadata(file).metadata[REPORT_KEY])
    return report


def test_what_counts_from_an_unknown_corner_is_put_aside_and_the_rest_is_measured(output: Path) -> None:
    assert set(failures(output)) == FAILED
    assert names(output, "coverage") == MEASURED


@pytest.mark.parametrize("slide", ["box.scn", "picture.scn"])
def test_the_message_about_an_image_of_the_box_names_the_setting(output: Path, slide: str) -> None:
    stage, error, message = failures(output)[slide]
    assert (stage, error) == ("compute overlaps", "MisalignedError")
    assert "of 32 x 24 px fits the scanned box of 64 x 48 px at (280, 277) of " in message
    assert "not all of its 400 x 344 px; hint: set overlays.NAME.align: bounds" in message


def test_the_message_about_outlines_has_both_readings(output: Path) -> None:
    stage, error, message = failures(output)["unplaced.scn"]
    assert (stage, error) == ("compute overlaps", "MisalignedError")
    assert "would span (4, 3) to (41, 41) with level0 and (284, 280) to (321, 318) with bounds" in message
    assert "hint: set overlays.NAME.origin (origin=) to level0, bounds or halo" in message


def test_a_mask_of_the_whole_slide_fits(output: Path) -> None:
    assert report_of(output, "whole.scn")["alignments"]["auto"]["case"] == "fits"
    for row in rows_of(output, "whole.scn"):
        shares = oracles.overlap([OF_SLIDE], (1.0, 1.0), row["tile_x"], row["tile_y"], (MPP, MPP), SQUARE)
        assert row["auto"] == pytest.approx(shares.get("255", 0.0))


@pytest.mark.parametrize("column", ["boxed", "placed"])
def test_an_image_of_the_box_is_measured_from_its_corner(output: Path, column: str) -> None:
    known = 0
    for row in rows_of(output, "boxed.scn"):
        corner = row["tile_x"] - LEFT, row["tile_y"] - TOP
        shares = oracles.overlap([OF_BOX], (1.0, 1.0), *corner, (MPP, MPP), SQUARE)
        assert row[column] == (pytest.approx(shares.get("255", 0.0)) if shares else None)
        known += bool(shares)
    assert 0 < known < len(rows_of(output, "boxed.scn"))


@pytest.mark.parametrize("column", CORNERS)
def test_outlines_have_their_exact_area_from_each_origin(output: Path, column: str) -> None:
    placed, total = shapely.affinity.translate(OUTLINE, *CORNERS[column]), 0.0
    for row in rows_of(output, "outlined.scn"):
        x, y = row["tile_x"], row["tile_y"]
        tile = shapely.box(x, y, min(x + TILE, EXTENT[0]), min(y + TILE, EXTENT[1]))
        assert row[column] == pytest.approx(placed.intersection(tile).area / tile.area, rel=1e-9, abs=1e-12)
        total += row[column] * tile.area
    assert total == pytest.approx(OUTLINE.area)


def test_every_slide_that_is_measured_has_a_picture(output: Path) -> None:
    assert len(list((output / "previews").glob("*.png"))) == len(MEASURED)


SLIDE_LEVELS = {0: EXTENT, 1: (EXTENT[0] // DOWNSAMPLE, EXTENT[1] // DOWNSAMPLE)}


def area_of(folder: Path, overlay: Overlay, path: str, level: int) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of the classes in a picture in which a pixel is two of level 0."""
    extent, down = Extent(*SLIDE_LEVELS[level]), DOWNSAMPLE**level
    mpp, tile = Mpp(MPP * down, MPP * down), Extent(TILE, TILE)
    slide = Slide("a", str(folder / "a.scn"), extent, tile, tile, mpp, level, down, Extent(*EXTENT), Mpp(MPP, MPP))
    canvas = Canvas.of(slide, TileAreas.of(slide, "keep", Roi(SQUARE)), EXTENT[0] // 2)
    found = layers.read_areas(
        path, overlay, canvas, read_frame(slide.path).with_mpp_of(level, mpp), list(overlay.classes)
    )
    assert found
    rows, columns = np.nonzero(np.logical_or.reduce(list(found.values())))
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


def write_full_mask(path: Path) -> None:
    write_mask(path, np.full((HEIGHT // 2, WIDTH // 2), 255, np.uint8), 2 * MPP)


@pytest.mark.parametrize("level", SLIDE_LEVELS)
def test_previews_draw_a_mask_of_the_box_in_the_box(tmp_path: Path, level: int) -> None:
    write_leica_slide(tmp_path / "a.scn")
    write_full_mask(tmp_path / "a_boxed.tiff")
    overlay = Overlay.model_validate(OVERLAYS["boxed"])
    found = area_of(tmp_path, overlay, str(tmp_path / "a_boxed.tiff"), level)
    box = (LEFT / 2, TOP / 2, (LEFT + WIDTH) / 2, (TOP + HEIGHT) / 2)
    np.testing.assert_allclose(found, box, atol=0.5)


@pytest.mark.parametrize("level", SLIDE_LEVELS)
@pytest.mark.parametrize(("name", "corner"), [("from_level0", (0, 0)), ("from_bounds", (LEFT, TOP))])
def test_previews_draw_outlines_from_their_origin(tmp_path: Path, name: str, corner: Any, level: int) -> None:
    write_leica_slide(tmp_path / "a.scn")
    write_geojson(tmp_path / "a.geojson")
    overlay = Overlay.model_validate(OVERLAYS[name])
    found = area_of(tmp_path, overlay, str(tmp_path / "a.geojson"), level)
    expected = np.array(shapely.affinity.translate(OUTLINE, *corner).bounds) / 2
    np.testing.assert_allclose(found, expected, atol=2)
