"""A mask is written as a TIFF that every reader of the library, and tifffile, reads as it was."""

from io import BytesIO

import numpy as np
import pytest
import shapely
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from ratiopath.arrow import tile_overlay_overlap
from ratiopath.geometry import Mpp
from ratiopath.slides import open_slide
from ratiopath.slides.tiff.mask import encode_mask
from ratiopath.tissue import TissueMask


@given(
    arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=40)),
    st.tuples(st.floats(1e-3, 1e4), st.floats(1e-3, 1e4)),
    st.text(st.characters(min_codepoint=32, max_codepoint=126)),
)
def test_pixels_resolution_and_description_come_back(mask, mpp, description) -> None:
    with tifffile.TiffFile(BytesIO(encode_mask(mask, Mpp(*mpp), description))) as tiff:
        [page] = tiff.pages
        assert (page.bitspersample, page.description.strip()) == (1, description.strip())
        assert np.array_equal(page.asarray(), mask)
        for name, expected in zip(("XResolution", "YResolution"), mpp, strict=True):
            pixels, units = page.tags[name].value
            assert 10_000 * units / pixels == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("mpp", [8.0, 7.984, 0.2499 * 32, 100 / 3])
def test_a_resolution_is_exact_to_a_thousandth_of_a_pixel_at_the_far_edge(mpp) -> None:
    with tifffile.TiffFile(BytesIO(encode_mask(np.ones((1, 1), np.bool_), Mpp(mpp, mpp)))) as tiff:
        pixels, units = tiff.pages[0].tags["XResolution"].value
    assert abs(10_000 * units / pixels / mpp - 1) * 20_000 < 1e-3


def test_a_mask_is_an_overlay_whose_tissue_is_1(tmp_path) -> None:
    mask = np.zeros((600, 520), np.bool_)
    mask[300:600, 100:516] = True
    path = tmp_path / "a.tiff"
    path.write_bytes(TissueMask(mask, Mpp(8.0, 7.984), 8).to_tiff() + b"a checksum")
    with open_slide(str(path)) as reader:
        assert (reader.dtype, reader.channels, reader.pyramid.mpp.x) == (np.bool_, 1, 8.0)
        assert reader.pyramid.mpp.y == pytest.approx(7.984, rel=1e-9)
    [share] = tile_overlay_overlap(shapely.box(0, 0, 520, 600), str(path), [0], [0], 8.0, 7.984).to_pylist()
    assert share == {"0": pytest.approx(0.6), "1": pytest.approx(0.4)}


def test_the_same_mask_gives_the_same_bytes() -> None:
    mask = np.random.default_rng(0).random((700, 300)) > 0.5
    assert encode_mask(mask, Mpp(8.0, 8.0), "a") == encode_mask(mask.copy(), Mpp(8.0, 8.0), "a")
