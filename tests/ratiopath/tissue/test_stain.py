"""The slide is read in pieces and averaged as if it were read whole."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratiopath.geometry import Extent, Mpp
from ratiopath.slides import ArrayReader
from ratiopath.tissue.colours import DARK, is_pen, saturation_of
from ratiopath.tissue.stain import Reduction, read_stain


def reader_of(image, mpp, chunk=(512, 512), exists=None):
    return ArrayReader([image], mpp, chunk=Extent(*chunk), exists=None if exists is None else [exists])


@settings(deadline=None)
@given(
    st.integers(1, 14), st.integers(1, 14), st.tuples(st.integers(1, 9), st.integers(1, 9)),
    st.tuples(st.sampled_from([1.0, 2.1, 3.9, 4.0, 8.0]), st.sampled_from([0.7, 2.7, 8.0])),
    st.booleans(), st.booleans(), st.integers(0, 99),
)  # fmt: skip
def test_pieces_add_up_to_the_whole(height, width, chunk, mpp, has_gaps, drop_pen, seed) -> None:
    random = np.random.default_rng(seed)
    image = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
    exists = random.random((height, width)) > 0.5 if has_gaps else None
    reader = reader_of(image, Mpp(*mpp), chunk, exists)
    reduction = Reduction.of(reader)
    found = read_stain(reader, reduction, drop_pen=drop_pen)
    (x, y), there = reduction.factors, np.ones((height, width), np.bool_) if exists is None else exists
    for row in range(reduction.extent.height):
        for column in range(reduction.extent.width):
            block = np.s_[row * y : (row + 1) * y, column * x : (column + 1) * x]
            scanned = image[block][there[block]].astype(np.int64)
            is_there = len(scanned) > 0 and 2 * len(scanned) >= there[block].size
            mean = [math.floor(sum(c) / len(scanned) + 0.5) for c in scanned.T.tolist()] if is_there else [0] * 3
            rgb = np.array([[mean]], dtype=np.uint8)
            is_candidate = is_there and max(mean) >= DARK and not (drop_pen and is_pen(rgb, saturation_of(rgb)).item())
            saturation = saturation_of(rgb).item() if is_candidate else 0
            here = found.exists[row, column], found.is_candidate[row, column], found.saturation[row, column]
            assert here == (is_there, is_candidate, saturation)
    assert found.exists.shape == (reduction.extent.height, reduction.extent.width)


@pytest.mark.parametrize(
    ("mpp", "downsamples", "level", "factors", "result"),
    [
        (0.25, (1, 4, 16, 64), 2, 1, 4.0),
        (0.5, (1, 2, 4, 8, 16), 4, 1, 8.0),
        (0.2499, (1, 4, 16), 2, 2, 0.2499 * 32),
        (0.25, (1, 4, 64), 1, 8, 8.0),
        (0.25, (1, 128), 0, 32, 8.0),
        (20.0, (1, 2), 0, 1, 20.0),
    ],
    ids=["not finer than 4", "exactly 8", "a little finer than 4", "far finer", "only level 0", "coarse"],
)
def test_the_level_is_the_closest_to_8_and_is_averaged_if_finer_than_4(
    mpp, downsamples, level, factors, result
) -> None:
    side = 1280
    levels = [np.broadcast_to(np.uint8(0), (side // one, side // one, 3)) for one in downsamples]
    found = Reduction.of(ArrayReader(levels, Mpp(mpp, mpp)))
    assert (found.level.index, found.factors) == (level, (factors, factors))
    assert found.mpp.x == found.mpp.y == pytest.approx(result)


def test_a_block_is_never_longer_than_the_level() -> None:
    image = np.full((5, 7, 3), 200, dtype=np.uint8)
    reduction = Reduction.of(reader_of(image, Mpp(1e-300, 1e-300)))
    assert (reduction.factors, reduction.extent) == ((7, 5), Extent(1, 1))
