"""A slide file with a scanned bounding box: its frame and pixels, and overlays that count from either corner."""

import json
from pathlib import Path

import numpy as np
import openslide
import pytest
import ray.data
import shapely
import shapely.affinity
import shapely.geometry
from ray.data.expressions import col

from ratiopath.arrow import tile_overlay_overlap
from ratiopath.errors import MisalignedError
from ratiopath.geometry import Extent, Mpp
from ratiopath.overlays import AnnotationOptions
from ratiopath.plan import Windows
from ratiopath.slides import open_slide
from ratiopath.slides.frame import read_frame
from ratiopath.slides.openslide_reader import OpenSlideReader
from ratiopath.slides.windows import cut_tiles
from ratiopath.tiling import tile_overlay
from ratiopath.tissue import detect_tissue
from tests.support.annotation_files import halo
from tests.support.leica import BOX, COLOUR, DOWNSAMPLE, EXTENT, MPP, write_leica_slide
from tests.support.oracles import overlap, overlay_patch
from tests.support.study import random_labels, write_mask

LEFT, TOP, WIDTH, HEIGHT = BOX
LABELS = random_labels(5, (0, 1, 2), (HEIGHT // 2, WIDTH // 2))
"""A mask of the box at twice the resolution of level 0."""
OUTLINE = shapely.Polygon([(4.5, 3.25), (41.0, 9.5), (22.25, 40.75)])
"""Relative to the corner that the file counts from."""
TILE = 16
SQUARE = shapely.box(0, 0, TILE, TILE)


@pytest.fixture(scope="module")
def slide(tmp_path_factory) -> str:
    return str(write_leica_slide(tmp_path_factory.mktemp("scanned_box") / "a.scn"))


def grid(downsample: int = 1) -> dict[str, np.ndarray]:
    """Corners of tiles over the whole slide."""
    height, width = (length // downsample for length in (EXTENT[1], EXTENT[0]))
    y, x = (axis.ravel() for axis in np.mgrid[0:height:TILE, 0:width:TILE])
    return {"tile_x": x, "tile_y": y}


def test_openslide_tells_the_box(slide: str) -> None:
    with openslide.OpenSlide(slide) as opened:
        found = [opened.properties[f"openslide.bounds-{name}"] for name in ("x", "y", "width", "height")]
        assert opened.properties["openslide.vendor"] == "leica"
        assert opened.dimensions == EXTENT
    assert found == [str(length) for length in BOX]


def test_its_frame_has_the_box(slide: str) -> None:
    frame = read_frame(slide)
    assert (frame.extent, frame.mpp, frame.bounds) == (Extent(*EXTENT), Mpp(MPP, MPP), BOX)
    assert frame.downsamples == ((1.0, 1.0), (4.0, 4.0))


@pytest.mark.parametrize("level", [0, 1])
def test_pixels_exist_in_the_box_alone(slide: str, level: int) -> None:
    with open_slide(slide) as reader:
        assert isinstance(reader, OpenSlideReader)
        chunk, extent = reader.read_chunk(level, 0, 0), reader.pyramid.levels[level].extent
        [cut] = cut_tiles(reader, Windows(level, np.zeros(1, np.int64), np.zeros(1, np.int64), extent))
    down = DOWNSAMPLE**level
    rows, columns = np.nonzero(chunk.exists)
    assert (columns.min(), columns.max() + 1) == (LEFT // down, (LEFT + WIDTH) // down)
    assert (rows.min(), rows.max() + 1) == (TOP // down, (TOP + HEIGHT) // down)
    middle = (TOP + HEIGHT // 2) // down, (LEFT + WIDTH // 2) // down
    np.testing.assert_allclose(cut[middle], COLOUR, atol=4)
    assert (cut[~chunk.exists] == 255).all()


def test_tissue_is_found_in_the_box(tmp_path: Path) -> None:
    found = detect_tissue(str(write_leica_slide(tmp_path / "a.scn", mpp=8.0))).is_tissue
    expected = np.zeros(EXTENT[::-1], bool)
    expected[TOP : TOP + HEIGHT, LEFT : LEFT + WIDTH] = True
    expected_of_corners = 4 * 7  # the median rounds the corners
    assert found.shape == expected.shape
    assert not found[~expected].any()
    assert (expected & ~found).sum() <= expected_of_corners


def existing(row: dict[str, float | None]) -> dict[str, float]:
    return {key: share for key, share in row.items() if share is not None}


@pytest.fixture(scope="module")
def mask(slide: str) -> str:
    """LABELS at twice the resolution of the slide's level 0."""
    path = Path(slide).with_name("m.tiff")
    write_mask(path, LABELS, 2 * MPP)
    return str(path)


@pytest.mark.parametrize("down", [1, DOWNSAMPLE])
def test_a_mask_of_the_box_is_measured_from_its_corner(slide: str, mask: str, down: int) -> None:
    mpp, columns = MPP * down, grid(down)
    found = tile_overlay_overlap(
        SQUARE, mask, **columns, mpp_x=mpp, mpp_y=mpp, slide_path=slide, align="bounds"
    ).to_pylist()
    expected = [
        overlap([LABELS], (2 * MPP, 2 * MPP), x - LEFT / down, y - TOP / down, (mpp, mpp), SQUARE)
        for x, y in zip(*columns.values(), strict=True)
    ]
    assert [existing(row) for row in found] == [pytest.approx(shares) for shares in expected]
    assert any(expected)
    assert not all(expected)


def test_a_mask_of_the_box_is_refused_by_default(slide: str, mask: str) -> None:
    with pytest.raises(MisalignedError, match=r"fits the scanned box of 64 x 48 px at \(280, 277\).*align: bounds"):
        tile_overlay_overlap(SQUARE, mask, **grid(), mpp_x=MPP, mpp_y=MPP, slide_path=slide)


@pytest.mark.usefixtures("local_ray")
def test_patches_of_a_mask_of_the_box_are_read_from_its_corner(slide: str, mask: str) -> None:
    tiles = [{"tile_x": x, "tile_y": y} for x, y in ((272, 272), (288, 288), (336, 320), (0, 0))]
    rows = ray.data.from_items([{**tile, "mask": mask, "slide": slide, "mpp": MPP} for tile in tiles])
    columns = [col(name) for name in ("mask", "tile_x", "tile_y", "mpp", "mpp")]
    patches = tile_overlay(SQUARE, *columns, slide_path=col("slide"), align="bounds")
    for row in rows.with_column("patch", patches).take_all():
        corner = row["tile_x"] - LEFT, row["tile_y"] - TOP
        data, outside = overlay_patch([LABELS], (2 * MPP, 2 * MPP), *corner, (MPP, MPP), SQUARE)
        np.testing.assert_array_equal(row["patch"][0], data)
        np.testing.assert_array_equal(row["patch"][1].astype(bool), outside)


def geojson(path: Path) -> str:
    """Write OUTLINE as QuPath does, from whatever corner."""
    feature = {"type": "Feature", "geometry": shapely.geometry.mapping(OUTLINE),
               "properties": {"objectType": "annotation", "classification": {"name": "Tumor"}}}  # fmt: skip
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    return str(path)


def halo_xml(path: Path) -> str:
    path.write_bytes(halo([("Tumor", list(OUTLINE.exterior.coords)[:-1])]))
    return str(path)


CORNERS = {"level0": (0, 0), "bounds": (LEFT, TOP), "halo": (256, 256), "point": (100, 50)}


@pytest.mark.parametrize("write", [geojson, halo_xml], ids=["geojson", "halo"])
@pytest.mark.parametrize("corner", CORNERS)
@pytest.mark.parametrize("down", [1, DOWNSAMPLE])
def test_outlines_are_measured_from_their_origin(tmp_path: Path, slide: str, write, corner: str, down: int) -> None:
    origin = CORNERS[corner] if corner == "point" else corner
    columns = grid(down)
    found = tile_overlay_overlap(
        SQUARE, write(tmp_path / "a"), **columns, mpp_x=MPP * down, mpp_y=MPP * down, slide_path=slide,
        annotation=AnnotationOptions.of(origin=origin),
    ).to_pylist()  # fmt: skip
    drawn = shapely.affinity.translate(OUTLINE, *CORNERS[corner])
    corners = zip(*columns.values(), strict=True)
    tiles = [shapely.box(x * down, y * down, (x + TILE) * down, (y + TILE) * down) for x, y in corners]
    whole = shapely.box(0, 0, *EXTENT)
    expected = [drawn.intersection(tile).area / tile.intersection(whole).area for tile in tiles]
    np.testing.assert_allclose([row["Tumor"] or 0.0 for row in found], expected, rtol=1e-9, atol=1e-12)
    assert max(expected) > 0


@pytest.mark.parametrize("write", [geojson, halo_xml], ids=["geojson", "halo"])
def test_the_origin_of_outlines_must_be_said(tmp_path: Path, slide: str, write) -> None:
    spans = (
        r"its scanned box of 64 x 48 px, \(280, 277\) to \(344, 325\); the outlines would span "
        r"\(4, 3\) to \(41, 41\) with level0 and \(284, 280\) to \(321, 318\) with bounds"
    )
    with pytest.raises(MisalignedError, match=spans):
        tile_overlay_overlap(SQUARE, write(tmp_path / "a"), **grid(), mpp_x=MPP, mpp_y=MPP, slide_path=slide)


def test_outlines_in_micrometres_from_the_bottom_of_the_box(tmp_path: Path, slide: str) -> None:
    options = AnnotationOptions.of(origin="bounds", unit="um", y="up")
    columns = grid()
    found = tile_overlay_overlap(
        SQUARE, geojson(tmp_path / "a"), **columns, mpp_x=MPP, mpp_y=MPP, slide_path=slide, annotation=options
    ).to_pylist()
    scaled = shapely.affinity.affine_transform(OUTLINE, [1 / MPP, 0, 0, -1 / MPP, LEFT, TOP + HEIGHT])
    tiles = [shapely.box(x, y, x + TILE, y + TILE) for x, y in zip(*columns.values(), strict=True)]
    whole = shapely.box(0, 0, *EXTENT)
    expected = [scaled.intersection(tile).area / tile.intersection(whole).area for tile in tiles]
    np.testing.assert_allclose([row["Tumor"] or 0.0 for row in found], expected, rtol=1e-9, atol=1e-12)
