"""Refusals besides bad files: invalid ROIs, invalid resolutions, and images of too many values."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import shapely

from ratiopath.errors import InvalidMppError, ParameterError, RoiError, TooManyValuesError
from tests.support.bad_files import continuous
from tests.support.expressions import overlap_expression, overlaps_of, overlay_expression, patches_of, tile_table
from tests.support.layouts import LAYOUTS, Raster

BOX = shapely.box(0, 0, 16, 16)


def level() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 3, (40, 50)).astype(np.uint8)


def triangle_to(y: float) -> shapely.Polygon:
    with np.errstate(invalid="ignore"):  # what is wrong is made on purpose
        return shapely.Polygon([(0, 0), (4, 0), (4, y)])


WRONG_ROIS = {
    "empty-polygon": (shapely.Polygon(), "EMPTY"),
    "empty-multipolygon": (shapely.MultiPolygon(), "EMPTY"),
    "bow-tie": (shapely.Polygon([(0, 0), (4, 4), (4, 0), (0, 4)]), "self-intersection at (2, 2)"),
    "line": (shapely.LineString([(0, 0), (4, 4)]), "not a polygon"),
    "point": (shapely.Point(1, 1), "not a polygon"),
    "collection": (shapely.GeometryCollection([shapely.box(0, 0, 1, 1)]), "not a polygon"),
    "flat": (shapely.Polygon([(0, 0), (4, 0), (0, 0)]), "too few points"),
    "nan": (triangle_to(float("nan")), "nvalid"),
    "infinite": (triangle_to(float("inf")), "finite"),
    "none": (None, "not a polygon"),
    "numbers": ((0, 0, 4, 4), "not a polygon"),
}


@pytest.mark.parametrize("name", WRONG_ROIS)
@pytest.mark.parametrize("expression", [overlap_expression, overlay_expression])
def test_a_wrong_roi_is_refused_when_the_expression_is_made(name: str, expression: Callable) -> None:
    roi, problem = WRONG_ROIS[name]
    with pytest.raises(RoiError, match=re.escape(problem)):
        expression(roi)


@pytest.mark.parametrize("mpp", [0, -0.5, float("nan"), float("inf"), (0.5, 0)])
@pytest.mark.parametrize("expression", [overlap_expression, overlay_expression])
def test_a_wrong_resolution_is_refused_when_the_expression_is_made(mpp: object, expression: Callable) -> None:
    with pytest.raises(ParameterError, match="invalid mpp"):
        expression(BOX, overlay_mpp=mpp)


@pytest.mark.parametrize("mpp", [(0.0, 0.5), (0.5, -1.0), (float("nan"), 0.5), (0.5, float("inf"))])
@pytest.mark.parametrize("read", [overlaps_of, patches_of])
def test_a_wrong_resolution_of_the_tiles_is_refused(mpp: tuple[float, float], read: Callable, tmp_path: Path) -> None:
    LAYOUTS["tiles"].write(tmp_path / "a.tiff", Raster((level(),), (0.5, 0.5)))
    with pytest.raises(InvalidMppError, match="invalid resolution") as caught:
        read(tile_table(tmp_path / "a.tiff", [(0, 0)], mpp), BOX)
    assert caught.value.path == str(tmp_path / "a.tiff")


def test_65_536_values_are_counted(tmp_path: Path) -> None:
    continuous(tmp_path / "a.tiff", 65_536)
    [row] = overlaps_of(tile_table(tmp_path / "a.tiff", [(0, 0)], (0.5, 0.5)), shapely.box(0, 0, 257, 257))
    assert len(row) == 65_536


def test_65_537_values_are_refused(tmp_path: Path) -> None:
    continuous(tmp_path / "a.tiff", 65_537)
    with pytest.raises(TooManyValuesError, match="65,536 distinct values"):
        overlaps_of(tile_table(tmp_path / "a.tiff", [(0, 0)], (0.5, 0.5)), shapely.box(0, 0, 257, 257))


def test_patches_may_hold_any_number_of_values(tmp_path: Path) -> None:
    continuous(tmp_path / "a.tiff", 65_537)
    table = tile_table(tmp_path / "a.tiff", [(0, 0)], (0.5, 0.5))
    [(pixels, _)] = patches_of(table, shapely.box(0, 0, 257, 257))
    assert len(np.unique(pixels)) == 65_537


def test_values_spread_over_many_tiles_count_together(tmp_path: Path) -> None:
    continuous(tmp_path / "a.tiff", 65_537)
    tiles = [(x, y) for y in range(0, 257, 32) for x in range(0, 257, 32)]
    with pytest.raises(TooManyValuesError):
        overlaps_of(tile_table(tmp_path / "a.tiff", tiles, (0.5, 0.5)), shapely.box(0, 0, 32, 32))


def test_more_than_65_536_colours_are_refused_too(tmp_path: Path) -> None:
    values = np.arange(260 * 260)
    colours = np.stack([values % 256, values // 256 % 256, values // 65_536], axis=-1).reshape(260, 260, 3)
    whole = Raster((colours.astype(np.uint8),), (0.5, 0.5))
    replace(LAYOUTS["deflate"], pyramid="none").write(tmp_path / "a.tiff", whole)
    with pytest.raises(TooManyValuesError, match="3 channel"):
        overlaps_of(tile_table(tmp_path / "a.tiff", [(0, 0)], (0.5, 0.5)), shapely.box(0, 0, 260, 260))
