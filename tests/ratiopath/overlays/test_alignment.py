"""The table of the alignment guard, case by case, with numbers worked out by hand."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratiopath.errors import MisalignedError, MissingMppError
from ratiopath.frame import SlideFrame
from ratiopath.geometry import Extent, Mpp
from ratiopath.overlays.alignment import Alignment, align_raster
from ratiopath.overlays.fit import RasterFrame, are_compatible

SLIDE = SlideFrame("a.svs", Extent(100_000, 80_000), Mpp(0.25, 0.25))
BOXED = SlideFrame("a.mrxs", Extent(100_000, 80_000), Mpp(0.25, 0.25), bounds=(20_000, 12_000, 30_000, 50_000))
UNKNOWN = SlideFrame("a.tiff", Extent(100_000, 80_000))


def aligned(size: tuple[int, int], mpp=None, slide=SLIDE, align="auto", *, is_given=False) -> Alignment:
    return align_raster(RasterFrame("m.tiff", Extent(*size), Mpp.optional(mpp), is_given), slide, align)


def refused(*args, error=MisalignedError, **options) -> str:
    with pytest.raises(error) as caught:
        aligned(*args, **options)
    return str(caught.value)


class TestFits:
    def test_the_resolution_is_used_as_it_is(self) -> None:
        found = aligned((2500, 2000), 10.0)
        assert (found.case, found.mpp, found.origin, found.remark) == ("fits", Mpp(10, 10), (0, 0), None)
        assert (found.scale, found.downsample, found.drift) == ((40, 40), (40, 40), (0, 0))

    @pytest.mark.parametrize(
        ("width", "mpp", "drift"), [(2499, 10, 40), (2501, 10, 40), (2500, 10.006, 60), (2500, 9.9941, 59)]
    )
    def test_one_and_a_half_pixels_of_drift_are_allowed(self, width: int, mpp: float, drift: float) -> None:
        found = aligned((width, 2000), (mpp, 10.0))
        assert (found.case, found.mpp) == ("fits", Mpp(mpp, 10))
        assert found.drift == pytest.approx((drift, 0))

    def test_two_pixels_are_not(self) -> None:
        assert aligned((2502, 2000), 10.0).case == "imprecise resolution"
        assert "is no image of the slide" in refused((2504, 2000), 10.0)

    def test_each_axis_has_its_own_factor(self) -> None:
        found = aligned((2500, 4000), (10.0, 5.0))
        assert (found.case, found.scale) == ("fits", (40, 20))


class TestImpreciseResolution:
    def test_the_sizes_are_used_and_both_numbers_are_told(self) -> None:
        # 0.25 for 0.2527 µm/px: at 40 times, 10.108 for 10 µm/px; 2500 px * 40.432 = 101,080 px
        found = aligned((2500, 2000), 10.108)
        assert (found.case, found.mpp, found.is_suspicious) == ("imprecise resolution", Mpp(10, 10), False)
        assert found.drift == pytest.approx((1080, 864))
        assert found.remark == (
            "is aligned by size: a pixel is 40 x 40 px of level 0, not 40.432 x 40.432 as the resolutions say, which "
            "would drift by 1,080 x 864 px"
        )

    def test_five_per_cent_are_the_limit(self) -> None:
        assert aligned((2500, 2000), 10.499).case == aligned((2500, 2000), 9.501).case == "imprecise resolution"
        for mpp in (10.501, 9.499):
            assert "wrong resolution" in refused((2500, 2000), mpp)


class TestNoResolution:
    def test_the_sizes_are_used(self) -> None:
        found = aligned((2500, 2000))
        assert (found.case, found.mpp, found.scale, found.drift) == ("no resolution", Mpp(10, 10), None, None)

    def test_a_slide_without_resolution_counts_in_its_pixels(self) -> None:
        assert aligned((2500, 2000), 7.0, UNKNOWN).mpp == aligned((2500, 2000), None, UNKNOWN).mpp == Mpp(40, 40)

    def test_72_dpi_beside_sizes_that_fit_are_none(self) -> None:
        assert aligned((2500, 2000), 25_400 / 72).case == "no resolution"

    def test_72_dpi_that_are_given_are_wrong(self) -> None:
        assert "wrong resolution" in refused((2500, 2000), 25_400 / 72, is_given=True)

    def test_72_dpi_beside_other_sizes_are_of_another_slide(self) -> None:
        assert "is no image of the slide" in refused((2500, 2500), 25_400 / 72)

    def test_a_coarse_mask_that_fits_keeps_its_resolution(self) -> None:
        assert aligned((125, 100), 200.0).case == "fits"

    def test_sizes_that_do_not_fit_need_a_resolution(self) -> None:
        message = refused((2500, 2100), error=MissingMppError)
        assert "the overlay has 2,500 x 2,100 px, the slide 100,000 x 80,000 px; hint: set overlays.NAME.mpp" in message

    def test_a_slide_without_resolution_and_other_sizes_needs_one(self) -> None:
        message = refused((2500, 2100), 10.0, UNKNOWN, error=MissingMppError)
        assert message.startswith("slide 'a.tiff' has no resolution")
        assert "hint: set slide_mpp" in message


class TestWrongResolution:
    def test_twice_the_resolution_is_refused_with_both_factors_and_the_settings(self) -> None:
        message = refused((2500, 2000), 20.0)
        assert "80 x 80 px of level 0 by the resolutions 20 x 20 and 0.25 x 0.25 µm/px, but 40 x 40 px" in message
        assert "set overlays.NAME.align: extent" in message
        assert "overlays.NAME.mpp" in message

    def test_each_setting_that_is_named_accepts_it(self) -> None:
        assert aligned((2500, 2000), 20.0, align="extent").mpp == Mpp(10, 10)
        assert aligned((2500, 2000), 10.0, is_given=True).mpp == Mpp(10, 10)

    def test_one_axis_suffices(self) -> None:
        assert "wrong resolution" in refused((2500, 2000), (10.0, 20.0))


class TestBoundingBox:
    @pytest.mark.parametrize("mpp", [None, 10.0, 10.1, 77.0])
    def test_an_overlay_of_the_box_is_refused_with_the_setting(self, mpp) -> None:
        message = refused((750, 1250), mpp, BOXED)
        assert "fits the scanned box of 30,000 x 50,000 px at (20000, 12000) of 'a.mrxs'" in message
        assert message.endswith("hint: set overlays.NAME.align: bounds (align=)")

    @pytest.mark.parametrize(("mpp", "used"), [(None, 10), (10.0, 10), (10.1, 10), (77.0, 10), (10.005, 10.005)])
    def test_the_setting_accepts_it_at_the_corner_of_the_box(self, mpp, used) -> None:
        found = aligned((750, 1250), mpp, BOXED, "bounds")
        assert (found.case, found.mpp, found.origin) == ("bounds", Mpp(used, used), (20_000, 12_000))
        assert (found.downsample, found.remark) == ((40, 40), None)

    def test_an_overlay_of_the_slide_is_not_of_the_box(self) -> None:
        assert aligned((2500, 2000), 10.0, BOXED).case == "fits"
        assert aligned((2500, 2000), None, BOXED).case == "no resolution"

    def test_a_box_of_the_same_aspect_is_told_by_the_resolution(self) -> None:
        half = SlideFrame("a.mrxs", SLIDE.extent, SLIDE.mpp, bounds=(0, 0, 50_000, 40_000))
        assert "fits the scanned box" in refused((1250, 1000), 10.0, half)
        assert "wrong resolution" in refused((1250, 1000), 2.0, half)
        message = refused((1250, 1000), None, half)
        assert "may lie over all of the 100,000 x 80,000 px of 'a.mrxs' or over its scanned box" in message
        assert message.endswith("hint: set overlays.NAME.align: extent or bounds (align=)")
        assert aligned((1250, 1000), None, half, "extent").mpp == Mpp(20, 20)

    def test_a_resolution_that_fits_the_box_is_not_taken_for_an_imprecise_one(self) -> None:
        large = SlideFrame("a.mrxs", SLIDE.extent, SLIDE.mpp, bounds=(2000, 1000, 97_000, 77_600))
        assert "fits the scanned box" in refused((2425, 1940), 10.0, large)
        assert "may lie over all" in refused((2425, 1940), 10.15, large)

    def test_a_box_that_differs_by_a_pixel_of_the_overlay_is_the_slide(self) -> None:
        nearly = SlideFrame("a.mrxs", SLIDE.extent, SLIDE.mpp, bounds=(40, 0, 99_960, 80_000))
        assert aligned((2500, 2000), None, nearly).case == "no resolution"
        beyond = SlideFrame("a.mrxs", SLIDE.extent, SLIDE.mpp, bounds=(41, 0, 99_959, 80_000))
        assert "may lie over all" in refused((2500, 2000), None, beyond)

    def test_a_part_of_the_box_is_laid_at_its_corner_by_resolution(self) -> None:
        found = aligned((500, 500), 10.0, BOXED, "bounds")
        assert (found.mpp, found.origin, found.is_suspicious) == (Mpp(10, 10), (20_000, 12_000), True)
        assert found.remark == (
            "differs in size: 20,000 x 20,000 px of level 0, where the scanned box has 30,000 x 50,000 px"
        )

    def test_other_sizes_without_resolution_are_refused(self) -> None:
        assert "is not aligned by size" in refused((500, 500), None, BOXED, "bounds", error=MissingMppError)

    def test_a_slide_without_box_is_its_own(self) -> None:
        found = aligned((2500, 2000), None, SLIDE, "bounds")
        assert (found.mpp, found.origin) == (Mpp(10, 10), (0, 0))


class TestPartOfTheSlide:
    def test_it_is_laid_at_the_corner_with_a_warning(self) -> None:
        found = aligned((1000, 1500), 10.0)
        assert (found.case, found.mpp, found.origin, found.is_suspicious) == (
            "part of the slide", Mpp(10, 10), (0, 0), True,
        )  # fmt: skip
        assert found.remark == (
            "covers a part of the slide: 40,000 x 60,000 px of level 0, where the slide has 100,000 x 80,000 px"
        )

    def test_beyond_the_slide_on_one_axis_it_is_of_another_slide(self) -> None:
        message = refused((1000, 2500), 10.0)
        assert "span 40,000 x 100,000 px of level 0" in message
        assert "overlays.NAME.align: mpp" in message


class TestSettings:
    def test_mpp_is_not_checked(self) -> None:
        found = aligned((2500, 2000), 20.0, align="mpp")
        assert (found.case, found.mpp, found.is_suspicious) == ("mpp", Mpp(20, 20), True)
        assert found.remark is not None
        assert found.remark.startswith("differs in size: ")

    @pytest.mark.parametrize("width", [2450, 2499, 2501, 2550])
    def test_two_per_cent_are_no_reason_to_review(self, width: int) -> None:
        assert aligned((width, 2000), 10.0, align="mpp").remark is None

    def test_mpp_needs_both_resolutions(self) -> None:
        assert refused((2500, 2000), align="mpp", error=MissingMppError).startswith("'m.tiff' has no resolution")
        message = refused((2500, 2000), 10.0, UNKNOWN, "mpp", error=MissingMppError)
        assert message.startswith("slide 'a.tiff' has no resolution")

    def test_extent_stretches_any_size_and_says_so(self) -> None:
        found = aligned((512, 512), None, align="extent")
        assert (found.mpp, found.is_suspicious) == (Mpp(25_000 / 512, 20_000 / 512), True)
        assert found.remark == "is stretched: 195.31 x 156.25 px of level 0 per px"

    def test_a_slide_of_unknown_size_aligns_nothing(self) -> None:
        assert "unknown size" in refused((1, 1), 1.0, SlideFrame(mpp=Mpp(1, 1)), error=MissingMppError)


@pytest.mark.parametrize("slide", [(2220, 2967), (46_000, 32_914), (100_001, 79_999)])
@pytest.mark.parametrize("d", [4, 10, 16, 31.7, 64])
class TestWriters:
    """Sizes of five ways to make a mask at a reduction d."""

    def test_floor_round_and_ceil_fit(self, slide, d) -> None:
        for size in ([int(n / d) for n in slide], [round(n / d) for n in slide], [-int(-n // d) for n in slide]):
            assert are_compatible(Extent(*slide), Extent(*size))

    def test_pillows_thumbnail_fits(self, slide, d) -> None:
        side = int(max(slide) / d)
        longer, shorter = max(slide), min(slide)
        short = max(min((n for n in (side * shorter // longer, side * shorter // longer + 1)),
                        key=lambda n: abs(longer / shorter - side / n)), 1)  # fmt: skip
        size = (side, short) if slide[0] == longer else (short, side)
        assert are_compatible(Extent(*slide), Extent(*size))


@pytest.mark.parametrize(
    ("slide", "mask"),
    [((2220, 2967), (768, 768)), ((46_000, 32_914), (3072, 2304)), ((100_001, 79_999), (25_088, 20_224))],
)
def test_a_mask_padded_to_patches_is_refused_with_the_settings(slide, mask) -> None:
    frame = SlideFrame("a.svs", Extent(*slide), Mpp(0.5, 0.5))
    message = refused(mask, None, frame, error=MissingMppError)
    assert "set overlays.NAME.mpp (overlay_mpp=) or write the tags; add overlays.NAME.align: mpp" in message
    assert aligned(mask, 8.0, frame, "mpp", is_given=True).mpp == Mpp(8, 8)


def test_histolabs_mask_of_the_small_region_is_one_tenth() -> None:
    slide = SlideFrame("a.svs", Extent(2220, 2967), Mpp(0.499, 0.499))
    found = aligned((221, 296), None, slide)
    assert found.mpp == Mpp(0.499 * 2220 / 221, 0.499 * 2967 / 296)


LENGTHS = st.integers(1, 60)


@given(LENGTHS, LENGTHS, LENGTHS, LENGTHS)
def test_compatible_equals_brute_force_over_the_factor(width: int, height: int, w: int, h: int) -> None:
    """Any factor that works can be moved to an end of its interval: W / (w + 1), W / (w - 1) and the like."""
    ends = {Fraction(whole, part + by) for whole, part in ((width, w), (height, h)) for by in (-1, 1) if part + by}
    works = [d for d in ends if abs(width / d - w) <= 1 and abs(height / d - h) <= 1]
    assert are_compatible(Extent(width, height), Extent(w, h)) == bool(works)


@given(st.integers(1, 10**6), st.integers(1, 10**6), st.fractions(1, 1000))
def test_any_rounding_of_a_reduction_is_compatible(width: int, height: int, d: Fraction) -> None:
    for size in ([n // d for n in (width, height)], [-(-n // d) for n in (width, height)]):
        assert are_compatible(Extent(width, height), Extent(*(max(1, int(n)) for n in size)))
