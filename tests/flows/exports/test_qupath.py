"""Tile objects for QuPath, read back under the rules of its source."""

import json
import math
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.config.errors import ConfigurationError
from flows.exports.export_format import ExportedSlide
from flows.exports.formats.qupath import PALETTE, QuPath
from ratiopath.annotations.placement import FrameOptions, place
from ratiopath.annotations.read import read_outlines
from ratiopath.errors import SlideNotFoundError
from ratiopath.slides.frame import read_frame
from tests.support.exported import exported_slides
from tests.support.finished import HandmadeSlide
from tests.support.leica import BOX, write_leica_slide

MAPS = {
    "tissue": [1.0, 0.5, 0.25, 0.0, None, 0.75],
    "tumor": [0.1, 0.6, 0.25, 0.0, None, 0.0],
}
KEPT = [True, True, True, True, True, False]
GONE = HandmadeSlide("/slides/a.tiff", 3, MAPS, KEPT)
"""Slide that cannot be opened; tiles of 32 px of level 0, three a row, the last of six not kept."""
WHOLE = QuPath(crop=False)


@dataclass(frozen=True)
class Tile:
    """An object as QuPath 0.5 to 0.8 would have it after import."""

    uuid: UUID
    box: tuple[float, float, float, float]
    name: str | None
    colour: tuple[int, ...] | None
    measurements: dict[str, float]


def no_constant(text: str) -> float:
    raise AssertionError(f"{text} in a file that other readers of GeoJSON take too")


def read_as_qupath(content: bytes) -> list[Tile]:
    """Read objects by the rules of QuPathTypeAdapters, GsonTools and ROITypeAdapters, but refuse what these repair."""
    document = json.loads(content, parse_constant=no_constant)
    assert document["type"] == "FeatureCollection"
    return [tile(feature) for feature in document["features"]]


def tile(feature: dict[str, Any]) -> Tile:
    assert feature["type"] == "Feature"
    (ring,) = feature["geometry"]["coordinates"]
    assert feature["geometry"]["type"] == "Polygon"
    assert ring[0] == ring[-1]
    assert len(ring) == 5
    assert all(type(number) is int for corner in ring for number in corner)
    x, y = zip(*ring, strict=True)
    assert {(left, top) for left, top in ring} == {(a, b) for a in (min(x), max(x)) for b in (min(y), max(y))}
    assert all((a == c) != (b == d) for (a, b), (c, d) in pairwise(ring))  # sides, no diagonals

    properties = feature["properties"]
    assert properties["objectType"] == "tile"  # without it, an annotation
    name, colour = None, None
    if "classification" in properties:  # an object of other keys ends the import of the whole file
        classification = properties["classification"]
        assert set(classification) == {"name", "color"}
        name, colour = classification["name"], tuple(classification["color"])
        assert len(colour) == 3
        assert all(0 <= number <= 255 for number in colour)
        assert ":" not in name  # a derived class
    measurements = properties["measurements"]
    assert all(type(value) in {float, int} for value in measurements.values())  # null is warned about and dropped
    return Tile(UUID(feature["id"]), (min(x), min(y), max(x), max(y)), name, colour, measurements)


def written(exported: ExportedSlide, folder: Path, qupath: QuPath = WHOLE) -> list[Tile]:
    folder.mkdir(exist_ok=True)
    qupath.write_slide(exported, folder)
    return read_as_qupath((folder / f"{exported.name}.geojson").read_bytes())


def of_table(columns: dict[str, Any], **changes: Any) -> pa.Table:
    count = len(next(iter(columns.values())))
    box = {"level0_x": range(count), "level0_y": [0] * count}
    extent = {"level0_extent_x": [1] * count, "level0_extent_y": [2] * count}
    return pa.table({**box, **extent, **columns, **changes})


@pytest.fixture(scope="module")
def gone(tmp_path_factory: pytest.TempPathFactory) -> ExportedSlide:
    (slide,), _ = exported_slides(tmp_path_factory.mktemp("qupath") / "output", GONE)
    return slide


