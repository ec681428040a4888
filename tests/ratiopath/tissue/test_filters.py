"""The filters give what the plainest definition gives, computed pixel by pixel or by Pillow."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image, ImageFilter

from ratiopath.tissue.filters import close_gaps, median, otsu, remove_specks

SHAPES = array_shapes(min_dims=2, max_dims=2, max_side=12)
MASKS = arrays(np.bool_, SHAPES)
RADII = st.tuples(st.integers(0, 4), st.integers(0, 4))


def naive_dilation(mask, radii, *, beyond):
    x, y = radii
    padded = np.pad(mask, ((y, y), (x, x)), constant_values=beyond)
    return np.lib.stride_tricks.sliding_window_view(padded, (2 * y + 1, 2 * x + 1)).any(axis=(2, 3))


def naive_erosion(mask, radii):
    return ~naive_dilation(~mask, radii, beyond=False)


@pytest.mark.parametrize("shape", [(300, 520), (7, 3), (1, 1)])
def test_the_median_is_pillows(shape) -> None:
    image = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    expected = np.asarray(Image.fromarray(image).filter(ImageFilter.MedianFilter(7)))
    assert np.array_equal(median(image, 3), expected)


@given(arrays(np.uint8, SHAPES), st.integers(0, 7))
def test_the_median_is_the_middle_of_the_sorted_square(image, radius) -> None:
    side = 2 * radius + 1
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(image, radius, mode="edge"), (side, side))
    expected = np.sort(windows.reshape(*image.shape, -1), axis=2)[..., side * side // 2]
    assert np.array_equal(median(image, radius), expected)


@given(st.lists(st.integers(0, 9), min_size=2, max_size=12))
def test_otsu_splits_where_the_variance_between_is_largest(histogram) -> None:
    values = np.repeat(np.arange(len(histogram)), histogram)
    variances = [0.0]
    for t in range(len(histogram)):
        low, high = values[values <= t], values[values > t]
        if len(low) and len(high):
            variances.append(len(low) * len(high) * (low.mean() - high.mean()) ** 2)
    found = otsu(np.array(histogram))
    low, high = values[values <= found], values[values > found]
    between = len(low) * len(high) * (low.mean() - high.mean()) ** 2 if len(low) and len(high) else 0.0
    assert between == pytest.approx(max(variances))


def test_otsu_of_two_peaks_lies_between_them() -> None:
    histogram = np.zeros(256, np.int64)
    histogram[[3, 5, 100, 110]] = 10, 10, 5, 5
    assert otsu(histogram) == 5


@pytest.mark.parametrize(
    "histogram", [np.zeros(256, np.int64), np.eye(1, 256, 7, dtype=np.int64)[0]], ids=["empty", "one"]
)
def test_otsu_without_two_values_is_zero(histogram) -> None:
    assert otsu(histogram) == 0


@given(MASKS, RADII)
def test_closing_is_a_dilation_and_an_erosion(mask, radii) -> None:
    assert np.array_equal(close_gaps(mask, radii), naive_erosion(naive_dilation(mask, radii, beyond=False), radii))


@given(MASKS, RADII)
def test_opening_is_an_erosion_and_a_dilation(mask, radii) -> None:
    assert np.array_equal(remove_specks(mask, radii), naive_dilation(naive_erosion(mask, radii), radii, beyond=False))


@given(MASKS, RADII)
def test_closing_only_adds_and_opening_only_removes(mask, radii) -> None:
    assert (close_gaps(mask, radii) >= mask).all()
    assert (remove_specks(mask, radii) <= mask).all()
