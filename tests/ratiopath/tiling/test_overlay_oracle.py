"""The patches equal those of the oracle: pixels, type, shape and mask."""

from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, given, settings

from tests.support import oracles
from tests.support.expressions import patches_of, tile_table
from tests.support.strategies import Case, cases

FOLDER_OF_THE_TEST = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]
"""Each example writes its own file over the last one's; drawing a raster takes milliseconds."""


@given(case=cases())
@settings(max_examples=250, deadline=None, suppress_health_check=FOLDER_OF_THE_TEST)
def test_pixels_and_mask_equal_the_oracle(case: Case, tmp_path: Path) -> None:
    path = tmp_path / "overlay.tiff"
    stored = case.layout.write(path, case.raster)
    found = patches_of(tile_table(path, case.tiles, case.mpp_tile), case.roi)
    levels, alpha = list(stored.levels), stored.alpha and list(stored.alpha)
    for (x, y), (pixels, mask) in zip(case.tiles, found, strict=True):
        want, outside = oracles.overlay_patch(levels, stored.mpp, x, y, case.mpp_tile, case.roi, alpha)
        assert pixels.dtype == want.dtype.newbyteorder("=")
        np.testing.assert_array_equal(pixels, want, strict=True)
        np.testing.assert_array_equal(mask, outside, strict=True)


@given(case=cases())
@settings(max_examples=40, deadline=None, suppress_health_check=FOLDER_OF_THE_TEST)
def test_all_rows_of_one_resolution_share_shape_and_type(case: Case, tmp_path: Path) -> None:
    path = tmp_path / "overlay.tiff"
    case.layout.write(path, case.raster)
    found = patches_of(tile_table(path, case.tiles, case.mpp_tile), case.roi)
    assert len({(pixels.shape, pixels.dtype, mask.shape) for pixels, mask in found}) == 1
