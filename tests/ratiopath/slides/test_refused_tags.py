"""Combinations of codec, predictor and samples that no decoder can be trusted with are refused by name."""

import warnings
from contextlib import suppress

import numpy as np
import pytest
import tifffile

from ratiopath.errors import UnsupportedImageError
from ratiopath.slides import open_slide
from tests.support.handmade import (
    BITS,
    COMPRESSION,
    COUNTS,
    LONG,
    OFFSETS,
    PHOTOMETRIC,
    PREDICTOR,
    SAMPLES,
    SHORT,
    Page,
    write,
)
from tests.support.streams import CLASSES, ENCODERS, read


@pytest.mark.parametrize("codec", [1, 32773])
@pytest.mark.parametrize("predictor", [2, 3, 5])
def test_a_predictor_beside_a_codec_without_one_is_ignored(codec, predictor, tmp_path) -> None:
    image = np.zeros((16, 32), np.uint8)
    image[:, 16:] = 5
    tags = {COMPRESSION: (SHORT, [codec]), PREDICTOR: (SHORT, [predictor])}
    page = Page([bytes(ENCODERS[codec](image.tobytes()))], (16, 32), tags)
    np.testing.assert_array_equal(read(write(tmp_path / "a.tiff", page)), image)


@pytest.mark.parametrize("codec", [5, 8, 34925, 50000])
@pytest.mark.parametrize(("predictor", "bits"), [(2, 1), (2, 2), (2, 4), (2, 12), (3, 8), (3, 16), (7, 8)])
def test_a_predictor_that_libtiff_does_not_know_is_refused_by_its_name(predictor, bits, codec, tmp_path) -> None:
    tags = {COMPRESSION: (SHORT, [codec]), PREDICTOR: (SHORT, [predictor]), BITS: (SHORT, [bits])}
    page = Page([bytes(ENCODERS[codec](bytes(16 * 32 * bits // 8)))], (16, 32), tags)
    with pytest.raises(UnsupportedImageError, match="predictor"):
        read(write(tmp_path / "a.tiff", page))


@pytest.mark.parametrize("codec", [1, 5, 8, 50000])
@pytest.mark.parametrize("subsampling", [(1, 1), (2, 1), (2, 2)])
def test_ycbcr_colours_without_jpeg_are_refused_by_their_name(codec, subsampling, tmp_path) -> None:
    tags = {SAMPLES: (SHORT, [3]), BITS: (SHORT, [8] * 3), PHOTOMETRIC: (SHORT, [6]), 530: (SHORT, list(subsampling))}
    page = Page([bytes(ENCODERS[codec](bytes(8 * 8 * 3)))], (8, 8), tags | {COMPRESSION: (SHORT, [codec])})
    with pytest.raises(UnsupportedImageError, match="YCbCr"):
        read(write(tmp_path / "a.tiff", page))


def test_jpeg_xr_is_refused_since_its_decoder_hides_damage(tmp_path) -> None:
    tifffile.imwrite(tmp_path / "a.tiff", CLASSES, compression="jpegxr", metadata=None)
    with pytest.raises(UnsupportedImageError, match="JPEG XR"):
        read(tmp_path / "a.tiff")


WEBP_SAMPLES = [(1, [], 1), (2, [2], 1), (5, [0, 0], 1), (3, [], 2)]
"""Samples per pixel, kinds of extra samples and planar configuration that WebP cannot hold."""


@pytest.mark.parametrize(("samples", "extra", "planar"), WEBP_SAMPLES)
def test_webp_without_pixels_of_samples_that_it_cannot_hold_is_refused(samples, extra, planar, tmp_path) -> None:
    """GDAL leaves such a file sparse, so no decoder ever sees that there is nothing to decode."""
    tags = {COMPRESSION: (SHORT, [50001]), SAMPLES: (SHORT, [samples]), BITS: (SHORT, [8] * samples)}
    tags |= {338: (SHORT, extra), 284: (SHORT, [planar]), OFFSETS: (LONG, [0]), COUNTS: (LONG, [0])}
    path = write(tmp_path / "a.tiff", Page([b""], (16, 16), tags))
    with pytest.raises(
        UnsupportedImageError, match=rf"is WebP of {samples} (interleaved|separate) uint8 sample\(s\); hint"
    ):
        open_slide(str(path))


def test_webp_of_grey_and_alpha_as_gdal_leaves_it_is_refused(tmp_path) -> None:
    rasterio = pytest.importorskip("rasterio", reason="GDAL comes with the dependency group bench")
    path = tmp_path / "a.tiff"
    profile = {"driver": "GTiff", "width": 64, "height": 64, "count": 2, "dtype": "uint8", "compress": "webp"}
    with (
        warnings.catch_warnings(),
        suppress(rasterio.errors.RasterioIOError),
    ):  # its error comes while it closes, if ever
        warnings.simplefilter("ignore")  # no georeference
        with rasterio.open(path, "w", **profile, alpha="yes") as file:
            file.write(np.full((2, 64, 64), 255, np.uint8))
    with pytest.raises(UnsupportedImageError, match="is WebP of 2 interleaved uint8"):
        open_slide(str(path))