def test_tiles_are_boxes_on_level_0_in_row_major_order(gone, tmp_path) -> None:
    found = written(gone, tmp_path)

    assert [tile.box for tile in found] == [
        (0, 0, 32, 32), (32, 0, 64, 32), (64, 0, 96, 32),
        (0, 32, 32, 64), (32, 32, 64, 64),
    ]  # fmt: skip


def test_a_tile_is_classified_by_its_greatest_share_the_first_of_several(gone, tmp_path) -> None:
    found = written(gone, tmp_path)

    assert [tile.name for tile in found] == ["tissue", "tumor", "tissue", None, None]
    assert [tile.colour for tile in found] == [PALETTE[0], PALETTE[1], PALETTE[0], None, None]


def test_classes_that_are_named_compete_alone(gone, tmp_path) -> None:
    found = written(gone, tmp_path, replace(WHOLE, classify=("tumor",)))

    assert [tile.name for tile in found] == ["tumor", "tumor", "tumor", None, None]
    assert {tile.colour for tile in found if tile.name} == {PALETTE[1]}  # colours do not depend on the others


def test_a_class_that_is_not_written_cannot_compete(gone, tmp_path) -> None:
    with pytest.raises(ConfigurationError, match=r"class 'tumour' of classify is not written.*tissue, tumor; add it"):
        written(gone, tmp_path, replace(WHOLE, classify=("tumour",)))

    assert not list(tmp_path.iterdir())


def test_counts_are_measured_but_do_not_compete(gone, tmp_path) -> None:
    tiles = of_table({"cells": pa.array([40, None]), "tissue": [0.5, 0.0]})

    found = written(replace(gone, tiles=tiles, classes=("cells", "tissue")), tmp_path)

    assert [tile.measurements for tile in found] == [{"cells": 40, "tissue": 0.5}, {"tissue": 0.0}]
    assert [(tile.name, tile.colour) for tile in found] == [("tissue", PALETTE[1]), (None, None)]


def test_columns_without_a_share_leave_tiles_unclassified(gone, tmp_path) -> None:
    tiles = of_table({"cells": pa.array([40])})

    assert [tile.name for tile in written(replace(gone, tiles=tiles, classes=("cells",)), tmp_path)] == [None]


def test_a_ninth_class_has_the_colour_of_the_first(gone, tmp_path) -> None:
    classes = tuple("abcdefghi")
    tiles = of_table({name: [float(name == "i")] for name in classes})

    assert written(replace(gone, tiles=tiles, classes=classes), tmp_path)[0].colour == PALETTE[0]


def test_the_page_names_the_colours() -> None:
    page = (Path(__file__).parents[3] / "docs/exports/qupath.md").read_text("utf-8")

    rows = [f"| {number} | {', '.join(map(str, colour))} |" for number, colour in enumerate(PALETTE, start=1)]
    assert [row for row in rows if row not in page] == []


def test_unknown_shares_are_left_out(gone, tmp_path) -> None:
    found = written(gone, tmp_path)

    assert [tile.measurements for tile in found[2:]] == [
        {"tissue": 0.25, "tumor": 0.25}, {"tissue": 0.0, "tumor": 0.0}, {},
    ]  # fmt: skip


@given(st.lists(st.tuples(st.floats() | st.none(), st.floats(0, 1) | st.none()), min_size=1, max_size=20))
def test_shares_come_back_exactly_and_only_numbers_are_written(gone, tmp_path_factory, rows) -> None:
    means, shares = (list(column) for column in zip(*rows, strict=True))
    tiles = of_table({"mean": pa.array(means, pa.float64()), "share": pa.array(shares, pa.float64())})

    found = written(
        replace(gone, tiles=tiles, classes=("mean", "share")),
        tmp_path_factory.mktemp("shares"),
        replace(WHOLE, classify=("share",)),
    )

    expected = [
        {name: one for name, one in zip(("mean", "share"), row, strict=True) if one is not None and math.isfinite(one)}
        for row in rows
    ]
    assert [tile.measurements for tile in found] == expected
    assert [tile.name == "share" for tile in found] == [bool(share) for share in shares]


