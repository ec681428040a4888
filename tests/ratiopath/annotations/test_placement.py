"""Outlines land on level 0 of their slide, or are refused with what to set."""

import numpy as np
import pytest
import shapely

from ratiopath.annotations.outlines import Outlines
from ratiopath.annotations.placement import FrameOptions, place
from ratiopath.errors import MisalignedError, MissingMppError
from ratiopath.frame import SlideFrame
from ratiopath.geometry import Extent, Mpp

SLIDE = SlideFrame("a.mrxs", Extent(1000, 800), Mpp(0.5, 0.25), ((1.0, 1.0), (4.0, 4.0)))
BOXED = SlideFrame("a.mrxs", Extent(1000, 800), Mpp(0.5, 0.25), ((1.0, 1.0),), (300, 520, 400, 200))
SQUARE = [(10, 20), (30, 20), (30, 40), (10, 40)]


def placed(slide: SlideFrame, ring=SQUARE, frame="pixels", **options) -> tuple[float, ...]:
    """Bounding box on level 0."""
    outlines = Outlines("a.xml", "asap", frame)
    outlines.add("a", [ring])
    return tuple(place(outlines, slide, FrameOptions(**options)).bounds)


def refused(slide: SlideFrame, ring=SQUARE, frame="pixels", **options) -> str:
    with pytest.raises(MisalignedError) as error:
        placed(slide, ring, frame, **options)
    return str(error.value)


def test_pixels_of_level_0_stay_as_they_are() -> None:
    assert placed(SLIDE) == (10, 20, 30, 40)


def test_pixels_of_a_level_are_scaled_by_its_downsample() -> None:
    assert placed(SLIDE, level=1) == (40, 80, 120, 160)


@pytest.mark.parametrize(("unit", "factor"), [("um", 1.0), ("mm", 1e-3), ("nm", 1e3)])
def test_a_physical_unit_is_divided_by_the_resolution_of_each_axis(unit: str, factor: float) -> None:
    ring = np.array(SQUARE) * factor
    assert placed(SLIDE, ring, unit=unit) == pytest.approx((20, 80, 60, 160), rel=1e-12)


def test_y_up_counts_from_the_bottom() -> None:
    assert placed(SLIDE, y="up") == (10, 760, 30, 780)


def test_a_point_is_added() -> None:
    assert placed(SLIDE, origin=(5.5, -1.0)) == (15.5, 19, 35.5, 39)


class TestBoundingBox:
    def test_the_origin_must_be_said(self) -> None:
        message = refused(BOXED)
        assert "400 x 200 px, (300, 520) to (700, 720)" in message
        assert "would span (10, 20) to (30, 40) with level0 and (310, 540) to (330, 560) with bounds" in message
        assert "hint: set overlays.NAME.origin (origin=) to level0, bounds or halo" in message

    @pytest.mark.parametrize(
        ("origin", "corner"), [("level0", (0, 0)), ("bounds", (300, 520)), ("halo", (256, 512)), ((1.0, 2.0), (1, 2))]
    )
    def test_each_origin_is_added(self, origin, corner) -> None:
        assert placed(BOXED, origin=origin)[:2] == (10 + corner[0], 20 + corner[1])

    def test_y_up_counts_from_the_bottom_of_the_box(self) -> None:
        assert placed(BOXED, y="up", origin="bounds") == (310, 680, 330, 700)

    def test_the_readings_have_the_unit_and_direction_that_were_set(self) -> None:
        message = refused(BOXED, unit="um", y="up")
        assert "would span (20, 640) to (60, 720) with level0 and (320, 560) to (360, 640) with bounds" in message

    def test_without_outlines_the_origin_does_not_matter(self) -> None:
        assert len(place(Outlines("a.xml", "asap"), BOXED, FrameOptions())) == 0

    @pytest.mark.parametrize("origin", ["bounds", "halo"])
    def test_a_slide_without_box_counts_from_its_corner(self, origin) -> None:
        assert placed(SLIDE, origin=origin) == (10, 20, 30, 40)


