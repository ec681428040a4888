"""Annotations in column expressions: mixed with masks, in the frame of a slide, cut to tiles."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import ray.data
import shapely
from ray.data.expressions import col
from shapely import box

from ratiopath.arrow import tile_overlay_overlap as overlap_of_arrays
from ratiopath.errors import MisalignedError, MissingMppError, UnsupportedFormatError
from ratiopath.overlays import AnnotationOptions
from ratiopath.tiling import tile_annotations, tile_overlay_overlap
from tests.support.annotation_files import asap, halo, imagescope
from tests.support.expressions import evaluate, overlap_expression, overlaps_of, patches_of, tile_table
from tests.support.study import write_mask, write_slide

ROI = box(0, 0, 16, 16)
TRIANGLE = [(4.5, 4.0), (28.5, 4.0), (4.5, 28.0)]
OUTLINES = [("tumor", TRIANGLE)]
TILES = [(0, 0), (16, 0), (0, 16), (16, 16)]
GEOJSON = [
    {
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": [[*TRIANGLE, TRIANGLE[0]]]},
        "properties": {"classification": {"name": "tumor"}},
    }
]


@pytest.fixture
def slide(tmp_path: Path) -> str:
    return str(write_slide(tmp_path / "a.tiff"))


@pytest.fixture
def drawn(tmp_path: Path) -> str:
    (tmp_path / "a.xml").write_bytes(asap(OUTLINES))
    return str(tmp_path / "a.xml")


def expected() -> list[float]:
    triangle = shapely.Polygon(TRIANGLE)
    return [triangle.intersection(box(x, y, x + 16, y + 16)).area / 256 for x, y in TILES]


def test_shares_are_exact(drawn: str) -> None:
    rows = overlaps_of(tile_table(drawn, TILES, (0.5, 0.5)), ROI, overlay_mpp=0.5)
    assert [row.get("tumor", 0.0) for row in rows] == pytest.approx(expected(), abs=1e-12)


def test_the_slide_stands_for_the_resolution(drawn: str, slide: str) -> None:
    table = tile_table(drawn, TILES, (0.5, 0.5)).append_column("slide", pa.array([slide] * 4))
    by_slide = evaluate(overlap_expression(ROI, slide_path=col("slide")), table)
    assert by_slide.equals(evaluate(overlap_expression(ROI, overlay_mpp=0.5), table))


def test_a_column_of_resolutions_stands_for_it_too(drawn: str) -> None:
    table = tile_table(drawn, TILES, (0.5, 0.5)).append_column("level0", pa.array([0.5, 0.5, 0.25, 0.5]))
    rows = evaluate(overlap_expression(ROI, overlay_mpp=col("level0")), table).to_pylist()
    at_double = shapely.Polygon(TRIANGLE).intersection(box(0, 32, 32, 64)).area
    assert [row["tumor"] or 0.0 for row in rows] == pytest.approx(
        [*expected()[:2], at_double, expected()[3]], abs=1e-12
    )


def test_without_either_the_remedy_is_named(drawn: str) -> None:
    with pytest.raises(MissingMppError, match="slide_path=, or overlay_mpp="):
        overlaps_of(tile_table(drawn, TILES, (0.5, 0.5)), ROI)


def test_nothing_exists_beyond_the_slide(drawn: str, slide: str) -> None:
    table = tile_table(drawn, [(1000, 0)], (0.5, 0.5)).append_column("slide", pa.array([slide]))
    assert overlaps_of_slide(table) == [{}]


def overlaps_of_slide(table: pa.Table) -> list[dict[str, float]]:
    return overlaps_of(table, ROI, slide_path=col("slide"))


def test_outlines_elsewhere_are_refused(tmp_path: Path, slide: str) -> None:
    (tmp_path / "far.xml").write_bytes(asap([("a", [(x + 900, y) for x, y in TRIANGLE])]))
    table = tile_table(tmp_path / "far.xml", [(0, 0)], (0.5, 0.5)).append_column("slide", pa.array([slide]))
    with pytest.raises(MisalignedError, match="lies outside of the slide"):
        overlaps_of_slide(table)


def test_masks_and_annotations_may_be_mixed(tmp_path: Path, drawn: str) -> None:
    write_mask(tmp_path / "mask.tiff", np.full((24, 32), 7, np.uint8), mpp=1.0)
    paths = pa.array([drawn, str(tmp_path / "mask.tiff"), drawn])
    rows = overlap_of_arrays(ROI, paths, [0, 0, 16], [0, 0, 0], 0.5, 0.5, overlay_mpp=pa.array([0.5, 1.0, 0.5]))
    found = [{key: value for key, value in row.items() if value is not None} for row in rows.to_pylist()]
    assert found[1] == {"7": 1.0}
    assert [found[0]["tumor"], found[2]["tumor"]] == pytest.approx(expected()[:2], abs=1e-12)


def test_one_annotation_in_several_formats_gives_identical_columns(tmp_path: Path) -> None:
    contents = {"asap": asap(OUTLINES), "imagescope": imagescope(OUTLINES), "halo": halo(OUTLINES)}
    contents["geojson"] = json.dumps(GEOJSON).encode()
    contents["wkt"] = f'label,geometry\ntumor,"{shapely.Polygon(TRIANGLE).wkt}"\n'.encode()
    columns = []
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        columns.append(overlap_of_arrays(ROI, str(tmp_path / name), *np.transpose(TILES), 0.5, 0.5, overlay_mpp=0.5))
    assert all(column.equals(columns[0]) for column in columns)


def test_patches_paint_the_labels(drawn: str) -> None:
    [(pixels, mask)] = patches_of(tile_table(drawn, [(0, 0)], (0.5, 0.5)), ROI, overlay_mpp=0.5)
    y, x = np.mgrid[:16, :16] + 0.5
    assert not mask.any()
    assert np.array_equal(pixels == 1, shapely.intersects_xy(shapely.Polygon(TRIANGLE), x, y))


def test_options_reach_the_annotation(drawn: str) -> None:
    options = AnnotationOptions.of(ignore=("tumor",))
    rows = overlaps_of(tile_table(drawn, [(0, 0)], (0.5, 0.5)), ROI, overlay_mpp=0.5, annotation=options)
    assert rows == [{"0": 1.0}]


class TestPieces:
    def pieces(self, path: str, **options) -> list[shapely.Geometry]:
        columns = [col(name) for name in ("mask", "tile_x", "tile_y", "mpp_x", "mpp_y")]
        found = evaluate(
            tile_annotations(ROI, *columns, overlay_mpp=0.5, **options), tile_table(path, TILES, (0.5, 0.5))
        )
        return [shapely.from_wkb(piece) for piece in found.to_pylist()]

    def test_pieces_lie_in_pixels_of_the_tile(self, drawn: str) -> None:
        for piece, (x, y) in zip(self.pieces(drawn), TILES, strict=True):
            there = shapely.transform(shapely.Polygon(TRIANGLE), lambda xy, corner=(x, y): xy - corner)
            assert piece.equals(there.intersection(ROI)) or piece.is_empty

    def test_their_areas_are_the_shares(self, drawn: str) -> None:
        assert [piece.area / 256 for piece in self.pieces(drawn)] == pytest.approx(expected(), abs=1e-12)

    def test_labels_can_be_chosen(self, drawn: str) -> None:
        assert all(piece.is_empty for piece in self.pieces(drawn, labels=["stroma"]))

    def test_an_image_is_refused(self, tmp_path: Path) -> None:
        write_mask(tmp_path / "mask.tiff", np.full((24, 32), 7, np.uint8), mpp=1.0)
        with pytest.raises(UnsupportedFormatError, match="is an image without outlines"):
            self.pieces(str(tmp_path / "mask.tiff"))


@pytest.mark.usefixtures("local_ray")
def test_a_dataset_gets_shares_and_pieces(drawn: str) -> None:
    columns = [col(name) for name in ("mask", "tile_x", "tile_y", "mpp_x", "mpp_y")]
    dataset = ray.data.from_arrow(tile_table(drawn, TILES, (0.5, 0.5)))
    dataset = dataset.with_column("overlap", tile_overlay_overlap(ROI, *columns, overlay_mpp=0.5))
    rows = dataset.with_column("pieces", tile_annotations(ROI, *columns, overlay_mpp=0.5)).take_all()
    by_tile = {(row["tile_x"], row["tile_y"]): row for row in rows}
    assert [by_tile[tile]["overlap"]["tumor"] or 0.0 for tile in TILES] == pytest.approx(expected(), abs=1e-12)
    assert shapely.from_wkb(by_tile[0, 0]["pieces"]).area / 256 == pytest.approx(expected()[0], abs=1e-12)
