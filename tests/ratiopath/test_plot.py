"""Pictures of tiles: the boxes and numbers that matplotlib is given, for each kind of table."""

from pathlib import Path

import matplotlib as mpl
import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from ratiopath import plot
from ratiopath.errors import ParameterError
from ratiopath.plot import plot_tiles
from tests.support.layouts import LAYOUTS, Raster

SHARES = [0.25, None, 1.0]
TILES = {
    "slide_id": ["a"] * 3,
    "level": [1, 1, 1],
    "tile_x": [0, 16, 0],
    "tile_y": [0, 0, 16],
    "tile_extent_x": [16] * 3,
    "tile_extent_y": [16] * 3,
    "tumor": SHARES,
    "dominant": ["tumor", None, "stroma"],
}
LEVEL0 = {
    "level0_x": [0, 32, 0],
    "level0_y": [0, 0, 32],
    "level0_extent_x": [32] * 3,
    "level0_extent_y": [32] * 3,
}
CORNERS = [[[0, 0], [32, 0], [32, 32], [0, 32]], [[0, 32], [32, 32], [32, 64], [0, 64]]]
"""Boxes of the tiles with a share, px of level 0."""


@pytest.fixture(autouse=True)
def no_window(monkeypatch):
    mpl.use("agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415 - after the choice of the backend

    yield
    plt.close("all")


@pytest.fixture
def slide(tmp_path) -> Path:
    path, pixels = tmp_path / "a.tiff", np.full((64, 96, 3), 200, np.uint8)
    LAYOUTS["deflate"].write(path, Raster((pixels, pixels[::2, ::2]), (0.5, 0.5)))
    return path


def corners(ax) -> list[list[list[float]]]:
    return [path.vertices[:4].tolist() for path in ax.collections[0].get_paths()]


KINDS = [
    dict,
    pa.table,
    pl.DataFrame,
    lambda table: pa.table(table).to_pandas(),
    lambda table: pa.table(table).to_pandas().convert_dtypes(),
]


@pytest.mark.parametrize("kind", KINDS)
def test_each_table_gives_boxes_on_level_0_and_numbers(slide, kind) -> None:
    ax = plot_tiles(str(slide), kind(TILES | LEVEL0), "tumor")
    assert corners(ax) == CORNERS
    assert ax.collections[0].get_array().tolist() == [0.25, 1.0]
    assert ax.images[0].get_extent() == [0, 96, 64, 0]
    assert ax.images[0].get_array().shape == (32, 48)  # the coarsest level
    assert ax.figure.axes[1].get_ylabel() == "tumor"


def test_tiles_of_a_level_are_scaled_by_the_slide(slide) -> None:
    assert corners(plot_tiles(str(slide), TILES, "tumor")) == CORNERS


def test_a_slide_too_large_to_read_leaves_its_frame(slide, monkeypatch) -> None:
    monkeypatch.setattr(plot, "MAX_PIXELS", 1000)
    ax = plot_tiles(str(slide), TILES, "tumor")
    assert not ax.images
    assert (ax.get_xlim(), ax.get_ylim()) == ((0, 96), (64, 0))


@pytest.mark.parametrize("kind", KINDS)
def test_texts_have_a_legend(slide, kind) -> None:
    ax = plot_tiles(str(slide), kind(TILES), "dominant")
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["stroma", "tumor"]
    colours = [handle.get_facecolor()[:3] for handle in ax.get_legend().get_patches()]
    assert [tuple(colour[:3]) for colour in ax.collections[0].get_facecolor()] == colours[::-1]


def test_y_points_down_without_a_slide_too(slide) -> None:
    ax = plot_tiles(None, TILES | LEVEL0, "tumor")
    assert not ax.images
    assert ax.get_ylim()[0] > ax.get_ylim()[1]
    assert plot_tiles(str(slide), TILES, "tumor", ax=ax) is ax


def test_the_range_of_the_colours_may_be_given() -> None:
    assert plot_tiles(None, TILES | LEVEL0, "tumor", vmin=0, vmax=2).collections[0].get_clim() == (0, 2)


def test_no_tiles_are_an_empty_picture(slide) -> None:
    empty = pa.table(TILES | LEVEL0).slice(0, 0)
    assert corners(plot_tiles(str(slide), empty, "tumor")) == []


@pytest.mark.parametrize(
    ("changes", "column", "message"),
    [
        ({}, "stroma", "no column 'stroma'"),
        ({}, "tumor", "no column 'level0_x'; name one of the table, or pass the slide"),
        ({"slide_id": ["a", "b", "a"]}, "tumor", "of 2 slides"),
    ],
)
def test_refusals(changes, column, message) -> None:
    with pytest.raises(ParameterError, match=message):
        plot_tiles(None, TILES | changes, column)


def test_too_many_texts_are_refused() -> None:
    many = {name: [values[0]] * 21 for name, values in LEVEL0.items()} | {"name": list("abcdefghijklmnopqrstu")}
    with pytest.raises(ParameterError, match="has 21 texts, more than 20"):
        plot_tiles(None, many, "name")