def test_the_same_tile_is_the_same_object_in_every_export(gone, tmp_path) -> None:
    ids = {tile.box: tile.uuid for tile in written(gone, tmp_path / "all")}

    fewer = written(replace(gone, tiles=gone.tiles.slice(2)), tmp_path / "fewer")

    assert len(set(ids.values())) == len(ids) == 5
    assert [ids[tile.box] for tile in fewer] == [tile.uuid for tile in fewer]


def test_tiles_of_another_slide_are_other_objects(tmp_path) -> None:
    (a, b), _ = exported_slides(tmp_path / "output", GONE, replace(GONE, path="/slides/b.tiff"))

    ids = [{tile.uuid for tile in written(slide, tmp_path)} for slide in (a, b)]

    assert not ids[0] & ids[1]


def test_a_slide_without_tiles_is_an_empty_collection(gone, tmp_path) -> None:
    assert written(replace(gone, tiles=gone.tiles.slice(0, 0)), tmp_path) == []


@pytest.fixture(scope="module")
def scanned(tmp_path_factory: pytest.TempPathFactory) -> ExportedSlide:
    """A slide of which BOX was scanned."""
    folder = tmp_path_factory.mktemp("scanned")
    path = write_leica_slide(folder / "a.scn")
    (slide,), _ = exported_slides(folder / "output", replace(GONE, path=str(path)))
    return slide


def test_positions_count_from_the_corner_of_the_scanned_box(scanned, tmp_path) -> None:
    left, top, _, _ = BOX

    first = written(scanned, tmp_path, QuPath())[1]

    assert first.box == (32 - left, -top, 64 - left, 32 - top)


def test_positions_count_from_the_corner_of_the_slide_without_crop(scanned, tmp_path) -> None:
    assert written(scanned, tmp_path)[1].box == (32, 0, 64, 32)


def test_files_read_as_annotations_lie_on_their_tiles(scanned, tmp_path) -> None:
    QuPath().write_slide(scanned, tmp_path)

    outlines = read_outlines(str(tmp_path / "a.geojson"))
    found = place(outlines, read_frame(scanned.slide.path), FrameOptions(origin="bounds"))

    boxes = [tuple(polygon.bounds) for polygon in found.polygons]
    columns = (scanned.tiles[f"level0_{name}"].to_pylist() for name in ("x", "y", "extent_x", "extent_y"))
    assert boxes == [(x, y, x + width, y + height) for x, y, width, height in zip(*columns, strict=True)]
    assert [found.labels[index] for index in found.label_index] == ["tissue", "tumor", "tissue", "", ""]


def test_an_object_is_the_same_in_both_frames(scanned, tmp_path) -> None:
    cropped, whole = written(scanned, tmp_path, QuPath()), written(scanned, tmp_path)

    assert [tile.uuid for tile in cropped] == [tile.uuid for tile in whole]


def test_a_slide_that_cannot_be_opened_is_put_aside_with_a_remedy(gone, tmp_path) -> None:
    with pytest.raises(SlideNotFoundError, match=r"/slides/a\.tiff.*scanned box.*hint: .*--no-crop") as error:
        QuPath().write_slide(gone, tmp_path)

    assert error.value.path == "/slides/a.tiff"
    assert not list(tmp_path.iterdir())


def test_the_script_finds_the_file_of_each_image(tmp_path) -> None:
    slides, config = exported_slides(tmp_path / "output", GONE, replace(GONE, path="/slides/b.tiff"))
    folder = tmp_path / "cohort"
    folder.mkdir()

    WHOLE.write_cohort([replace(slide, tiles=slide.tiles.slice(0, 0)) for slide in slides], config, folder)

    assert json.loads((folder / "slides.json").read_text()) == [
        {"image": "/slides/a.tiff", "file": "a.geojson"},
        {"image": "/slides/b.tiff", "file": "b.geojson"},
    ]
    script = (folder / "import_tiles.groovy").read_text()
    assert '"slides.json"' in script
    assert any("--args=out " in line and "out/import_tiles.groovy" in line for line in WHOLE.next_steps("out"))
