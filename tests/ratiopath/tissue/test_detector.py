"""The detector finds what is drawn: stained shapes on glass, above and below every limit."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from ratiopath.geometry import Mpp
from ratiopath.overlays import TissueSettings, detect_tissue
from ratiopath.slides import ArrayReader
from ratiopath.tissue import find_tissue
from tests.support.layouts import LAYOUTS, Raster

GLASS, STAIN, INK, BLACK = (243, 241, 244), (210, 130, 180), (20, 150, 60), (0, 0, 0)
SIDE = 160
"""Side of a slide at 8 µm/px."""
FOLDER = Path(__file__).parents[4] / "shared" / "data"


def slide(colour=GLASS):
    return np.full((SIDE, SIDE, 3), colour, dtype=np.uint8)


def found_in(image, exists=None, mpp=8.0, **settings):
    reader = ArrayReader([image], Mpp(mpp, mpp), exists=None if exists is None else [exists])
    return find_tissue(reader, TissueSettings(**settings)).is_tissue


def dice(one, other):
    return 2 * np.sum(one & other) / (np.sum(one) + np.sum(other))


@pytest.mark.parametrize(
    ("colour", "expected"), [(GLASS, False), (STAIN, True), (BLACK, False)], ids=["glass", "tissue", "black"]
)
def test_a_slide_of_one_colour_is_one_class(colour, expected) -> None:
    assert np.all(found_in(slide(colour)) == expected)


def test_grain_on_glass_is_no_tissue_and_grain_on_tissue_no_glass() -> None:
    random = np.random.default_rng(0)
    for colour, expected in ((GLASS, False), (STAIN, True)):
        grain = random.integers(-6, 7, (SIDE, SIDE, 3))
        image = np.clip(slide(colour) + grain, 0, 255).astype(np.uint8)
        assert np.all(found_in(image) == expected)


def test_a_ring_keeps_its_large_hole() -> None:
    y, x = np.mgrid[:SIDE, :SIDE] - SIDE / 2
    ring = (np.hypot(x, y) < 60) & (np.hypot(x, y) > 30)
    image = slide()
    image[ring] = STAIN
    found = found_in(image)
    assert dice(found, ring) > 0.98
    assert not found[SIDE // 2, SIDE // 2]


@pytest.mark.parametrize(("side", "is_kept"), [(24, False), (25, False), (26, True)])
def test_objects_below_200_um_by_200_um_are_removed(side, is_kept) -> None:
    """The median rounds the four corners of a square off: 12 pixels, so that 25 x 25 = 200² µm² is less."""
    image = slide()
    image[40 : 40 + side, 40 : 40 + side] = STAIN
    assert found_in(image).any() == is_kept


@pytest.mark.parametrize(("side", "is_filled"), [(22, True), (26, False)])
def test_holes_below_190_um_by_190_um_are_filled(side, is_filled) -> None:
    image = slide(STAIN)
    image[40 : 40 + side, 40 : 40 + side] = GLASS
    assert found_in(image).all() == is_filled


@pytest.mark.parametrize(("gap", "is_closed"), [(6, True), (7, False)])
def test_gaps_below_56_um_are_closed(gap, is_closed) -> None:
    image = slide(STAIN)
    image[:, 80 : 80 + gap] = GLASS
    assert found_in(image).all() == is_closed


def test_a_black_border_and_a_gap_between_fields_are_no_tissue() -> None:
    image, exists = slide(STAIN), np.ones((SIDE, SIDE), dtype=np.bool_)
    image[:20], exists[:, 70:90] = BLACK, False
    found = found_in(image, exists)
    expected = exists.copy()
    expected[:20] = False
    assert dice(found, expected) > 0.99
    assert not found[:, 70:90].any()
    assert not found[:17].any()


def test_a_thin_gap_that_was_not_scanned_stays_out() -> None:
    exists = np.ones((SIDE, SIDE), dtype=np.bool_)
    exists[:, 80] = False
    assert np.array_equal(found_in(slide(STAIN), exists), exists)


def test_a_pen_is_tissue_unless_it_is_dropped() -> None:
    image = slide()
    image[20:60, 20:140] = STAIN
    image[90:130, 20:140] = INK
    kept, dropped = found_in(image), found_in(image, pen="drop")
    assert kept[100:120, 40:120].all()
    assert not dropped[80:].any()
    assert dropped[30:50, 40:120].all()


def test_a_fine_slide_gives_the_mask_of_a_coarse_one() -> None:
    y, x = np.mgrid[:SIDE, :SIDE] - SIDE / 2
    image = slide()
    image[np.hypot(x, y * 1.5) < 50] = STAIN
    fine = image.repeat(8, axis=0).repeat(8, axis=1)
    assert np.array_equal(found_in(fine, mpp=1.0), found_in(image))


def test_the_threshold_stays_within_its_limits() -> None:
    for colour, expected in ((GLASS, 8), (STAIN, 40)):
        half = slide()
        half[:, : SIDE // 2] = colour
        assert find_tissue(ArrayReader([half], Mpp(8.0, 8.0))).threshold in {expected, 8}


def test_a_file_is_read_with_its_resolution_or_the_one_given(tmp_path) -> None:
    image = slide().repeat(2, axis=0).repeat(2, axis=1)
    image[100:250, 100:250] = STAIN
    path = tmp_path / "a.tiff"
    LAYOUTS["tiles"].write(path, Raster((image,), (4.0, 4.0)))
    found = detect_tissue(str(path))
    assert (found.mpp, found.is_tissue.shape) == (Mpp(4.0, 4.0), (320, 320))
    assert (found.is_tissue[110:240, 110:240].all(), found.is_tissue[:90].any()) == (True, False)
    given = detect_tissue(str(path), mpp=(2.0, 4.0))
    assert (given.mpp, given.is_tissue.shape) == (Mpp(8.0, 4.0), (320, 80))


@pytest.mark.skipif(
    not FOLDER.is_dir(), reason="the real slide is not part of the repository: ../shared/data is absent"
)
def test_a_real_slide_agrees_with_its_mask() -> None:
    found = detect_tissue(str(FOLDER / "CMU-1-Small-Region.svs")).is_tissue
    mask = Image.fromarray(tifffile.imread(FOLDER / "CMU-1-Small-Region_tissue_mask.tiff"))
    expected = np.asarray(mask.resize(found.shape[::-1], Image.Resampling.NEAREST)) > 0
    assert dice(found, expected) > 0.9
