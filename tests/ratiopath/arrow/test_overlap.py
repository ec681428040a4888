"""The overlap column of arrays: the same numbers as on Ray, without Ray."""

import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
import shapely

from ratiopath.arrow import tile_overlay_overlap
from ratiopath.errors import ParameterError, RatiopathError, RoiError, SlideNotFoundError
from tests.support.expressions import evaluate, overlap_expression, tile_table
from tests.support.layouts import LAYOUTS, Raster

ROI = shapely.box(0, 0, 2, 2)


@pytest.fixture
def mask(tmp_path):
    path = tmp_path / "mask.tiff"
    LAYOUTS["tiles"].write(path, Raster((np.array([[0, 0, 7, 7], [0, 255, 7, 7]], np.uint8),), (1.0, 1.0)))
    return str(path)


def test_numbers_for_all_rows_stand_beside_arrays(mask):
    found = tile_overlay_overlap(ROI, mask, tile_x=np.array([0, 2, 9]), tile_y=0, mpp_x=1.0, mpp_y=pa.scalar(1.0))

    assert found.to_pylist() == [
        {"0": 0.75, "7": None, "255": 0.25},
        {"0": None, "7": 1.0, "255": None},
        {"0": None, "7": None, "255": None},
    ]


def test_arrays_of_a_table_give_what_the_expression_gives(mask):
    table = tile_table(mask, [(0, 0), (1, 0), (-1, 1), (2, 0)], (1.0, 1.0))
    columns = {name: table[name] for name in ("tile_x", "tile_y", "mpp_x", "mpp_y")}

    found = tile_overlay_overlap(ROI, table["mask"], **columns, overlay_mpp=0.5)

    assert found.equals(evaluate(overlap_expression(ROI, overlay_mpp=0.5), table))


def test_area_weights_count_a_pixel_by_its_part_inside(mask):
    table = tile_table(mask, [(0, 0), (1, 0), (2, 0), (9, 0)], (1.0, 1.0))
    columns = {name: table[name] for name in ("tile_x", "tile_y", "mpp_x", "mpp_y")}
    roi = shapely.box(0.5, 0, 2.5, 2)

    found = tile_overlay_overlap(roi, table["mask"], **columns, weights="area")

    assert found.to_pylist() == [
        {"0": 0.5, "7": 0.25, "255": 0.25},
        {"0": 0.125, "7": 0.75, "255": 0.125},
        {"0": None, "7": 1.0, "255": None},
        {"0": None, "7": None, "255": None},
    ]
    assert found.equals(evaluate(overlap_expression(roi, weights="area"), table))


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"roi": shapely.box(0, 0, 0, 0)}, RoiError),
        ({"tile_x": np.array([0, 1]), "tile_y": np.array([0])}, ParameterError),
        ({"tile_x": 0}, ParameterError),
        ({"weights": "areas"}, ParameterError),
        ({"overlay_path": "none.tiff"}, SlideNotFoundError),
    ],
)
def test_bad_arguments_are_refused_as_on_ray(mask, changes, error):
    good = {"roi": ROI, "overlay_path": mask, "tile_x": np.array([0]), "tile_y": 0, "mpp_x": 1, "mpp_y": 1}
    with pytest.raises(error):
        tile_overlay_overlap(**{**good, **changes})


def test_grids_and_overlaps_need_no_ray(mask):
    """Importing and starting Ray takes longer than counting a slide."""
    code = (
        "import sys, shapely; from ratiopath.arrow import grid_tiles, tile_overlay_overlap;"
        f"x, y = zip(*grid_tiles((4, 2), (2, 2), (2, 2))); roi = shapely.box(0, 0, 2, 2);"
        f"tile_overlay_overlap(roi, {mask!r}, x, y, 1, 1); print('ray' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "False\n"


@pytest.mark.parametrize(
    "changes",
    [
        {"tile_x": 9.2e18}, {"tile_y": -9.3e18}, {"tile_x": 2**63 - 1}, {"tile_x": 2**53 + 2}, {"tile_x": float("inf")},
        {"tile_x": 9e15, "mpp_x": 1000.0}, {"tile_y": -9e15, "mpp_y": 1e6},
        {"roi": shapely.box(9e15, 0, 9e15 + 4, 2), "tile_x": 9e15},
    ],
)  # fmt: skip
def test_a_coordinate_that_no_integer_holds_is_refused(mask, changes):
    arguments = {"roi": ROI, "overlay_path": [mask], "tile_x": 0, "tile_y": 0, "mpp_x": 1.0, "mpp_y": 1.0} | changes
    with pytest.raises(ParameterError, match=r"beyond 9,007,199,254,740,992|NaN or infinite"):
        tile_overlay_overlap(**arguments)


def test_a_coordinate_far_outside_is_a_coordinate(mask):
    arguments = {"overlay_path": [mask], "tile_x": 2**53 - 10, "tile_y": -(2**53), "mpp_x": 1.0, "mpp_y": 1.0}
    assert tile_overlay_overlap(ROI, **arguments).to_pylist() == [{"0": None}]


TILE = {"tile_x": [0], "tile_y": [0], "mpp_x": [1.0], "mpp_y": [1.0]}


@pytest.mark.parametrize("x", [2**63, 10**30, 2**62, 9.2e18, -9.2e18, "0"])
def test_a_tile_beyond_all_pixels_is_refused(x) -> None:
    with pytest.raises(ParameterError):
        tile_overlay_overlap(ROI, "a.tiff", **{**TILE, "tile_x": [x]})


@pytest.mark.parametrize("path", ["a\0b.tiff", "a\udcff.tiff", "nope.tiff"])
def test_a_path_that_leads_nowhere_is_an_error_of_the_library(path) -> None:
    with pytest.raises(RatiopathError):
        tile_overlay_overlap(ROI, path, **TILE)
