"""Headers and streams that claim gigabytes are refused before a gigabyte is taken."""

import subprocess
import sys

import imagecodecs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratiopath.slides.tiff.stream_size import claimed_size
from tests.support.lying import BULKY, JPEG_2000, JPEG_XL, LERC, LIES, PNG, WEBP, write_lie

MAX_BYTES = 1 << 30
MEASURE = """
import sys
from shapely import box
from ratiopath.arrow import tile_overlay_overlap
from ratiopath.errors import SlideError
try:
    [found] = tile_overlay_overlap(box(0, 0, 64, 64), sys.argv[1], [0], [0], 1, 1).to_pylist()
    print(found)
except SlideError as error:
    print(type(error).__name__)
print([int(line.split()[1]) << 10 for line in open("/proc/self/status") if line.startswith("VmHWM")][0])
"""


def measured(path: str) -> tuple[str, int]:
    """The end of measuring a file, and the memory of the process at its peak, in bytes."""
    done = subprocess.run([sys.executable, "-c", MEASURE, path], capture_output=True, text=True, check=True)
    outcome, peak = done.stdout.splitlines()
    return outcome, int(peak)


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak of a process's memory as Linux gives it")
@pytest.mark.parametrize("name", [*LIES, *BULKY])
def test_a_claim_of_gigabytes_takes_less_than_one(name, tmp_path) -> None:
    outcome, peak = measured(str(write_lie(tmp_path / "a.tiff", name)))
    assert peak < MAX_BYTES
    assert outcome in ({"UnsupportedImageError", "TruncatedError"} if name in LIES else {"{'0': 1.0}"})


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
