"""Real pictures of other projects, against the decoders that keep their numbers."""

from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from ratiopath.errors import UnsupportedImageError
from ratiopath.slides import open_slide
from tests.support.pictures import whole

FOLDER = Path(__file__).parents[5] / "shared/data/real"
PLAIN = sorted(FOLDER.glob("*test_*.png"))
PALETTES = [*FOLDER.glob("*p_trns_single.png"), *FOLDER.glob("*pil123p.png")]

pytestmark = pytest.mark.skipif(not PLAIN, reason="the real files are not part of the repository")


@pytest.mark.parametrize("path", PLAIN, ids=lambda path: path.stem)
def test_samples_are_those_of_libpng_and_alpha_0_does_not_exist(path: Path) -> None:
    samples = imagecodecs.png_decode(path.read_bytes())
    samples = samples.reshape(*samples.shape[:2], -1)
    has_alpha = "A_" in path.name
    with open_slide(str(path)) as reader:
        pixels, exists = whole(reader)
        assert reader.channels == samples.shape[2] - has_alpha
        assert reader.dtype == ("uint16" if "_16" in path.name else "uint8")
    np.testing.assert_array_equal(pixels.reshape(*exists.shape, -1), samples[..., :-1] if has_alpha else samples)
    np.testing.assert_array_equal(exists, samples[..., -1] != 0 if has_alpha else np.ones(exists.shape))


@pytest.mark.parametrize("path", PALETTES, ids=lambda path: path.stem)
def test_indices_of_a_palette_are_those_of_pillow(path: Path) -> None:
    with Image.open(path) as image, open_slide(str(path)) as reader:
        pixels, exists = whole(reader)
        np.testing.assert_array_equal(pixels, np.asarray(image))
        colours = np.asarray(image.convert("RGBA"))
        np.testing.assert_array_equal(reader.palette[pixels], colours[..., :3])
        np.testing.assert_array_equal(exists, colours[..., 3] != 0)


def test_a_density_of_a_screen_is_no_resolution() -> None:
    [path] = FOLDER.glob("*pil168.png")
    with Image.open(path) as image, open_slide(str(path)) as reader:
        assert image.info["dpi"] == pytest.approx((72, 72), abs=0.1)
        assert reader.pyramid.mpp is None
        np.testing.assert_array_equal(whole(reader)[0], np.asarray(image))


def test_an_array_of_bool_is_a_mask() -> None:
    [path] = FOLDER.glob("*.npy")
    with open_slide(str(path)) as reader:
        np.testing.assert_array_equal(whole(reader)[0], np.load(path), strict=True)


def test_coordinates_of_tiles_are_no_image() -> None:
    [path] = FOLDER.glob("*.npz")
    with pytest.raises(UnsupportedImageError, match="archive of"):
        open_slide(str(path))
