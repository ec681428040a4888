"""What is refused besides bad files: wrong ROIs, wrong resolutions, and images of too many values."""

import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import shapely

from ratiopath.errors import InvalidMppError, ParameterError, RatiopathError, RoiError, TooManyValuesError
from tests.support.expressions import overlap_expression, overlaps_of, overlay_expression, patches_of, tile_table
from tests.support.layouts import LAYOUTS, Layout, Raster

BOX = shapely.box(0, 0, 16, 16)


def level() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 3, (40, 50)).astype(np.uint8)


def triangle_to(y: float) -> shapely.Polygon:
    with np.errstate(invalid="ignore"):  # what is wrong is made on purpose
        return shapely.Polygon([(0, 0), (4, 0), (4, y)])


WRONG_ROIS = {
    "empty-polygon": (shapely.Polygon(), "not empty"),
    "empty-multipolygon": (shapely.MultiPolygon(), "not empty"),
    "bow-tie": (shapely.Polygon([(0, 0), (4, 4), (4, 0), (0, 4)]), "valid"),
    "line": (shapely.LineString([(0, 0), (4, 4)]), "Polygon"),
    "point": (shapely.Point(1, 1), "Polygon"),
    "collection": (shapely.GeometryCollection([shapely.box(0, 0, 1, 1)]), "Polygon"),
    "flat": (shapely.Polygon([(0, 0), (4, 0), (0, 0)]), "found"),
    "nan": (triangle_to(float("nan")), "found"),
    "infinite": (triangle_to(float("inf")), "finite"),
    "none": (None, "Polygon"),
    "numbers": ((0, 0, 4, 4), "Polygon"),
}


@pytest.mark.parametrize("name", WRONG_ROIS)
@pytest.mark.parametrize("expression", [overlap_expression, overlay_expression])
def test_a_wrong_roi_is_refused_when_the_expression_is_made(name: str, expression: Callable) -> None:
    roi, rule = WRONG_ROIS[name]
    with pytest.raises(RoiError, match="found") as caught:
        expression(roi)
    assert rule in str(caught.value)
    assert "shapely." in str(caught.value)
    assert isinstance(caught.value, ParameterError | ValueError | RatiopathError)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)  # noqa: S301 - our own bytes


@pytest.mark.parametrize("mpp", [0, -0.5, float("nan"), float("inf"), (0.5, 0)])
@pytest.mark.parametrize("expression", [overlap_expression, overlay_expression])
def test_a_wrong_resolution_is_refused_when_the_expression_is_made(mpp: object, expression: Callable) -> None:
    with pytest.raises(ParameterError, match="finite and > 0"):
        expression(BOX, overlay_mpp=mpp)


@pytest.mark.parametrize("mpp", [(0.0, 0.5), (0.5, -1.0), (float("nan"), 0.5), (0.5, float("inf"))])
@pytest.mark.parametrize("read", [overlaps_of, patches_of])
def test_a_wrong_resolution_of_the_tiles_is_refused(mpp: tuple[float, float], read: Callable, tmp_path: Path) -> None:
    LAYOUTS["tiles"].write(tmp_path / "a.tiff", Raster((level(),), (0.5, 0.5)))
    with pytest.raises(InvalidMppError, match="finite and > 0") as caught:
        read(tile_table(tmp_path / "a.tiff", [(0, 0)], mpp), BOX)
    assert str(tmp_path / "a.tiff") in str(caught.value)
    assert "mpp_x" in caught.value.remedy


def many_values(path: Path, count: int) -> None:
    values = np.arange(257 * 257, dtype=np.int64) % count
    pixels = np.random.default_rng(0).permutation(values).reshape(257, 257).astype(np.float32)
    Layout(pyramid="none", compression="deflate").write(path, Raster((pixels,), (0.5, 0.5)))


def test_65_536_values_are_counted(tmp_path: Path) -> None:
    many_values(tmp_path / "a.tiff", 65_536)
    [row] = overlaps_of(tile_table(tmp_path / "a.tiff", [(0, 0)], (0.5, 0.5)), shapely.box(0, 0, 257, 257))
    assert len(row) == 65_536


def test_65_537_values_are_refused_and_the_message_says_what_to_use_instead(tmp_path: Path) -> None:
    many_values(tmp_path / "a.tiff", 65_537)
    table = tile_table(tmp_path / "a.tiff", [(0, 0)], (0.5, 0.5))
    with pytest.raises(TooManyValuesError) as caught:
        overlaps_of(table, shapely.box(0, 0, 257, 257))
    for part in ("65,536", "float32", str(tmp_path / "a.tiff"), "tile_overlay"):
        assert part in str(caught.value)
    [(pixels, _)] = patches_of(table, shapely.box(0, 0, 257, 257))
    assert len(np.unique(pixels)) == 65_537


def test_values_spread_over_many_tiles_count_together(tmp_path: Path) -> None:
    many_values(tmp_path / "a.tiff", 65_537)
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
