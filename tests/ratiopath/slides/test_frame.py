"""The frame of a slide: levels, resolution, scanned box and centre."""

import pytest

from ratiopath.geometry import Extent, Mpp
from ratiopath.slides.frame import read_frame, scanned_bounds, slide_centre
from tests.support.study import write_slide

BOX = {
    "openslide.bounds-x": "300", "openslide.bounds-y": "520", "openslide.bounds-width": "400",
    "openslide.bounds-height": "200",
}  # fmt: skip


def test_a_tiff_has_its_extent_and_resolution_and_no_box(tmp_path):
    frame = read_frame(str(write_slide(tmp_path / "a.tiff")))
    assert (frame.extent, frame.mpp, frame.downsamples) == (Extent(64, 48), Mpp(0.5, 0.5), ((1.0, 1.0),))
    assert frame.bounds is frame.centre_offset_nm is None


def test_a_resolution_that_is_given_counts(tmp_path):
    assert read_frame(str(write_slide(tmp_path / "a.tiff")), Mpp(1, 2)).mpp == Mpp(1, 2)


def test_the_box_is_that_of_openslide():
    assert scanned_bounds(BOX, Extent(1000, 800)) == (300, 520, 400, 200)


@pytest.mark.parametrize("missing", BOX)
def test_a_part_of_a_box_is_none(missing):
    assert scanned_bounds({name: value for name, value in BOX.items() if name != missing}, Extent(1000, 800)) is None


def test_a_box_of_the_whole_slide_is_none():
    whole = dict(zip(BOX, ("0", "0", "1000", "800"), strict=True))
    assert scanned_bounds(whole, Extent(1000, 800)) is None


def test_the_centre_is_that_of_hamamatsu():
    found = {"hamamatsu.XOffsetFromSlideCentre": "-1200", "hamamatsu.YOffsetFromSlideCentre": "34"}
    assert slide_centre(found) == (-1200.0, 34.0)


def test_other_slides_have_no_centre():
    assert slide_centre(BOX) is None
