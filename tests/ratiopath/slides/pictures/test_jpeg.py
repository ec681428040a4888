"""JPEG in grey and colour, as libjpeg-turbo decodes it; its name and its metadata do not matter."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ratiopath.errors import TruncatedError
from ratiopath.slides import open_slide
from tests.support.pictures import exif, jpeg, read

SMOOTH = np.add.outer(np.arange(600), np.arange(530)).astype(np.uint8)
IMAGES = {"L": SMOOTH, "RGB": np.dstack([SMOOTH, SMOOTH[::-1], SMOOTH[:, ::-1]])}
OPTIONS = {
    "baseline": {},
    "progressive": {"progressive": True},
    "444": {"subsampling": 0},
    "420": {"subsampling": 2},
    "restarts": {"restart_marker_rows": 3},
    "optimised": {"optimize": True, "quality": 30},
    "density": {"dpi": (72, 72), "comment": b"a comment"},
}


@pytest.mark.parametrize("mode", IMAGES)
@pytest.mark.parametrize("name", OPTIONS)
def test_pixels_are_those_of_pillow(name: str, mode: str, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(IMAGES[mode]).save(path, "JPEG", **OPTIONS[name])
    with Image.open(path) as image:
        want = np.asarray(image)

    pixels, exists = read(path, path.read_bytes())

    np.testing.assert_array_equal(pixels, want, strict=True)
    assert exists.all()
    with open_slide(str(path)) as reader:
        assert reader.pyramid.mpp is None


@pytest.mark.parametrize("order", ["<", ">"])
def test_an_upright_picture_is_read(order: str, tmp_path: Path) -> None:
    assert read(tmp_path / "a", jpeg(SMOOTH, b"Exif\0\0" + exif(1, order)))[0].any()


@pytest.mark.parametrize("cut", range(0, 20, 3))
def test_metadata_that_are_cut_hold_no_orientation(cut: int, tmp_path: Path) -> None:
    assert read(tmp_path / "a", jpeg(SMOOTH, b"Exif\0\0" + exif(6)[:cut]))[0].any()


@pytest.mark.parametrize("name", ["baseline", "progressive", "restarts"])
def test_a_stream_that_is_cut_is_refused_wherever_it_is_cut(name: str, tmp_path: Path) -> None:
    path = tmp_path / "a"
    Image.fromarray(IMAGES["RGB"][:80, :90]).save(path, "JPEG", **OPTIONS[name])
    content = path.read_bytes()
    for length in range(3, len(content) - 1, 7):
        with pytest.raises(TruncatedError, match="truncated or damaged"):
            read(path, content[:length])