class TestSlideCentre:
    SLIDE = SlideFrame("a.ndpi", Extent(2000, 1000), Mpp(0.5, 1.0), centre_offset_nm=(100_000.0, -200_000.0))
    RING = ((-350_000, -500_000), (-250_000, -500_000), (-250_000, -300_000), (-350_000, -300_000))

    def test_nanometres_become_pixels_of_each_axis(self) -> None:
        assert placed(self.SLIDE, self.RING, "slide_centre") == (100, 200, 300, 400)

    def test_a_slide_that_is_not_known_has_no_name(self) -> None:
        assert "which the slide does not tell" in refused(SlideFrame(mpp=Mpp(1.0, 1.0)), self.RING, "slide_centre")

    def test_a_slide_without_the_offset_is_refused(self) -> None:
        assert "counts from the centre of the physical slide" in refused(SLIDE, self.RING, "slide_centre")


def test_a_physical_unit_needs_a_resolution() -> None:
    with pytest.raises(MissingMppError, match="coordinates in a physical unit"):
        placed(SlideFrame("a.tiff", Extent(9, 9)), unit="um")


def test_y_up_needs_the_slide() -> None:
    assert "hint: pass slide_path=" in refused(SlideFrame(), y="up")


def test_a_level_that_does_not_exist_is_refused() -> None:
    assert "has 2 level(s)" in refused(SLIDE, level=2)


class TestOutside:
    def test_one_hundredth_of_the_area_may_lie_outside(self) -> None:
        assert placed(SLIDE, [(0, 0), (1000, 0), (1000, 808), (0, 808)])[3] == 808

    def test_more_is_refused(self) -> None:
        message = refused(SLIDE, [(0, 0), (1000, 0), (1000, 810), (0, 810)])
        assert message.startswith("1% of the area of 'a.xml' lies outside of the slide 'a.mrxs': the outlines span")

    def test_area_counts_not_the_number_of_outlines(self) -> None:
        outlines = Outlines("a.xml", "asap")
        outlines.add("a", [[(0, 0), (1000, 0), (1000, 800), (0, 800)]])
        outlines.add_box("a", [(2000, 2000), (2010, 2010)])
        assert len(place(outlines, SLIDE, FrameOptions())) == 2

    def test_a_factor_that_would_fit_is_named(self) -> None:
        assert "coordinates divided by 8" in refused(SLIDE, np.array(SQUARE) * 100)

    def test_the_unit_that_would_fit_is_named(self) -> None:
        small = SlideFrame("a.svs", Extent(1000, 800), Mpp(10.0, 10.0))
        assert "unit: um" in refused(small, np.array(SQUARE) * 200)

    @pytest.mark.parametrize(
        ("factor", "options", "fits"),
        [
            (20.0, {"unit": "um"}, "unit: px"),
            (1e4, {"unit": "nm"}, "coordinates divided by 2"),
            (5e3, {}, "unit: nm"),
            (20.0, {"level": 1}, "level: 0"),
        ],
    )
    def test_the_setting_that_would_fit_is_named(self, factor, options, fits) -> None:
        message = refused(SLIDE, np.array(SQUARE) * factor, **options)
        assert message.endswith(f"these would fit: {fits}") or f"these would fit: {fits}," in message

    def test_a_unit_in_which_they_would_be_a_dot_is_not_named(self) -> None:
        assert "unit: nm" not in refused(
            SlideFrame("a.svs", Extent(1000, 800), Mpp(10.0, 10.0)), np.array(SQUARE) * 200
        )

    def test_a_factor_is_one_from_the_origin(self) -> None:
        assert "coordinates divided by 2" in refused(BOXED, np.array(SQUARE) * 12, origin=(700.0, 500.0))
        assert "divided" not in refused(BOXED, np.array(SQUARE) * 12, origin=(999.0, 799.0))

    def test_a_file_that_says_its_frame_needs_no_setting(self) -> None:
        message = refused(TestSlideCentre.SLIDE, np.array(TestSlideCentre.RING) * 9, "slide_centre")
        assert message.endswith("hint: check that the annotation belongs to this slide")

    @pytest.mark.parametrize(
        ("origin", "ring", "fits"), [("bounds", (600, 300), "level0"), ("level0", (-50, -50), "bounds")]
    )
    def test_the_origin_that_would_fit_is_named(self, origin, ring, fits) -> None:
        box = shapely.box(*ring, ring[0] + 350, ring[1] + 180)
        message = refused(BOXED, np.array(box.exterior.coords), origin=origin)
        assert f"origin: {fits}" in message

    def test_without_a_slide_nothing_is_outside(self) -> None:
        assert placed(SlideFrame(mpp=Mpp(1, 1)), np.array(SQUARE) * 1e6)[0] == 1e7
