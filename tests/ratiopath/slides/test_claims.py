"""The size that a stream claims is found in its first bytes, whatever they are."""

import imagecodecs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratiopath.slides.tiff.stream_size import claimed_size
from tests.support.lying import JPEG_2000, JPEG_XL, LERC, PNG, WEBP

ENCODERS = {
    "png": (PNG, lambda image: imagecodecs.png_encode(image[..., 0].copy())),
    "png of colours": (PNG, imagecodecs.png_encode),
    "webp": (WEBP, imagecodecs.webp_encode),
    "webp without loss": (WEBP, lambda image: imagecodecs.webp_encode(image, lossless=True)),
    "webp with alpha": (WEBP, lambda image: imagecodecs.webp_encode(image[..., [0, 1, 2, 0]].copy())),
    "jpeg 2000": (JPEG_2000, lambda image: imagecodecs.jpeg2k_encode(image, codecformat="j2k")),
    "jpeg 2000 in boxes": (JPEG_2000, lambda image: imagecodecs.jpeg2k_encode(image, codecformat="jp2")),
    "jpeg xl": (JPEG_XL, imagecodecs.jpegxl_encode),
    "jpeg xl in boxes": (JPEG_XL, lambda image: imagecodecs.jpegxl_encode(image, usecontainer=True)),
    "lerc": (LERC, lambda image: imagecodecs.lerc_encode(image[..., 0].copy())),
}
SIDES = st.one_of(st.integers(1, 300), st.sampled_from([8, 16, 256, 512, 1000]))


@pytest.mark.parametrize("kind", ENCODERS)
@given(width=SIDES, height=SIDES, shade=st.integers(0, 255))
@settings(max_examples=25, deadline=None)
def test_the_size_that_a_stream_claims_is_the_one_it_was_written_with(kind, width, height, shade) -> None:
    codec, encode = ENCODERS[kind]
    image = np.full((height, width, 3), shade, np.uint8)
    assert claimed_size(codec, encode(image))[:2] == (width, height)


@pytest.mark.parametrize("kind", ENCODERS)
@given(st.binary(max_size=60), st.integers(0, 60))
@settings(max_examples=50, deadline=None)
def test_the_head_of_a_stream_may_be_damaged_in_any_way(kind, noise, place) -> None:
    codec, encode = ENCODERS[kind]
    stream = encode(np.zeros((16, 16, 3), np.uint8))
    found = claimed_size(codec, stream[:place] + noise)
    assert found is None or len(found) == 3
