"""Tile origins."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratiopath.errors import ParameterError
from ratiopath.grid import axis_origins, grid_columns, grid_tiles

lengths = st.integers(1, 60)
lasts = st.sampled_from(["keep", "drop", "shift"])


@pytest.mark.parametrize(
    ("slide", "tile", "stride", "last", "origins"),
    [
        (10, 4, 4, "keep", [0, 4, 8]),
        (10, 4, 4, "drop", [0, 4]),
        (10, 4, 4, "shift", [0, 4, 6]),
        (8, 4, 4, "keep", [0, 4]),
        (8, 4, 4, "shift", [0, 4]),
        (10, 4, 2, "keep", [0, 2, 4, 6]),
        (11, 4, 2, "keep", [0, 2, 4, 6, 8]),
        (11, 4, 2, "shift", [0, 2, 4, 6, 7]),
        (10, 2, 5, "keep", [0, 5]),  # what is left lies in the stride's gap: no tile beyond the slide
        (4, 4, 9, "drop", [0]),
    ],
)
def test_origins_of_one_axis(slide, tile, stride, last, origins):
    assert axis_origins(slide, tile, stride, last).tolist() == origins


@pytest.mark.parametrize(("last", "origins"), [("keep", [0]), ("shift", [0]), ("drop", [])])
@given(slide=lengths, more=st.integers(1, 60), stride=lengths)
def test_a_tile_larger_than_the_slide_is_treated_alike_whatever_the_stride(slide, more, stride, last, origins):
    assert axis_origins(slide, slide + more, stride, last).tolist() == origins


@given(lengths, lengths, lengths, lasts)
def test_every_tile_begins_on_the_slide_and_only_keep_reaches_beyond(slide, tile, stride, last):
    origins = axis_origins(slide, tile, stride, last)

    assert (np.diff(origins) > 0).all()
    assert ((origins >= 0) & (origins < slide)).all()
    if last == "drop" or (last == "shift" and tile <= slide):
        assert (origins + tile <= slide).all()


@given(lengths, lengths, lengths, st.sampled_from(["keep", "shift"]))
def test_without_gaps_keep_and_shift_cover_the_slide(slide, tile, stride, last):
    covered = np.zeros(slide + tile, dtype=bool)
    for origin in axis_origins(slide, tile, min(stride, tile), last):
        covered[origin : origin + tile] = True

    assert covered[:slide].all()


def test_tiles_are_row_major_with_x_fastest():
    assert list(grid_tiles((3, 4), (2, 2), (2, 2))) == [(0, 0), (2, 0), (0, 2), (2, 2)]


@pytest.mark.parametrize("axes", [1, 2, 3, 4])
def test_columns_and_tuples_agree_in_any_number_of_dimensions(axes):
    slide, tile, stride = (7, 5, 6, 3)[:axes], (2, 2, 3, 1)[:axes], (2, 3, 2, 1)[:axes]

    columns = grid_columns(slide, tile, stride, "shift")

    assert list(zip(*(c.tolist() for c in columns), strict=True)) == list(grid_tiles(slide, tile, stride, "shift"))
    assert all(column.dtype == np.int64 for column in columns)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((5, 5), (2, 2), (2, 0)), "invalid stride 0"),
        (((5, 5), (2, -2), (2, 2)), "invalid tile_extent -2"),
        (((0, 5), (2, 2), (2, 2)), "invalid slide_extent 0"),
        (((5, 5), (2, 2), (2.5, 2)), "invalid stride 2.5"),
        (((5, 5), (2, 2), (2,)), "have 2, 2 and 1 axes"),
        (((5, 5), 2, (2, 2)), "invalid tile_extent 2"),
        (((5, 5), (2, 2), (2, 2), "wrap"), "unknown last 'wrap'"),
    ],
)
def test_bad_arguments_are_refused_at_call_time(arguments, message):
    with pytest.raises(ParameterError, match=message):
        grid_tiles(*arguments)
