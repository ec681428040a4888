"""The shares of a slide's tiles for the gallery."""

import base64
import json
from typing import Any

import numpy as np
import pytest

from flows.reports.previews import tile_shares
from flows.reports.previews.scene import Canvas, SampledValues
from flows.reports.previews.tile_shares import MARK, NO_SHARE, Histogram, Layout, write_script
from tests.support.previews import grid_of


def content(extent: tuple[int, int], tile: int, side: int, shares: np.ndarray) -> dict[str, Any]:
    """The object in the script of a slide whose tiles have the given shares, by row."""
    canvas = Canvas.of(*grid_of(extent, tile), side)
    sampled = SampledValues(canvas)
    rows, columns = np.indices(shares.shape)
    sampled.add(columns.ravel() * tile, rows.ravel() * tile, shares.ravel())
    text = write_script("s", Layout(9, 9, ((1, 2),)), canvas, {"c": sampled}, {"c": Histogram()})
    assert text.startswith(f'{MARK}\ntileShares("s", ')
    found: dict[str, Any] = json.loads(text.split('"s", ')[1].removesuffix(");\n"))
    return found


def cells(found: dict[str, Any]) -> list[list[int]]:
    numbers = np.frombuffer(base64.b64decode(found["shares"][0]), np.uint8)
    return numbers.reshape(-1, found["columns"]).tolist()


def test_each_tile_of_a_small_slide_is_a_cell() -> None:
    found = content((40, 20), 10, 80, np.array([[0, 0.005, 0.35, 1], [np.nan, 0.0049, 0.999, 0.5]]))
    assert cells(found) == [[0, 1, 70, 200], [NO_SHARE, 0, 199, 100]]
    assert (found["xs"], found["ys"]) == ([0, 20, 20, 40, 40, 60, 60, 80], [0, 20, 20, 40])
    assert found["is_whole"]


def test_a_large_slide_has_a_cell_for_several_tiles(monkeypatch) -> None:
    monkeypatch.setattr(tile_shares, "MAX_CELLS", 6)
    found = content((50, 30), 10, 100, np.arange(15).reshape(3, 5) / 200)
    assert cells(found) == [[0, 2, 4], [10, 12, 14]]
    assert (found["xs"], found["ys"]) == ([0, 40, 40, 80, 80, 100], [0, 40, 40, 60])
    assert not found["is_whole"]


def test_tiles_that_a_picture_does_not_show_have_no_cell() -> None:
    found = content((40, 20), 10, 2, np.zeros((2, 4)))
    assert cells(found) == [[0, 0]]
    assert not found["is_whole"]


def test_a_slide_without_tiles_has_no_cells() -> None:
    canvas = Canvas.of(*grid_of((5, 5), 10), 9)
    assert len(canvas.cells.xs) <= 1
    text = write_script("s", Layout(9, 9, ()), canvas, {}, {})
    assert '"shares":[]' in text


@pytest.mark.parametrize("extent", [(1 << 18, 1 << 18), (1 << 20, 64), (64, 1 << 20)])
def test_a_script_is_small_however_large_the_slide(extent) -> None:
    canvas = Canvas.of(*grid_of(extent, 64), 800)
    text = write_script("s", Layout(9, 9, ()), canvas, {"c": SampledValues(canvas)}, {"c": Histogram()})
    assert len(text) < 40_000


def test_a_histogram_counts_tiles_by_the_steps_of_the_picture() -> None:
    counted = Histogram()
    for part in ([0, 0.01, 0.05], [0.06, 1, np.nan, np.nan]):
        counted.add(np.array(part))
    assert counted.counts.tolist() == [1, 2, 1, *[0] * 17, 1, 2]
