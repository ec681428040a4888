"""The statistics column: tiny real files, then the same numbers on Ray's arguments."""

import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings

from ratiopath.arrow import tile_overlay_statistics
from ratiopath.errors import MisalignedError, ParameterError, UnsupportedImageError
from ratiopath.statistics.statistic import Statistic
from tests.ratiopath.statistics.test_numbers import in_numpy
from tests.support import oracles
from tests.support.expressions import evaluate, statistics_expression, tile_table
from tests.support.layouts import LAYOUTS, Raster
from tests.support.strategies import Case, cases

BOX = shapely.box(0, 0, 2, 2)
NUMBERS = {
    "uint8": np.array([[0, 51, 255], [102, 255, 0]], np.uint8),
    "uint16": np.array([[0, 13_107, 65_535], [26_214, 65_535, 0]], np.uint16),
    "float32": np.array([[0, 0.2, 1], [0.4, 1, np.nan]], np.float32),
}
SCALES = {"uint8": (0, 255), "uint16": (0, 65_535), "float32": (0, 1)}
NAMES = ["mean", "min", "max", "std", "q50", "share>=0.4"]


def column(path, tiles, names, roi=BOX, **options):
    x, y = np.array(tiles).T
    return tile_overlay_statistics(roi, str(path), x, y, 1.0, 1.0, statistics=names, **options).to_pylist()


@pytest.mark.parametrize("dtype", list(NUMBERS))
def test_maps_of_each_type_give_the_same_numbers_on_their_scale(tmp_path, dtype):
    path = tmp_path / "map.tiff"
    LAYOUTS["tiles"].write(path, Raster((NUMBERS[dtype],), (1.0, 1.0)))

    left, _, beyond = column(path, [(0, 0), (1, 0), (5, 5)], NAMES, scale=SCALES[dtype])

    expected = {"mean": 0.4, "min": 0, "max": 1, "std": np.std([0, 0.2, 0.4, 1]), "q50": 0.3, "share_ge_0_4": 0.5}
    assert left == pytest.approx(expected, rel=1e-6)
    assert list(beyond.values()) == [None] * 6


def test_nan_is_left_out(tmp_path):
    path = tmp_path / "map.tiff"
    LAYOUTS["tiles"].write(path, Raster((NUMBERS["float32"],), (1.0, 1.0)))

    assert column(path, [(1, 0)], ["min", "q0", "share<0.5"]) == [
        {"min": pytest.approx(0.2), "q0": pytest.approx(0.2), "share_lt_0_5": 1 / 3}
    ]


def test_more_values_than_classes_can_have_are_no_obstacle(tmp_path):
    path = tmp_path / "map.tiff"
    pixels = np.arange(400 * 400, dtype=np.float32).reshape(400, 400)
    LAYOUTS["deflate"].write(path, Raster((pixels,), (1.0, 1.0)))

    assert column(path, [(0, 0)], ["mean", "q50"], roi=shapely.box(0, 0, 400, 400)) == [
        {"mean": 79_999.5, "q50": 79_999.5}
    ]


def test_colours_are_refused_with_the_remedy(tmp_path):
    path = tmp_path / "map.tiff"
    LAYOUTS["tiles"].write(path, Raster((np.array([[[1, 2, 3]]], np.uint8),), (1.0, 1.0)))

    with pytest.raises(UnsupportedImageError, match="3 channels that differ"):
        column(path, [(0, 0)], ["mean"])


@pytest.mark.parametrize("scale", [(1, 1), (5, 0), (0, float("inf"))])
def test_a_scale_without_length_is_refused(scale):
    with pytest.raises(ParameterError, match="invalid scale"):
        column("none.tiff", [(0, 0)], ["mean"], scale=scale)


def test_a_map_with_a_wrong_resolution_is_laid_over_the_extent_of_the_slide(tmp_path):
    path, slide = tmp_path / "map.tiff", tmp_path / "slide.tiff"
    LAYOUTS["tiles"].write(slide, Raster((np.zeros((40, 60), np.uint8),), (1.0, 1.0)))
    LAYOUTS["tiles"].write(path, Raster((np.arange(6, dtype=np.float32).reshape(2, 3),), (10.0, 10.0)))
    options = {"roi": shapely.box(0, 0, 20, 20), "slide_path": str(slide)}

    with pytest.raises(MisalignedError, match="align: extent"):
        column(path, [(20, 0), (40, 20)], ["mean"], **options)

    assert column(path, [(20, 0), (40, 20)], ["mean"], align="extent", **options) == [{"mean": 1.0}, {"mean": 5.0}]


@pytest.mark.parametrize("scale", [255, (0,), "01x", (0, 1, 2), None])
def test_a_scale_that_is_no_pair_of_numbers_is_refused(scale):
    with pytest.raises(ParameterError, match="invalid scale"):
        column("none.tiff", [(0, 0)], ["mean"], scale=scale)


def is_grey(case: Case) -> bool:
    levels = [level.reshape(*level.shape[:2], -1) for level in case.raster.levels]
    return all((level == level[..., :1]).all() for level in levels)


@given(case=cases().filter(is_grey))
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_file_has_the_statistics_of_the_oracle(case: Case, tmp_path) -> None:
    path, names = tmp_path / "overlay.tiff", ["max", "q20", "share>1", "mean"]
    stored = case.layout.write(path, case.raster)
    levels = [level.reshape(*level.shape[:2], -1)[..., 0] for level in stored.levels]
    table = tile_table(path, case.tiles, case.mpp_tile)

    found = evaluate(statistics_expression(case.roi, statistics=names), table).to_pylist()

    for (x, y), row in zip(case.tiles, found, strict=True):
        alpha = stored.alpha and list(stored.alpha)
        patch, outside = oracles.overlay_patch(levels, stored.mpp, x, y, case.mpp_tile, case.roi, alpha)
        numbers = patch[~outside]
        if len(numbers):
            expected = [float(in_numpy(numbers, Statistic.parse(name))) for name in names]
            assert list(row.values()) == pytest.approx(expected, rel=1e-12)
        else:
            assert list(row.values()) == [None] * 4
